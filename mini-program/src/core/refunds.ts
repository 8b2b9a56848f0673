/** What goes back of an order, in words. */
import type { Order, Refund } from './api/orders'
import { momentText } from './calendar'
import { balanceText, type Fen, sumOf } from './money'
import { stateLabels } from './order'

type Refunded = Pick<Order, 'state' | 'amount_fen' | 'refunds'>

/** What people call who gives money back; empty for who is not known here. */
export type NameOf = (funding: string) => string

interface Counted {
  readonly sum: Fen
  /** Whether all of it was paid beyond the order, which is credited all the same. */
  readonly isSurplus: boolean
}

function countedIn({ refunds }: Refunded, ...states: Refund['state'][]): Counted {
  const counted = (refunds ?? []).filter(({ state }) => states.includes(state))
  return {
    sum: sumOf(counted.map(({ amount_fen }) => amount_fen)),
    isSurplus: counted.every(({ surplus }) => surplus),
  }
}

/** What goes back of an order that is being refunded. */
export interface GoingBack {
  readonly kind: 'whole' | 'part' | 'surplus'
  readonly amount: Fen
}

/** Null for an order that is not being refunded. */
export function goingBack(order: Refunded): GoingBack | null {
  if (order.state !== 'refunding') return null
  const { sum: amount, isSurplus } = countedIn(order, 'done', 'requested', 'sent')
  if (amount === 0) return { kind: 'whole', amount: order.amount_fen }
  if (isSurplus) return { kind: 'surplus', amount }
  return { kind: amount < order.amount_fen ? 'part' : 'whole', amount }
}

/** The order's state in a list. An order that stays credited may have refunds, too. */
export function stateText(order: Refunded): string {
  const label = stateLabels[order.state]
  const back = goingBack(order)
  if (back !== null) return back.kind === 'whole' ? label : `${label} ${balanceText(back.amount)}`
  const { sum: done, isSurplus } = countedIn(order, 'done')
  if (done === 0 || order.state === 'refunded') return label
  const amount = balanceText(done)
  return `${label}，${isSurplus ? `多付的 ${amount} 已退回` : `已退款 ${amount}`}`
}

/** One refund as a line on the order's page. */
export interface RefundLine {
  readonly id: string
  readonly label: string
  readonly detail: string
  readonly amount: Fen
}

/** Newest first. */
export function refundLines(order: Refunded, now: number, nameOf: NameOf): RefundLine[] {
  const lines = (order.refunds ?? []).map((refund) => ({
    id: refund.id,
    label: `${refund.surplus ? '多付的' : ''}${lineLabel(refund, nameOf(refund.funding))}`,
    detail: lineDetail(refund, now),
    amount: refund.amount_fen,
  }))
  return lines.reverse()
}

function lineLabel({ state }: Refund, name: string): string {
  switch (state) {
    case 'requested':
    case 'sent':
      return name === '' ? '退款处理中' : `退款处理中，退回${name}`
    case 'done':
      return `已原路退回${name}`
    case 'failed':
      return '退款未成功'
  }
}

function lineDetail({ state, surplus, created_at, done_at }: Refund, now: number): string {
  const moment = momentText(done_at ?? created_at, now)
  if (state !== 'failed') return moment
  return `${moment}，${surplus ? '这笔钱还在学校账上，' : ''}请咨询一卡通中心`
}

/**
 * Where the money of a second payment is, for an order that is itself settled; empty where there
 * was none, or where the order's state tells of it.
 */
export function surplusText(order: Refunded, nameOf: NameOf): string {
  const surplus = (order.refunds ?? []).filter((refund) => refund.surplus)
  if (surplus.length === 0 || goingBack(order)?.kind === 'surplus') return ''
  const paid = `多付了 ${balanceText(sumOf(surplus.map(({ amount_fen }) => amount_fen)))}`
  const states = surplus.map(({ state }) => state)
  if (states.includes('failed')) return `${paid}，没有全部退成，请咨询一卡通中心`
  if (states.some((state) => state !== 'done')) return `${paid}，正在原路退回`
  const names = [...new Set(surplus.map(({ funding }) => nameOf(funding)))].join('和')
  return `${paid}，已原路退回${names}，没有记入余额`
}
