/** The statement of the card. */
import { absentable, type Decoded, fen, list, object, signedFen, text } from '../decode'
import { get, takes } from '../request'
import { pageOf, type PageQuery } from './page'

const statementItem = object({
  id: text,
  at: text,
  kind: text,
  title: text,
  amount_fen: signedFen,
  order_id: absentable(text),
})

const statementMonth = object({
  month: text,
  in_fen: fen,
  out_fen: fen,
  /** What came back of purchases, less what went back of top-ups: in neither of the two. */
  refund_fen: signedFen,
  days: list(object({ day: text, in_fen: fen, out_fen: fen, refund_fen: signedFen })),
})

export type StatementItem = Decoded<typeof statementItem>
export type StatementMonth = Decoded<typeof statementMonth>

/** What a list can be narrowed to. */
export type StatementKind = 'top_up' | 'spend' | 'refund' | 'transfer'

/** First and last day, both included; null where the range is open. */
interface Days {
  readonly from: string | null
  readonly to: string | null
}

interface ListQuery extends Days {
  /** Null for every kind. */
  readonly kind: StatementKind | null
}

export const statementApi = {
  list: get(
    '/api/v1/card/statement',
    pageOf(statementItem),
    takes<{ query: ListQuery & PageQuery }>(),
  ),
  month: get('/api/v1/card/statement/months/{month}', statementMonth),
  csv: get('/api/v1/card/statement.csv', text, takes<{ query: Days }>()),
}
