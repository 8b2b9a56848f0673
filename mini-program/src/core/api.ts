/** The shapes of the server's answers and requests, as far as this client uses them. */
import {
  absentable,
  bool,
  count,
  type Decoded,
  either,
  fen,
  list,
  nullable,
  object,
  oneOf,
  text,
} from './decode'
import type { Fen } from './money'

const school = object({ code: text, name: text })

const cardholder = object({ name_masked: text, student_no: text, kind: text })

export const bindingCreated = object({ cardholder, must_change_password: bool })

const binding = object({ school, cardholder, must_change_password: bool })

export const tokens = object({
  access_token: text,
  expires_in: count,
  refresh_token: text,
  binding: nullable(binding),
})

export const clientInfo = object({
  environment: oneOf('sandbox', 'production'),
  wechat: object({ app_id: text, sign_in_url: nullable(text), cashier_url: nullable(text) }),
})

export const schoolPage = object({ items: list(school), next_cursor: nullable(text) })

const idKind = oneOf('student_no', 'id_number')

export const schoolDetail = object({
  code: text,
  name: text,
  binding: object({
    id_kinds: list(idKind),
    id_label: text,
    id_hint: text,
    id_pattern: nullable(text),
    name_required: bool,
    password_hint: text,
  }),
  consent: object({ version: text, items: list(text), text }),
  top_up: object({ min_fen: fen, max_fen: fen, choices_fen: list(fen) }),
  help: list(object({ title: text, text })),
})

export const me = object({
  binding: nullable(binding),
  pending: object({ orders: count }),
})

export const card = object({
  status: text,
  card_balance_fen: fen,
  transition_balance_fen: fen,
  e_account_balance_fen: fen,
  total_fen: fen,
})

const wechatPay = object({
  provider: oneOf('wechat_pay'),
  time_stamp: text,
  nonce_str: text,
  package: text,
  sign_type: text,
  pay_sign: text,
})

const alipay = object({ provider: oneOf('alipay'), trade_no: text })

export const order = object({
  id: text,
  state: oneOf('awaiting_payment', 'paid', 'fulfilled', 'closed', 'refunding', 'refunded'),
  amount_fen: fen,
  created_at: text,
  pay: absentable(either(wechatPay, alipay)),
})

export type School = Decoded<typeof school>
export type SchoolDetail = Decoded<typeof schoolDetail>
export type IdKind = Decoded<typeof idKind>
export type Binding = Decoded<typeof binding>
export type Tokens = Decoded<typeof tokens>
export type ClientInfo = Decoded<typeof clientInfo>
export type Me = Decoded<typeof me>
export type Card = Decoded<typeof card>
export type WechatPay = Decoded<typeof wechatPay>
export type Pay = WechatPay | Decoded<typeof alipay>
export type Order = Decoded<typeof order>
export type OrderState = Order['state']
export type Funding = 'wechat_pay' | 'alipay'

export interface BindingRequest {
  readonly school: string
  readonly id_kind: IdKind
  readonly id_value: string
  readonly name?: string
  readonly query_password: string
  readonly consent: { readonly version: string; readonly items: readonly string[] }
}

export interface OrderRequest {
  readonly purpose: 'card_top_up'
  readonly funding: Funding
  readonly amount_fen: Fen
}
