/**
 * What the order page shows.
 *
 * Invariant: only the server's state says "paid". What the payment dialogue answered does not
 * come in here at all: even its "failed" can be wrong.
 */
import type { OrderState } from './api'

/** How far the waiting for the server's word has come. */
export type Watch = 'watching' | 'given_up'

export type OrderPhase =
  | 'confirming'
  | 'undecided'
  | 'crediting'
  | 'fulfilled'
  | 'closed'
  | 'refunding'
  | 'refunded'

export type OrderAction = 'home' | 'refresh' | 'top_up_again'

export interface OrderView {
  readonly phase: OrderPhase
  readonly tone: 'waiting' | 'success' | 'plain'
  readonly title: string
  readonly detail: string
  /** The first is the main one. */
  readonly actions: readonly OrderAction[]
}

/** `state` is null until the server has answered for the first time. */
export function orderPhase(state: OrderState | null, watch: Watch): OrderPhase {
  switch (state) {
    case null:
    case 'awaiting_payment':
      return watch === 'watching' ? 'confirming' : 'undecided'
    case 'paid':
      return 'crediting'
    case 'fulfilled':
    case 'closed':
    case 'refunding':
    case 'refunded':
      return state
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

const views: Readonly<Record<OrderPhase, Omit<OrderView, 'phase'>>> = {
  confirming: {
    tone: 'waiting',
    title: '正在确认支付结果',
    detail: '通常只需几秒，请稍候',
    actions: ['home'],
  },
  undecided: {
    tone: 'waiting',
    title: '仍在确认',
    detail: '还没有收到支付结果。如已付款，到账后余额会自动更新，请勿重复支付',
    actions: ['refresh', 'home'],
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
    actions: ['home'],
  },
  refunded: {
    tone: 'plain',
    title: '已退款',
    detail: '款项已原路退回',
    actions: ['home'],
  },
}

export function orderView(state: OrderState | null, watch: Watch): OrderView {
  const phase = orderPhase(state, watch)
  return { phase, ...views[phase] }
}
