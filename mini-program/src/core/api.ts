/** The shapes of the server's answers and requests, as far as this client uses them. */
import {
  absentable,
  bool,
  count,
  type Decoded,
  type Decoder,
  either,
  fen,
  list,
  nullable,
  object,
  oneOf,
  signedFen,
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
    id_patterns: absentable(
      object({ student_no: absentable(text), id_number: absentable(text) }),
    ),
  }),
  password: object({
    change_online: bool,
    must_change: bool,
    rule: oneOf('six_digits', 'six_digits_strong'),
    hint: text,
  }),
  portal: bool,
  consent: object({ version: text, items: list(text), text }),
  top_up: object({
    min_fen: fen,
    max_fen: fen,
    choices_fen: list(fen),
    password_required: bool,
  }),
  help: list(object({ title: text, text })),
})

/** Balances may be below zero: a school may let codes spend ahead of the card. */
const card = object({
  status: text,
  card_balance_fen: signedFen,
  transition_balance_fen: signedFen,
  e_account_balance_fen: signedFen,
  total_fen: signedFen,
})

const notice = object({ id: text, kind: text, text, at: text })

/** The phone that the server has for the person on this platform. */
const phone = object({ generation: count, expires_at: text })

export const me = object({
  identity: object({ platform: text }),
  binding: nullable(binding),
  card: nullable(card),
  notices: list(notice),
  pending: object({ orders: count }),
  passcode: nullable(phone),
})

const statementItem = object({
  id: text,
  at: text,
  kind: text,
  title: text,
  amount_fen: signedFen,
  balance_after_fen: absentable(signedFen),
  order_id: absentable(text),
})

export const statementPage = object({ items: list(statementItem), next_cursor: nullable(text) })

export const statementMonth = object({
  month: text,
  in_fen: fen,
  out_fen: fen,
  days: list(object({ day: text, in_fen: fen, out_fen: fen })),
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

const pay = absentable(either(wechatPay, alipay))

export const order = object({
  id: text,
  state: oneOf('awaiting_payment', 'paid', 'fulfilled', 'closed', 'refunding', 'refunded'),
  amount_fen: fen,
  created_at: text,
  expires_at: text,
  pay,
})

export const orderPage = object({ items: list(order), next_cursor: nullable(text) })

export const payment = object({ payment_id: text, pay })

const codeKeys = object({ prefix: text, otp_key: text, handle_key: text })

/** The keys come as base64. */
export const enrolment = object({
  generation: count,
  step_seconds: count,
  server_time: text,
  expires_at: text,
  pay: codeKeys,
  id: codeKeys,
})

/** A code that the server made, for a client without keys. */
export const serverCode = object({ code: text, refresh_after_ms: count })

const codeUsed = object({
  kind: oneOf('code_used'),
  at: text,
  amount_fen: fen,
  merchant_name: text,
  balance_fen: absentable(signedFen),
  purpose: oneOf('pay', 'id'),
  tick: count,
  sub: count,
})

/** A till read the code and took nothing; the code is gone all the same. */
const codeRefused = object({
  kind: oneOf('code_refused'),
  at: text,
  /** The problem code that the till was told. */
  reason: text,
  amount_fen: fen,
  merchant_name: text,
  purpose: oneOf('pay', 'id'),
  tick: count,
  sub: count,
})

const otherEvent = object({ kind: oneOf('order_changed', 'message', 'loss_reported') })

/** A kind that is not known yet. */
const newEvent: Decoder<{ readonly kind: 'unknown' }> = () => ({ kind: 'unknown' })

export const eventPage = object({
  items: list(either(either(codeUsed, codeRefused), either(otherEvent, newEvent))),
  next_after: either(text, count),
})

export type School = Decoded<typeof school>
export type SchoolDetail = Decoded<typeof schoolDetail>
export type IdKind = Decoded<typeof idKind>
export type Binding = Decoded<typeof binding>
export type Tokens = Decoded<typeof tokens>
export type ClientInfo = Decoded<typeof clientInfo>
export type Me = Decoded<typeof me>
export type Card = Decoded<typeof card>
export type Notice = Decoded<typeof notice>
export type StatementItem = Decoded<typeof statementItem>
export type StatementMonth = Decoded<typeof statementMonth>
export type WechatPay = Decoded<typeof wechatPay>
export type Pay = WechatPay | Decoded<typeof alipay>
export type Order = Decoded<typeof order>
export type Payment = Decoded<typeof payment>
export type Enrolment = Decoded<typeof enrolment>
export type ServerCode = Decoded<typeof serverCode>
export type Phone = Decoded<typeof phone>
export type CodeUse = Decoded<typeof codeUsed> | Decoded<typeof codeRefused>
export type Event = Decoded<typeof eventPage>['items'][number]
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

export interface PortalRequest {
  readonly school: string
  readonly id_value: string
  readonly query_password: string
}

export interface OrderRequest {
  readonly purpose: 'card_top_up'
  readonly funding: Funding
  readonly amount_fen: Fen
  readonly query_password?: string
}

/** A page of a list, and where the next one begins; null on the last. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next_cursor: string | null
}
