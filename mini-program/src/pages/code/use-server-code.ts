/** A code that the server made, and the next one in its time: for a client without keys. */
import { computed, type Ref, ref, watch } from 'vue'
import type { Purpose } from '@/core/enrolment'
import { retryDelayMs } from '@/core/events'
import { type ApiError, problemCode, retryAfter } from '@/core/problem'
import { askForCode } from '@/services/passcode'
import { useCountdown } from '@/ui/countdown'

export function useServerCode(purpose: Ref<Purpose>) {
  /** Empty until there is one, and while the codes of this moment are used up. */
  const digits = ref('')
  const error = ref<ApiError | null>(null)
  const lifeMs = ref(0)
  const isUsedUp = computed(() => problemCode(error.value) === 'codes_used_up')
  const { left, countTo } = useCountdown()
  const leftMs = computed(() => left.value * 1_000)
  let isRunning = false
  let failures = 0
  /** Rises with each start and stop: an answer to an older question is let go. */
  let number = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  function start(): void {
    stop()
    isRunning = true
    failures = 0
    void ask(number)
  }

  function stop(): void {
    isRunning = false
    digits.value = ''
    number += 1
    clearTimeout(timer)
  }

  async function ask(asked: number): Promise<void> {
    // What was shown is used or over, also while the answer is long in coming.
    digits.value = ''
    const answer = await askForCode(purpose.value)
    if (asked !== number) return
    error.value = answer.ok ? null : answer.error
    digits.value = answer.ok ? answer.value.code : ''
    failures = answer.ok ? 0 : failures + 1
    lifeMs.value = answer.ok
      ? answer.value.refresh_after_ms
      : Math.max(retryDelayMs(failures), retryAfter(answer.error) * 1_000)
    countTo(Date.now() + lifeMs.value)
    timer = setTimeout(() => void ask(asked), lifeMs.value)
  }

  // A code of the other purpose is not shown meanwhile.
  watch(purpose, () => {
    if (isRunning) start()
  })

  return { digits, isUsedUp, leftMs, lifeMs, error, start, stop, next: start }
}
