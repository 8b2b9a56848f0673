/** A phone with codes, and the answers that it gets. */
import { type Answer, fakePlatform } from './fake-platform'

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64')
export const day = 86_400_000
export const start = Date.parse('2026-11-21T08:00:00+08:00')

export const enrolment = {
  generation: 1,
  step_seconds: 15,
  server_time: '2026-11-21T08:00:00+08:00',
  expires_at: '2026-12-21T08:00:00+08:00',
  pay: { prefix: '80', otp_key: key(1), handle_key: key(2) },
  id: { prefix: '81', otp_key: key(3), handle_key: key(4) },
}
export const cardholder = { name_masked: '**梅', student_no: '20241001001', kind: 'student' }
export const enrolled: Answer = { status: 200, body: enrolment }
export const events: Answer = { status: 200, body: { items: [], next_after: 41 } }

/** Answers in turn; then nothing gets through. */
export const inTurn = (...answers: (Answer | null)[]) => fakePlatform(() => answers.shift() ?? null)

/** As `inTurn`, on a device that knows from when on to listen. */
export function listening(...answers: (Answer | null)[]) {
  const platform = inTurn(...answers)
  platform.stored.set('onecard.events', '{"after":"41"}')
  return platform
}

/** The home page of somebody bound; `phone` is the one that the server has for them. */
export const home = (phone: object | null): Answer => ({
  status: 200,
  body: {
    identity: { platform: 'wechat' },
    binding: { school: { code: 'x', name: 'x' }, cardholder, must_change_password: false },
    card: null,
    notices: [],
    pending: { orders: 0 },
    passcode: phone,
  },
})
export const ours = { generation: 1, expires_at: enrolment.expires_at }
export const another = { generation: 1, expires_at: '2026-12-21T09:30:00+08:00' }

export const services = async () => ({
  ...(await import('@/services/passcode')),
  ...(await import('@/services/keyring')),
  ...(await import('@/services/events')),
  ...(await import('@/services/clock')),
  ...(await import('@/services/binding')),
  ...(await import('@/services/auth')),
  ...(await import('@/services/card')),
})
