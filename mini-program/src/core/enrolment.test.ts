import { expect, it } from 'vitest'
import type { Phone } from './api/overview'
import {
  type Fate,
  fateOf,
  isLookDue,
  isRenewalDue,
  isSameEnrolment,
  type KeptEnrolment,
  keyringOf,
  readKept,
  type Standing,
  standingOf,
} from './enrolment'

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64')
const hour = 3_600_000
const day = 24 * hour
const start = Date.parse('2026-11-21T00:00:00Z')

const answer: KeptEnrolment['answer'] = {
  generation: 2,
  step_seconds: 15,
  server_time: '2026-11-21T08:00:00+08:00',
  expires_at: '2026-12-21T08:00:00+08:00',
  pay: { prefix: '80', otp_key: key(1), handle_key: key(2) },
  id: { prefix: '81', otp_key: key(3), handle_key: key(4) },
}
const kept: KeptEnrolment = { answer, enrolledAt: start, seenAt: start, renewing: false }

function keyring(changes: Partial<KeptEnrolment> = {}) {
  const made = keyringOf({ ...kept, ...changes })
  if (made === null) throw new Error('no keyring')
  return made
}

it('keeps the keys of both purposes apart', () => {
  const { keys, expiresAt, stepSeconds } = keyring()
  expect(keys.pay).toEqual({
    prefix: '80',
    otpKey: new Uint8Array(32).fill(1),
    handleKey: new Uint8Array(32).fill(2),
  })
  expect(keys.id.prefix).toBe('81')
  expect(keys.id.handleKey).toEqual(new Uint8Array(32).fill(4))
  expect(expiresAt).toBe(start + 30 * day)
  expect(stepSeconds).toBe(15)
})

it('reads what it wrote', () => {
  expect(readKept(JSON.stringify(kept))).toEqual(kept)
})

it.each([null, '', '{', '[]', '{}', JSON.stringify({ ...kept, answer: {} })])(
  'takes %j for nothing',
  (text) => expect(readKept(text)).toBeNull(),
)

it.each<[string, Partial<KeptEnrolment['answer']>]>([
  ['a short key', { pay: { ...answer.pay, otp_key: key(1).slice(4) } }],
  ['a key that is not base64', { id: { ...answer.id, handle_key: '?' } }],
  ['a prefix of one digit', { pay: { ...answer.pay, prefix: '8' } }],
  ['no end', { expires_at: 'soon' }],
  ['no step', { step_seconds: 0 }],
  ['a step of minutes', { step_seconds: 120 }],
])('makes no keyring of %s', (_name, changes) => {
  expect(keyringOf({ ...kept, answer: { ...answer, ...changes } })).toBeNull()
})

it.each<[string, number, number, Standing]>([
  ['at once', 0, 0, 'good'],
  ['seen not quite 7 days ago', 10 * day - hour - 1, 3 * day, 'good'],
  ['not seen for 7 days less the hour of noting', 10 * day - hour, 3 * day, 'unseen'],
  ['just before the end', 30 * day - 1, 29 * day, 'good'],
  ['at the end', 30 * day, 29 * day, 'expired'],
  ['long after it, and unseen', 90 * day, 0, 'expired'],
])('%s', (_name, after, seenAfter, standing) => {
  expect(standingOf(keyring({ seenAt: start + seenAfter }), start + after)).toBe(standing)
})

it.each<[string, number, boolean, boolean]>([
  ['at once', 0, false, false],
  ['before the last third', 20 * day - 1, false, false],
  ['in the last third', 20 * day, false, true],
  ['when the last renewal was not answered', 0, true, true],
])('renews %s', (_name, after, renewing, due) => {
  expect(isRenewalDue(keyring({ renewing }), start + after)).toBe(due)
})

it.each([
  [0, false],
  [599_999, false],
  [600_000, true],
])('%d ms after it was seen, it shows itself again: %s', (after, due) => {
  expect(isLookDue(keyring(), start + after)).toBe(due)
})

const ours: Phone = { generation: 2, expires_at: answer.expires_at }
const writtenInUtc = { ...ours, expires_at: '2026-12-21T00:00:00Z' }
const ofAnotherEnd = '2026-12-21T08:00:00.001+08:00'

it.each<[string, Phone | null, boolean, Fate]>([
  ['its own enrolment', ours, false, 'in_place'],
  ['its own, written otherwise', writtenInUtc, false, 'in_place'],
  ['a later generation', { generation: 3, expires_at: ofAnotherEnd }, false, 'replaced'],
  ['a phone that is new', { generation: 1, expires_at: ofAnotherEnd }, false, 'replaced'],
  ['as many enrolments of another', { ...ours, expires_at: ofAnotherEnd }, false, 'replaced'],
  ['no phone', null, false, 'ended'],
  ['the renewal whose answer was lost', { ...ours, generation: 3 }, true, 'in_place'],
  ['nothing while it renews', null, true, 'in_place'],
])('shown %s', (_name, shown, renewing, fate) => {
  expect(fateOf(keyring({ renewing }), shown)).toBe(fate)
})

it('tells enrolments apart, whatever was noted since', () => {
  const other = { ...answer, generation: 3 }
  expect(isSameEnrolment(keyring(), keyring({ seenAt: start + day, renewing: true }))).toBe(true)
  expect(isSameEnrolment(keyring(), keyring({ answer: other }))).toBe(false)
  expect(isSameEnrolment(null, keyring())).toBe(false)
  expect(isSameEnrolment(keyring(), null)).toBe(false)
})
