/** Listens for uses of the code, and for what came back of them, while the page is shown. */
import { ref, shallowRef } from 'vue'
import type { CodeUse, LossEvent } from '@/core/api/events'
import { lossesIn, newsOf, retryDelayMs, toldIn, type UseNews, usesIn } from '@/core/events'
import { isOutOfReach, retryAfter } from '@/core/problem'
import { goHome } from '@/platform/navigation'
import { isReachable, nextEvents } from '@/services/events'

/** Between two questions, whatever the server answers. */
const pauseMs = 300

interface Listener {
  readonly onUse: (use: CodeUse) => void
  /** The card was reported lost, or found. */
  readonly onLoss: (losses: readonly LossEvent[]) => void
  /** The server answered, so this device is on line and was seen. */
  readonly onHeard: () => void
}

export function useNews({ onUse, onLoss, onHeard }: Listener) {
  const news = shallowRef<UseNews | null>(null)
  const isOffline = ref(false)
  /** Rises with each start and stop: an answer to an older question is let go. */
  let number = 0
  let giveUp = (): void => undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  function start(): void {
    stop()
    void ask(number, 0)
  }

  function stop(): void {
    number += 1
    clearTimeout(timer)
    giveUp()
    giveUp = () => undefined
  }

  function forget(): void {
    news.value = null
  }

  async function ask(asked: number, failures: number): Promise<void> {
    if (failures > 0 && isOffline.value) {
      // The question itself is answered only when something happens.
      const reached = await isReachable()
      if (asked !== number) return
      if (!reached) return again(asked, failures + 1, retryDelayMs(failures + 1))
      isOffline.value = false
    }
    const answer = await nextEvents((way) => {
      giveUp = way
    })
    if (asked !== number) return
    isOffline.value = !answer.ok && isOutOfReach(answer.error)
    if (answer.ok) {
      usesIn(answer.value).forEach(onUse)
      news.value = newsOf(toldIn(answer.value), Date.now(), news.value) ?? news.value
      const losses = lossesIn(answer.value)
      if (losses.length > 0) onLoss(losses)
      onHeard()
      // What was heard may have ended the listening.
      if (asked !== number) return
      return again(asked, 0, pauseMs)
    }
    if (answer.error.kind === 'signed_out') return goHome()
    const waitMs = Math.max(retryDelayMs(failures + 1), retryAfter(answer.error) * 1_000)
    return again(asked, failures + 1, waitMs)
  }

  function again(asked: number, failures: number, delayMs: number): void {
    timer = setTimeout(() => void ask(asked, failures), delayMs)
  }

  return { news, isOffline, start, stop, forget }
}
