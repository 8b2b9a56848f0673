/** What happened to the person, as the server reports it. */
import {
  absentable,
  count,
  type Decoded,
  type Decoder,
  either,
  fen,
  list,
  object,
  oneOf,
  signedFen,
  text,
} from '../decode'
import { get, takes } from '../request'

const codeUsed = object({
  kind: oneOf('code_used'),
  at: text,
  charge_id: text,
  amount_fen: fen,
  merchant_name: text,
  balance_fen: absentable(signedFen),
  purpose: oneOf('pay', 'id'),
  tick: count,
  sub: count,
})

/** A till read the code and took no money; the code is used all the same. */
const codeRefused = object({
  kind: oneOf('code_refused'),
  at: text,
  /** The problem code that the till was answered. */
  reason: text,
  amount_fen: fen,
  merchant_name: text,
  purpose: oneOf('pay', 'id'),
  tick: count,
  sub: count,
})

/** A till gave back what a code had paid. */
const chargeReversed = object({
  kind: oneOf('charge_reversed'),
  at: text,
  charge_id: text,
  amount_fen: fen,
  merchant_name: text,
  balance_fen: absentable(signedFen),
})

/** A door or a desk read the code; it is used whether the door opened or not. */
const doorRead = object({
  kind: oneOf('door_read'),
  at: text,
  decision: oneOf('open', 'refuse'),
  /** Why it stayed closed. */
  reason: absentable(text),
  /** The doors that open together; may be empty. */
  door_group: text,
  purpose: oneOf('pay', 'id'),
  tick: count,
  sub: count,
})

/** The card was reported lost, or found. */
const lossEvent = object({ kind: oneOf('loss_reported', 'loss_cancelled'), at: text })

const otherEvent = object({
  kind: oneOf('order_changed', 'message', 'binding_ended', 'device_ended'),
})

/** A kind that this client does not know. */
const unknownEvent: Decoder<{ readonly kind: 'unknown' }> = () => ({ kind: 'unknown' })

export const eventPage = object({
  items: list(
    either(
      either(either(codeUsed, chargeReversed), either(codeRefused, doorRead)),
      either(lossEvent, either(otherEvent, unknownEvent)),
    ),
  ),
  next_after: either(text, count),
})

export type CodeUse =
  | Decoded<typeof codeUsed>
  | Decoded<typeof codeRefused>
  | Decoded<typeof doorRead>
export type Reversal = Decoded<typeof chargeReversed>
export type LossEvent = Decoded<typeof lossEvent>
export type Event = Decoded<typeof eventPage>['items'][number]

export const eventsApi = {
  list: get('/api/v1/events', eventPage, takes<{ query: { readonly after: string | null } }>()),
}
