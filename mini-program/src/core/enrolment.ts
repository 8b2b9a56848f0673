/**
 * What a phone gets at its enrolment and keeps: the keys of its codes, and how long they are good.
 * All times here are the server's.
 */
import type { LossEvent } from './api/events'
import type { Phone } from './api/overview'
import { type Enrolment, enrolment } from './api/passcode'
import { fromBase64 } from './base64'
import { parseTime } from './calendar'
import { bool, count, object, stored } from './decode'
import type { CodeKeys } from './passcode'

export type Purpose = 'pay' | 'id'

/** What people call the codes. */
export const purposeNames: Readonly<Record<Purpose, string>> = { pay: '付款码', id: '身份码' }

export interface Keyring {
  /** Counts the enrolments of this phone. */
  readonly generation: number
  readonly keys: Readonly<Record<Purpose, CodeKeys>>
  readonly stepSeconds: number
  readonly enrolledAt: number
  readonly expiresAt: number
  /** When the server last saw this phone. */
  readonly seenAt: number
  /** A renewal was asked for and not answered: the server may have other keys by now. */
  readonly renewing: boolean
}

/** What is written to the device: the answer as it came, and what happened since. */
export interface KeptEnrolment {
  readonly answer: Enrolment
  readonly enrolledAt: number
  readonly seenAt: number
  readonly renewing: boolean
}

const kept = object({ answer: enrolment, enrolledAt: count, seenAt: count, renewing: bool })

export function readKept(written: string | null): KeptEnrolment | null {
  return stored(written, kept)
}

/** The keys ready for use, or null where the answer makes no sense. */
export function keyringOf(enrolled: KeptEnrolment): Keyring | null {
  const { answer, enrolledAt, seenAt, renewing } = enrolled
  const pay = keysOf(answer.pay)
  const id = keysOf(answer.id)
  const expiresAt = parseTime(answer.expires_at)
  const { generation, step_seconds: stepSeconds } = answer
  if (pay === null || id === null || expiresAt === null) return null
  if (stepSeconds < 5 || stepSeconds > 60) return null
  const times = { enrolledAt, expiresAt, seenAt }
  return { generation, keys: { pay, id }, stepSeconds, ...times, renewing }
}

function keysOf(answer: Enrolment['pay']): CodeKeys | null {
  const otpKey = fromBase64(answer.otp_key)
  const handleKey = fromBase64(answer.handle_key)
  if (otpKey?.length !== 32 || handleKey?.length !== 32) return null
  return /^\d{2}$/.test(answer.prefix) ? { prefix: answer.prefix, otpKey, handleKey } : null
}

const hourMs = 3_600_000
/** The server refuses a phone that it has not seen for 7 days, and notes that within the hour. */
const unseenMs = 7 * 24 * hourMs - hourMs
/** How often the server is to see a phone that is on line. */
const seenEveryMs = 600_000

/** Whether the server takes codes of these keys. */
export type Standing = 'good' | 'expired' | 'unseen'

export function standingOf({ expiresAt, seenAt }: Keyring, now: number): Standing {
  if (now >= expiresAt) return 'expired'
  return now - seenAt >= unseenMs ? 'unseen' : 'good'
}

export function isLookDue(keyring: Keyring, now: number): boolean {
  return now - keyring.seenAt >= seenEveryMs
}

/** Whether two readings are of the same enrolment. */
export function isSameEnrolment(one: Keyring | null, other: Keyring | null): boolean {
  if (one === null || other === null) return false
  return one.generation === other.generation && one.expiresAt === other.expiresAt
}

/** What became of the phone with these keys: it shows the codes, another does, or none. */
export type Fate = 'in_place' | 'replaced' | 'ended'

/** @param shown the phone that the server has for the person on this platform */
export function fateOf(keyring: Keyring, shown: Phone | null): Fate {
  // A renewal of ours whose answer was lost looks like another phone. Asking again tells.
  if (keyring.renewing) return 'in_place'
  if (shown === null) return 'ended'
  // Each phone counts its own generations: another one's may be the same number.
  const isOurs =
    shown.generation === keyring.generation && parseTime(shown.expires_at) === keyring.expiresAt
  return isOurs ? 'in_place' : 'replaced'
}

/** Whether to enrol anew at the next chance: in the last third of the life, and when in doubt. */
export function isRenewalDue(keyring: Keyring, now: number): boolean {
  const { enrolledAt, expiresAt, renewing } = keyring
  return renewing || (expiresAt - now) * 3 <= expiresAt - enrolledAt
}

/** How far apart the clocks of two servers may be. */
const serverClocksMs = 10_000

/** Whether a loss was reported since these keys were got, or when that is not certain. */
export function isLost({ enrolledAt }: Keyring, losses: readonly LossEvent[]): boolean {
  return losses.some(({ kind, at }) => {
    const time = parseTime(at)
    return kind === 'loss_reported' && (time === null || time >= enrolledAt - serverClocksMs)
  })
}
