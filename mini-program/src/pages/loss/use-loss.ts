/** The card's state, and the two things that are done about a loss. */
import { computed, ref } from 'vue'
import type { Loss, LossClaim, LossReason } from '@/core/api/loss'
import { actOf, isOutdated, type LossAct } from '@/core/loss'
import { type ApiError, isOutcomeUnknown, problemCode } from '@/core/problem'
import type { Result } from '@/core/result'
import { goHome } from '@/platform/navigation'
import { cancelLoss, loadLoss, reportLoss } from '@/services/loss'
import { useAttempt } from '../use-attempt'
import { useLoad } from '../use-load'

export function useLoss() {
  const { value: loss, error, loading, state, load: fetch } = useLoad(loadLoss)
  const { busy, refusal, waiting, attempt, labelled } = useAttempt()
  /** What was asked for without an answer: it may be done or not. */
  const unknown = ref<LossAct | null>(null)
  /** What was done here, and the server said so. */
  const done = ref<LossAct | null>(null)
  const act = computed<LossAct>(() => (loss.value === null ? 'report' : actOf(loss.value)))

  /** Only the server says how the card stands. */
  async function load(): Promise<void> {
    const loaded = await fetch()
    if (loaded === null) return
    if (loaded.ok) unknown.value = null
    else if (loaded.error.kind === 'signed_out') goHome()
  }

  function report(claim: LossClaim, reason: LossReason): Promise<boolean> {
    return ask('report', () => reportLoss(claim, reason))
  }

  function cancel(claim: LossClaim): Promise<boolean> {
    return ask('cancel', () => cancelLoss(claim))
  }

  /** Whether it was refused, so that what was filled in can be put right. */
  async function ask(
    asked: LossAct,
    send: () => Promise<Result<Loss, ApiError>>,
  ): Promise<boolean> {
    done.value = null
    const answer = await attempt(send)
    if (answer === null) return false
    if (answer.ok) {
      loss.value = answer.value
      done.value = asked
      return false
    }
    if (isOutcomeUnknown(answer.error)) {
      unknown.value = asked
      return false
    }
    // What was shown is not so any more; the refusal stays in sight.
    if (isOutdated(problemCode(answer.error))) await load()
    return true
  }

  const attempting = { busy, refusal, waiting, labelled }
  return { loss, error, loading, state, act, unknown, done, load, report, cancel, ...attempting }
}
