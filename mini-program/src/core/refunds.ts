/** What goes back of an order, in words. */
import type { Order, Refund } from './api/orders'
import { momentText } from './calendar'
import { balanceText, type Fen, sumOf } from './money'
import { stateLabels } from './order'

/** Sums of the refunds that are done, and of those that may still be. */
interface RefundSums {
  readonly done: Fen
  readonly underWay: Fen
}

type Refunded = Pick<Order, 'state' | 'amount_fen' | 'refunds'>

function sumsOf({ refunds }: Refunded): RefundSums {
  const sum = (...states: Refund['state'][]): Fen => {
    const counted = (refunds ?? []).filter(({ state }) => states.includes(state))
    return sumOf(counted.map(({ amount_fen }) => amount_fen))
  }
  return { done: sum('done'), underWay: sum('requested', 'sent') }
}

/** How much of the order goes or went back, where that is not all of it; else null. */
export function refundedPart(order: Refunded): Fen | null {
  const { done, underWay } = sumsOf(order)
  const part = order.state === 'refunding' ? sumOf([done, underWay]) : done
  return part > 0 && part < order.amount_fen ? part : null
}

/**
 * The order's state in a list. An order that stays as it is may have refunds, too: of a part of it,
 * or of a second payment.
 */
export function stateText(order: Refunded): string {
  const label = stateLabels[order.state]
  const { done, underWay } = sumsOf(order)
  switch (order.state) {
    case 'refunding':
    case 'refunded': {
      const part = refundedPart(order)
      return part === null ? label : `${label} ${balanceText(part)}`
    }
    case 'awaiting_payment':
    case 'paid':
    case 'fulfilled':
    case 'closed':
      if (underWay > 0) return `${label}，退款中 ${balanceText(underWay)}`
      return done > 0 ? `${label}，已退款 ${balanceText(done)}` : label
  }
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

/** Newest first, as they are written about. */
export function refundLines(order: Refunded, now: number): RefundLine[] {
  const lines = (order.refunds ?? []).map(({ id, amount_fen, state, created_at, done_at }) => {
    const moment = momentText(done_at ?? created_at, now)
    const detail = state === 'failed' ? `${moment}，请咨询一卡通中心` : moment
    return { id, label: lineLabels[state], detail, amount: amount_fen }
  })
  return lines.reverse()
}
