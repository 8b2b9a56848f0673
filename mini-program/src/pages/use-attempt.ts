/** One act of a form: once at a time, its refusal kept to be shown, and the wait it demands. */
import { computed, ref, watch } from 'vue'
import { type ApiError, retryAfter } from '@/core/problem'
import type { Result } from '@/core/result'
import { waitText } from '@/core/wait'
import { showFirstComplaint } from '@/platform/complaints'
import { goHome } from '@/platform/navigation'
import { useCountdown } from '@/ui/countdown'

export function useAttempt() {
  const busy = ref(false)
  const refusal = ref<ApiError | null>(null)
  const { left, countTo, end } = useCountdown()
  const waiting = computed(() => left.value > 0)

  // Once the wait is over, the refusal has nothing to say any more.
  watch(waiting, (stillWaiting) => {
    if (!stillWaiting) refusal.value = null
  })

  /** Null when it is not the time: something is under way, or the server wants to be left alone. */
  async function attempt<T>(
    act: () => Promise<Result<T, ApiError>>,
  ): Promise<Result<T, ApiError> | null> {
    if (busy.value || waiting.value) return null
    busy.value = true
    refusal.value = null
    const result = await act()
    busy.value = false
    if (!result.ok) refuse(result.error)
    return result
  }

  function refuse(error: ApiError): void {
    if (error.kind === 'signed_out') return goHome()
    refusal.value = error
    showFirstComplaint()
    const seconds = retryAfter(error)
    if (seconds > 0) countTo(Date.now() + seconds * 1_000)
  }

  /** Another way was taken, which the refusal and its wait are not about. */
  function startOver(): void {
    refusal.value = null
    end()
  }

  /** What the button says: its own label, or how long to wait. */
  function labelled(label: string): string {
    return waiting.value ? `请等待 ${waitText(left.value)}` : label
  }

  return { busy, refusal, waiting, attempt, startOver, labelled }
}
