/** Follows one order until the server has said its last word about it. */
import { computed, ref } from 'vue'
import type { Order } from '@/core/api'
import { isMoving, orderView, type Watch } from '@/core/order'
import { nextDelayMs } from '@/core/polling'
import { type ApiError, errorMessage } from '@/core/problem'
import { goHome } from '@/platform/navigation'
import { loadOrder } from '@/services/orders'

export function useOrder() {
  const order = ref<Order | null>(null)
  const error = ref('')
  const watch = ref<Watch>('watching')
  const asking = ref(false)
  const missing = ref(false)
  const view = computed(() => orderView(order.value?.state ?? null, watch.value))

  let id = ''
  /** Rises with each start and stop: an answer to an older watch is let go. */
  let watchNumber = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  function start(orderId: string): void {
    stop()
    id = orderId
    watch.value = 'watching'
    void ask(watchNumber, 1, Date.now())
  }

  function stop(): void {
    watchNumber += 1
    clearTimeout(timer)
  }

  async function ask(number: number, asked: number, since: number): Promise<void> {
    asking.value = true
    const answer = await loadOrder(id)
    if (number !== watchNumber) return
    asking.value = false
    error.value = answer.ok ? '' : errorMessage(answer.error)
    if (answer.ok) order.value = answer.value
    else if (isFinal(answer.error)) return end(answer.error)
    if (!isMoving(order.value?.state ?? null)) return
    const delay = nextDelayMs(asked, Date.now() - since)
    if (delay === null) watch.value = 'given_up'
    else timer = setTimeout(() => void ask(number, asked + 1, since), delay)
  }

  function end(reason: ApiError): void {
    if (reason.kind === 'signed_out') return goHome()
    watch.value = 'given_up'
    missing.value = order.value === null
  }

  return { order, error, view, asking, missing, start, stop }
}

/** Asking again would not help: the session is over, or there is no such order. */
function isFinal(error: ApiError): boolean {
  return error.kind === 'signed_out' || (error.kind === 'problem' && error.status === 404)
}
