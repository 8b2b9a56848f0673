/**
 * What the pages show of an order.
 *
 * Invariant: only the server's state says "paid". What the payment dialogue answered does not
 * come in here at all: even its "failed" can be wrong.
 * Invariant: while a payment may be under way, no second order is offered; the same order may be
 * tried again, also with another app, and the server gives a second payment back.
 */
import type { Funding, OrderState } from './api/orders'
import { balanceText } from './money'
import type { Watch } from './polling'
import type { GoingBack } from './refunds'

export interface OrderKnowledge {
  /** Null until the server has answered for the first time. */
  readonly state: OrderState | null
  /** Whether the person has just come from a payment of this order. */
  readonly paying: boolean
  readonly watch: Watch
  readonly expired: boolean
  /** Whether the person has given the order up; the provider may still have to be asked. */
  readonly givenUp: boolean
  /** What goes back of it, while it is being refunded. */
  readonly goingBack: GoingBack | null
}

export type OrderPhase =
  | 'loading'
  | 'unpaid'
  | 'expired'
  | 'closing'
  | 'confirming'
  | 'confirming_slowly'
  | 'undecided'
  | 'crediting'
  | 'fulfilled'
  | 'closed'
  | 'refunding'
  | 'refunded'

export type OrderAction = 'home' | 'refresh' | 'pay' | 'close' | 'top_up_again'

export interface OrderView {
  readonly phase: OrderPhase
  readonly tone: 'waiting' | 'success' | 'plain'
  readonly title: string
  readonly detail: string
  /** The first is the main one. */
  readonly actions: readonly OrderAction[]
}

export function orderPhase(knowledge: OrderKnowledge): OrderPhase {
  switch (knowledge.state) {
    case null:
      return knowledge.paying || knowledge.watch === 'given_up' ? waiting(knowledge) : 'loading'
    case 'awaiting_payment':
      return knowledge.givenUp ? 'closing' : waiting(knowledge)
    case 'paid':
      return 'crediting'
    case 'fulfilled':
    case 'closed':
    case 'refunding':
    case 'refunded':
      return knowledge.state
  }
}

function waiting({ state, paying, watch, expired }: OrderKnowledge): OrderPhase {
  if (!paying && state !== null) return expired ? 'expired' : 'unpaid'
  switch (watch) {
    case 'fresh':
      return 'confirming'
    case 'slow':
      return expired || state === null ? 'confirming' : 'confirming_slowly'
    case 'given_up':
      return 'undecided'
  }
}

/** Whether the server may still change its word soon. */
export function isMoving(state: OrderState | null): boolean {
  switch (state) {
    case null:
    case 'awaiting_payment':
    case 'paid':
    case 'refunding':
      return true
    case 'fulfilled':
    case 'closed':
    case 'refunded':
      return false
  }
}

/** The state in a list, in few words. */
export const stateLabels: Readonly<Record<OrderState, string>> = {
  awaiting_payment: '待支付',
  paid: '已支付，入账中',
  fulfilled: '充值成功',
  closed: '已关闭',
  refunding: '退款中',
  refunded: '已退款',
}

const views: Readonly<Record<OrderPhase, Omit<OrderView, 'phase'>>> = {
  loading: { tone: 'waiting', title: '正在查询订单', detail: '', actions: ['home'] },
  unpaid: {
    tone: 'waiting',
    title: '等待支付',
    detail: '还没有收到这笔订单的付款',
    actions: ['pay', 'close', 'home'],
  },
  expired: {
    tone: 'waiting',
    title: '订单已过期',
    detail: '正在向支付平台核对并关闭；如已付款，会照常入账',
    actions: ['refresh', 'home'],
  },
  closing: {
    tone: 'waiting',
    title: '正在关闭订单',
    detail: '正在向支付平台核对；如已付款，会照常入账，没有付款就会关闭',
    actions: ['refresh', 'home'],
  },
  confirming: {
    tone: 'waiting',
    title: '正在确认支付结果',
    detail: '通常只需几秒，请稍候',
    actions: ['home'],
  },
  confirming_slowly: {
    tone: 'waiting',
    title: '正在确认支付结果',
    detail: '如已付款，请再等一会儿；如果刚才没有付款，可以继续支付或放弃订单',
    actions: ['pay', 'close', 'home'],
  },
  undecided: {
    tone: 'waiting',
    title: '仍在确认',
    detail: '还没有收到支付结果。钱不会丢：如已付款，到账后余额会自动更新，请勿重复支付',
    actions: ['refresh', 'close', 'home'],
  },
  crediting: {
    tone: 'success',
    title: '支付成功，正在入账',
    detail: '款项已收到，稍后到账',
    actions: ['home'],
  },
  fulfilled: {
    tone: 'success',
    title: '充值成功',
    detail: '已存入电子账户',
    actions: ['home'],
  },
  closed: {
    tone: 'plain',
    title: '订单已关闭',
    detail: '支付没有完成；如有扣款，会原路退回',
    actions: ['top_up_again', 'home'],
  },
  refunding: {
    tone: 'waiting',
    title: '正在退款',
    detail: '款项将原路退回',
    actions: ['home', 'refresh'],
  },
  refunded: {
    tone: 'plain',
    title: '已退款',
    detail: '款项已原路退回',
    actions: ['home'],
  },
}

export function orderView(knowledge: OrderKnowledge): OrderView {
  const phase = orderPhase(knowledge)
  const view = { phase, ...views[phase] }
  const back = knowledge.goingBack
  if (back === null || back.kind === 'whole') return view
  const amount = balanceText(back.amount)
  const what = back.kind === 'surplus' ? `多付的 ${amount}` : amount
  const title = back.kind === 'surplus' ? '正在退回多付的钱' : view.title
  return { ...view, title, detail: `${what} 将原路退回` }
}

/** How an order was paid, each way once; how it was last tried, where nothing was paid. */
export function waysOf(
  payments: readonly { readonly funding: string; readonly state: string }[],
): readonly string[] {
  const paid = payments.filter(({ state }) => state === 'paid')
  const counted = paid.length > 0 ? paid : payments.slice(-1)
  return [...new Set(counted.map(({ funding }) => funding))]
}

/**
 * What goes on with an order as it began; null where that is not offered here.
 *
 * @param offered what is offered here, the usual one first
 * @param payments those of the order, oldest first
 */
export function fundingToGoOn(
  offered: readonly Funding[],
  payments: readonly { readonly funding: string }[],
): Funding | null {
  const last = payments[payments.length - 1]?.funding ?? offered[0]
  return offered.find((funding) => funding === last) ?? null
}
