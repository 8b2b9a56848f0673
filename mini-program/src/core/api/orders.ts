/** Orders, and the payments that are tried for them. */
import { absentable, bool, type Decoded, either, fen, list, object, oneOf, text } from '../decode'
import type { Fen } from '../money'
import { get, post, takes } from '../request'
import { pageOf, type PageQuery } from './page'

const wechatPay = object({
  provider: oneOf('wechat_pay'),
  time_stamp: text,
  nonce_str: text,
  package: text,
  sign_type: text,
  pay_sign: text,
})

const alipay = object({ provider: oneOf('alipay'), trade_no: text })

/** What a payment dialogue needs. */
const pay = absentable(either(wechatPay, alipay))

const refund = object({
  id: text,
  amount_fen: fen,
  /** Who gives it back. */
  funding: text,
  payment_id: text,
  /** What was paid beyond the order. */
  surplus: bool,
  /** A surplus that could not go back, and was credited instead. */
  credited: bool,
  state: oneOf('requested', 'sent', 'done', 'failed'),
  created_at: text,
  done_at: absentable(text),
})

const order = object({
  id: text,
  state: oneOf('awaiting_payment', 'paid', 'fulfilled', 'closed', 'refunding', 'refunded'),
  amount_fen: fen,
  created_at: text,
  expires_at: text,
  /** Oldest first. */
  payments: list(object({ funding: text, state: text })),
  /** What goes back of it, or went; a server may leave it out. */
  refunds: absentable(list(refund)),
  pay,
})

const payment = object({ payment_id: text, pay })

export type Pay = Decoded<typeof wechatPay> | Decoded<typeof alipay>
export type Order = Decoded<typeof order>
export type Refund = Decoded<typeof refund>
export type OrderState = Order['state']
export type Payment = Decoded<typeof payment>
export type Funding = 'wechat_pay' | 'alipay'

export interface OrderRequest {
  readonly purpose: 'card_top_up'
  readonly funding: Funding
  readonly amount_fen: Fen
  readonly query_password?: string
}

interface PaymentRequest {
  readonly funding: Funding
}

/** The same key and body again are answered with the same order or payment. */
interface Idempotent {
  readonly headers: { readonly 'Idempotency-Key': string }
}

export const ordersApi = {
  create: post('/api/v1/orders', order, takes<{ body: OrderRequest } & Idempotent>()),
  list: get('/api/v1/orders', pageOf(order), takes<{ query: PageQuery }>()),
  load: get('/api/v1/orders/{id}', order),
  close: post('/api/v1/orders/{id}/close', order),
  pay: post(
    '/api/v1/orders/{id}/payments',
    payment,
    takes<{ body: PaymentRequest } & Idempotent>(),
  ),
}
