/** Where codes come from: keys on this device, or the server where the device may have none. */
import { passcodeApi, type ServerCode } from '@/core/api/passcode'
import { parseTime } from '@/core/calendar'
import { isLookDue, isRenewalDue, type Keyring, type Purpose } from '@/core/enrolment'
import { type ApiError, problemCode } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import { loadOverview } from './card'
import { hearOfClock, serverNow } from './clock'
import { beginListening } from './events'
import {
  deviceId,
  forgetKeys,
  keepEnrolment,
  loadKeyring,
  markRenewing,
  wasReplaced,
} from './keyring'
import { client } from './session'

export type CodeSource =
  | { readonly kind: 'device'; readonly keyring: Keyring }
  | { readonly kind: 'server' }
  /** The server does not know this device yet, and wants to know who holds it. */
  | { readonly kind: 'password' }
  /** Another phone has the codes; they come back here only with the password. */
  | { readonly kind: 'replaced' }
  /** The card is reported lost, and codes stop with it. */
  | { readonly kind: 'lost' }

/** Finds out how codes can be shown here; enrols this device when it is not. */
export async function findSource(
  queryPassword: string | null,
): Promise<Result<CodeSource, ApiError>> {
  const kept = loadKeyring()
  if (kept !== null) return ok({ kind: 'device', keyring: kept })
  if (queryPassword === null && wasReplaced()) return ok({ kind: 'replaced' })
  const enrolled = await enrol(queryPassword)
  if (enrolled.ok) return ok({ kind: 'device', keyring: enrolled.value })
  switch (problemCode(enrolled.error)) {
    case 'enrolment_not_offered':
      return ok({ kind: 'server' })
    case 'password_required':
      return ok({ kind: 'password' })
    case 'account_lost':
      return ok({ kind: 'lost' })
    default:
      return enrolled
  }
}

/**
 * Gets keys for this device. Those it has stay in use until the answer is there; when none comes,
 * the server may have changed them, and the next chance is taken to ask again.
 *
 * @param queryPassword for a device that the server does not know
 */
export async function enrol(queryPassword: string | null): Promise<Result<Keyring, ApiError>> {
  const password = queryPassword === null ? {} : { query_password: queryPassword }
  const body = { device_id: deviceId(), ...password }
  markRenewing(true)
  const sentAt = Date.now()
  const answer = await client.call(passcodeApi.enrol({ body }))
  if (!answer.ok) {
    if (endsKeys(answer.error)) forgetKeys()
    return answer
  }
  // Not every platform hands on the header that says it.
  const date = parseTime(answer.value.server_time)
  if (date !== null) hearOfClock({ date, sentAt, receivedAt: Date.now() })
  keepEnrolment(answer.value, serverNow())
  await beginListening()
  const keyring = loadKeyring()
  return keyring === null ? err({ kind: 'unreadable', status: 200 }) : ok(keyring)
}

/**
 * Enrols with the password that was just typed for something else, so that it need not be typed
 * again. Where that fails, the page with the code asks. It takes nothing from another phone.
 */
export async function enrolBeside(queryPassword: string): Promise<void> {
  if (!hasCodes() && !wasReplaced()) await enrol(queryPassword)
}

/** Refused by decision, not by chance: whatever keys there are, they are no good any more. */
function endsKeys(error: ApiError): boolean {
  return error.kind === 'problem' && [403, 409, 422].includes(error.status)
}

let upkeep: Promise<void> | null = null

/**
 * Does in time what keeps the keys good: new ones before they end, and being seen until then. Once
 * at a time: of two renewals, only the server's last is good.
 */
export function keepUp(): Promise<void> {
  if (upkeep === null) {
    upkeep = doWhatIsDue().finally(() => {
      upkeep = null
    })
  }
  return upkeep
}

async function doWhatIsDue(): Promise<void> {
  const keyring = loadKeyring()
  if (keyring === null) return
  const now = serverNow()
  const renews = isRenewalDue(keyring, now)
  if (!renews && !isLookDue(keyring, now)) return
  // A renewal would take the place of a phone that replaced this one.
  if (!keyring.renewing && !(await loadOverview()).ok) return
  if (renews && hasCodes()) await enrol(null)
}

export function hasCodes(): boolean {
  return loadKeyring() !== null
}

/** A code that the server makes: for a device without keys. */
export function askForCode(purpose: Purpose): Promise<Result<ServerCode, ApiError>> {
  return client.call(purpose === 'pay' ? passcodeApi.payCode({}) : passcodeApi.idCode({}))
}
