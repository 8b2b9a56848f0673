/** What the home page shows: the person, the card, notices, and what is pending. */
import { absentable, count, type Decoded, list, object, signedFen, text } from '../decode'
import { get } from '../request'
import { binding } from './bindings'

/** Balances may be below zero: a school may let codes spend ahead of the card. */
const card = object({
  status: text,
  card_balance_fen: signedFen,
  transition_balance_fen: signedFen,
  e_account_balance_fen: signedFen,
  total_fen: signedFen,
})

const notice = object({ id: text, kind: text, text, at: text })

/** The phone that is enrolled for the person on this platform. */
const phone = object({ generation: count, expires_at: text })

const me = object({
  identity: object({ platform: text }),
  binding: absentable(binding),
  card: absentable(card),
  notices: list(notice),
  pending: object({ orders: count }),
  passcode: absentable(phone),
})

export type Me = Decoded<typeof me>
export type Card = Decoded<typeof card>
export type Notice = Decoded<typeof notice>
export type Phone = Decoded<typeof phone>

export const overviewApi = {
  load: get('/api/v1/me', me),
}
