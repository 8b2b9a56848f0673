/** Follows one order until the server has said its last word about it. */
import { computed, ref, shallowRef, watch } from 'vue'
import type { Order } from '@/core/api/orders'
import { parseTime } from '@/core/calendar'
import { isMoving, orderView } from '@/core/order'
import { nextDelayMs, type Watch, watchAfter } from '@/core/polling'
import type { ApiError } from '@/core/problem'
import { goingBack } from '@/core/refunds'
import { goHome } from '@/platform/navigation'
import { loadOrder } from '@/services/orders'
import { useCountdown } from '@/ui/countdown'

export function useOrder() {
  const order = shallowRef<Order | null>(null)
  const error = ref<ApiError | null>(null)
  const paying = ref(false)
  const givenUp = ref(false)
  const waited = ref<Watch>('fresh')
  const asking = ref(false)
  const missing = ref(false)
  /** Seconds until the order expires; 0 when it has, or when it has no end. */
  const { left, countTo } = useCountdown()

  const state = computed(() => order.value?.state ?? null)
  const expired = computed(() => order.value !== null && left.value === 0)
  const view = computed(() =>
    orderView({
      state: state.value,
      paying: paying.value,
      watch: waited.value,
      expired: expired.value,
      givenUp: givenUp.value,
      goingBack: order.value === null ? null : goingBack(order.value),
    }),
  )

  let id = ''
  /** Rises with each start and stop: an answer to an older watch is let go. */
  let watchNumber = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  watch(order, (shown) => {
    if (shown !== null) countTo(parseTime(shown.expires_at) ?? 0)
  })

  /** @param afterPayment whether the person has just been at the payment of this order */
  function start(orderId: string, afterPayment: boolean): void {
    stop()
    id = orderId
    paying.value = afterPayment
    if (afterPayment) givenUp.value = false
    waited.value = 'fresh'
    void ask(watchNumber, 1, Date.now())
  }

  function stop(): void {
    watchNumber += 1
    clearTimeout(timer)
  }

  /** Goes on with the order as giving it up has left it. */
  function startAfterGivingUp(answer: Order): void {
    order.value = answer
    givenUp.value = true
    start(answer.id, false)
  }

  async function ask(number: number, asked: number, since: number): Promise<void> {
    asking.value = true
    const answer = await loadOrder(id)
    if (number !== watchNumber) return
    asking.value = false
    error.value = answer.ok ? null : answer.error
    if (answer.ok) order.value = answer.value
    else if (isFinal(answer.error)) return end(answer.error)
    const waitedMs = Date.now() - since
    waited.value = watchAfter(waitedMs)
    if (!isMoving(state.value)) return
    const delay = nextDelayMs(asked, waitedMs)
    if (delay !== null) timer = setTimeout(() => void ask(number, asked + 1, since), delay)
  }

  function end(reason: ApiError): void {
    if (reason.kind === 'signed_out') return goHome()
    waited.value = 'given_up'
    missing.value = order.value === null
  }

  return { order, error, view, left, asking, missing, start, startAfterGivingUp, stop }
}

/** Asking again would not help: the session is over, or there is no such order. */
function isFinal(error: ApiError): boolean {
  return error.kind === 'signed_out' || (error.kind === 'problem' && error.status === 404)
}
