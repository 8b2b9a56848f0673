/** The phone number that a host app tells of its user, with the user's consent. */
import { absentable, type Decoded, nothing, object, text } from '../decode'
import { get, post, takes } from '../request'

const phoneView = object({
  phone: absentable(object({ number_masked: text, consented_at: text })),
  /** What has to be agreed to before a number is told. */
  consent: object({ version: text, text }),
})

export type PhoneView = Decoded<typeof phoneView>

interface PhoneRequest {
  /** What the host app's button gave. */
  readonly proof: string
  readonly consent_version: string
}

export const phoneApi = {
  load: get('/api/v1/me/phone', phoneView),
  tell: post('/api/v1/me/phone', phoneView, takes<{ body: PhoneRequest }>()),
  remove: post('/api/v1/me/phone/remove', nothing),
}
