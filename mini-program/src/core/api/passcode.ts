/** The rotating code: its keys for a device, and codes that the server makes. */
import { count, type Decoded, object, text } from '../decode'
import { get, post, takes } from '../request'

/** The keys are base64. */
const codeKeys = object({ prefix: text, otp_key: text, handle_key: text })

export const enrolment = object({
  generation: count,
  step_seconds: count,
  server_time: text,
  expires_at: text,
  pay: codeKeys,
  id: codeKeys,
})

/** For a client without keys. */
const serverCode = object({ code: text, refresh_after_ms: count })

export type Enrolment = Decoded<typeof enrolment>
export type ServerCode = Decoded<typeof serverCode>

interface EnrolmentRequest {
  readonly device_id: string
  /** Required for a device that the server does not know. */
  readonly query_password?: string
}

export const passcodeApi = {
  enrol: post('/api/v1/passcode/enrolments', enrolment, takes<{ body: EnrolmentRequest }>()),
  payCode: get('/api/v1/passcode/pay', serverCode),
  idCode: get('/api/v1/passcode/id', serverCode),
}
