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
  /** Whether it was paid beyond the order, which is credited all the same. */
  readonly isSurplus: boolean
}

const sum = (refunds: readonly Refund[]): Fen => sumOf(refunds.map(({ amount_fen }) => amount_fen))

/** What goes back of the order itself; where that is nothing, what was paid beyond it. */
function countedIn({ refunds }: Refunded, ...states: Refund['state'][]): Counted {
  const counted = (refunds ?? []).filter(({ state }) => states.includes(state))
  const own = counted.filter(({ surplus }) => !surplus)
  const isSurplus = own.length === 0
  return { sum: sum(isSurplus ? counted : own), isSurplus }
}

/** What goes back of an order that is being refunded. */
export interface GoingBack {
  readonly kind: 'whole' | 'part' | 'surplus'
  readonly amount: Fen
}

/** Null for an order that is not being refunded. */
export function goingBack(order: Refunded): GoingBack | null {
  if (order.state !== 'refunding') return null
  const open = countedIn(order, 'requested', 'sent')
  const { sum: amount, isSurplus } = open.isSurplus
    ? open
    : countedIn(order, 'done', 'requested', 'sent')
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

function lineLabel({ state, credited }: Refund, name: string): string {
  switch (state) {
    case 'requested':
    case 'sent':
      return name === '' ? '退款处理中' : `退款处理中，退回${name}`
    case 'done':
      return `已原路退回${name}`
    case 'failed':
      return credited ? '退款未成功，已记入电子账户' : '退款未成功'
  }
}

function lineDetail(refund: Refund, now: number): string {
  const { state, surplus, credited, created_at, done_at } = refund
  const moment = momentText(done_at ?? created_at, now)
  if (state !== 'failed' || credited) return moment
  return `${moment}，${surplus ? '这笔钱还在学校账上，' : ''}请咨询一卡通中心`
}

/**
 * Where the money of a second payment is, for an order that is itself settled; empty where there
 * was none, or where the order's state tells of it.
 */
export function surplusText(order: Refunded, nameOf: NameOf): string {
  if (goingBack(order)?.kind === 'surplus') return ''
  const all = (order.refunds ?? []).filter((refund) => refund.surplus)
  // A refund that failed is told of unless another one of its payment followed.
  const live = all.filter(({ state }) => state !== 'failed')
  const followed = live.map(({ payment_id }) => payment_id)
  const surplus = all.filter(
    ({ state, payment_id }) => state !== 'failed' || !followed.includes(payment_id),
  )
  const credited = surplus.filter((refund) => refund.credited)
  const others = surplus.filter((refund) => !refund.credited)
  const sentences = [
    credited.length === 0 ? '' : `多付了 ${balanceText(sum(credited))}，已记入电子账户`,
    others.length === 0 ? '' : `多付了 ${balanceText(sum(others))}，${whereabouts(others, nameOf)}`,
  ]
  return sentences.filter((sentence) => sentence !== '').join('；')
}

function whereabouts(surplus: readonly Refund[], nameOf: NameOf): string {
  const states = surplus.map(({ state }) => state)
  if (states.includes('failed')) return '没有全部退成，请咨询一卡通中心'
  if (states.some((state) => state !== 'done')) return '正在原路退回'
  const names = [...new Set(surplus.map(({ funding }) => nameOf(funding)))].join('和')
  return `已原路退回${names}，没有记入余额`
}
