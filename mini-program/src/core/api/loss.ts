/** Reporting the card as lost or damaged, and taking a report back. */
import { absentable, type Decoded, list, object, oneOf, text } from '../decode'
import { get, post, takes } from '../request'

const lossField = oneOf('id_number', 'chip_number')
/** What is asked for besides the query password; null where only the counter does it. */
const lossFields = absentable(list(lossField))

const loss = object({
  status: oneOf('normal', 'lost'),
  reported_at: absentable(text),
  /** Of the card that the next step is about; null where it is not asked for, or not known. */
  chip_number: absentable(text),
  report_fields: lossFields,
  cancel_fields: lossFields,
  stops: oneOf('card_and_codes', 'card'),
})

export type Loss = Decoded<typeof loss>
export type LossField = Decoded<typeof lossField>
export type LossReason = 'lost' | 'damaged'

/** What the holder proves to be the holder with. */
export interface LossClaim {
  readonly query_password: string
  readonly id_number?: string
  readonly chip_number?: string
}

export interface LossReport extends LossClaim {
  readonly reason: LossReason
}

export const lossApi = {
  load: get('/api/v1/card/loss-reports', loss),
  /** A repetition changes nothing. */
  report: post('/api/v1/card/loss-reports', loss, takes<{ body: LossReport }>()),
  cancel: post('/api/v1/card/loss-reports/cancel', loss, takes<{ body: LossClaim }>()),
}
