/** Seconds until a moment, counted down while the component lives. */
import { computed, onUnmounted, ref } from 'vue'
import { secondsLeft } from '@/core/wait'

const tickMs = 1_000

export function useCountdown() {
  const until = ref(0)
  const now = ref(0)
  /** Taken from the clock at each tick: a page in the background does not tick. */
  const left = computed(() => secondsLeft(until.value, now.value))
  let timer: ReturnType<typeof setInterval> | undefined

  function stop(): void {
    clearInterval(timer)
  }

  function tick(): void {
    now.value = Date.now()
    if (left.value === 0) stop()
  }

  /** @param moment in milliseconds since 1970 */
  function countTo(moment: number): void {
    stop()
    until.value = moment
    timer = setInterval(tick, tickMs)
    tick()
  }

  function end(): void {
    countTo(0)
  }

  onUnmounted(stop)
  return { left, countTo, end }
}
