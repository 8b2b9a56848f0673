/** What goes back of an order, in words. */
import type { Order, Refund } from './api/orders'
import { momentText } from './calendar'
import { balanceText, type Fen, sumOf } from './money'
import { stateLabels } from './order'

type Refunded = Pick<Order, 'state' | 'amount_fen' | 'payments' | 'refunds'>

function sumIn({ refunds }: Refunded, ...states: Refund['state'][]): Fen {
  const counted = (refunds ?? []).filter(({ state }) => states.includes(state))
  return sumOf(counted.map(({ amount_fen }) => amount_fen))
}

/** Whether the order is credited all the same: it was paid more than once. */
function isSurplus({ amount_fen, payments }: Refunded, back: Fen): boolean {
  const paid = payments.filter(({ state }) => state === 'paid').length
  return back <= amount_fen * (paid - 1)
}

/** What goes back of an order that is being refunded. */
export interface GoingBack {
  readonly kind: 'whole' | 'part' | 'surplus'
  readonly amount: Fen
}

/** Null for an order that is not being refunded. */
export function goingBack(order: Refunded): GoingBack | null {
  if (order.state !== 'refunding') return null
  const amount = sumIn(order, 'done', 'requested', 'sent')
  if (amount === 0) return { kind: 'whole', amount: order.amount_fen }
  if (isSurplus(order, amount)) return { kind: 'surplus', amount }
  return { kind: amount < order.amount_fen ? 'part' : 'whole', amount }
}

/** The order's state in a list. An order that stays credited may have refunds, too. */
export function stateText(order: Refunded): string {
  const label = stateLabels[order.state]
  const back = goingBack(order)
  if (back !== null) return back.kind === 'whole' ? label : `${label} ${balanceText(back.amount)}`
  const done = sumIn(order, 'done')
  if (done === 0 || order.state === 'refunded') return label
  const amount = balanceText(done)
  return isSurplus(order, done) ? `${label}，多付的 ${amount} 已退回` : `${label}，已退款 ${amount}`
}

/** One refund as a line on the order's page. */
export interface RefundLine {
  readonly id: string
  readonly label: string
  readonly detail: string
  readonly amount: Fen
}

const lineLabels: Readonly<Record<Refund['state'], string>> = {
  requested: '退款处理中',
  sent: '退款处理中',
  done: '已原路退回',
  failed: '退款未成功',
}

/** Newest first. */
export function refundLines(order: Refunded, now: number): RefundLine[] {
  const lines = (order.refunds ?? []).map(({ id, amount_fen, state, created_at, done_at }) => {
    const moment = momentText(done_at ?? created_at, now)
    const detail = state === 'failed' ? `${moment}，请咨询一卡通中心` : moment
    return { id, label: lineLabels[state], detail, amount: amount_fen }
  })
  return lines.reverse()
}
