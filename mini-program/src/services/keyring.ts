/** What the device keeps for its codes. It goes with the session it was got in. */
import type { LossEvent } from '@/core/api/events'
import type { Enrolment } from '@/core/api/passcode'
import { isLost, type KeptEnrolment, type Keyring, keyringOf, readKept } from '@/core/enrolment'
import { newKey } from '@/core/idempotency'
import { readUsed, type UsedCodes } from '@/core/used-codes'
import { readText, remove, writeText } from '@/platform/storage'

const deviceKey = 'onecard.device'
const enrolmentKey = 'onecard.enrolment'
const usedKey = 'onecard.used-codes'
const positionKey = 'onecard.events'
const replacedKey = 'onecard.replaced'

/** Names this installation to the server. It opens nothing by itself: the session does. */
export function deviceId(): string {
  const known = readText(deviceKey)
  if (known !== null) return known
  const made = newKey(Math.random)
  writeText(deviceKey, made)
  return made
}

export function loadKeyring(): Keyring | null {
  const kept = readKept(readText(enrolmentKey))
  return kept === null ? null : keyringOf(kept)
}

/** Takes up new keys. The codes used so far were of other ones. */
export function keepEnrolment(answer: Enrolment, now: number): void {
  write({ answer, enrolledAt: now, seenAt: now, renewing: false })
  for (const key of [usedKey, replacedKey]) remove(key)
}

/** Whether an enrolment is under way whose answer may get lost. */
export function markRenewing(renewing: boolean): void {
  change({ renewing })
}

export function markSeen(now: number): void {
  change({ seenAt: now })
}

function change(changes: Partial<KeptEnrolment>): void {
  const kept = readKept(readText(enrolmentKey))
  if (kept !== null) write({ ...kept, ...changes })
}

function write(enrolment: KeptEnrolment): void {
  writeText(enrolmentKey, JSON.stringify(enrolment))
}

export function loadUsed(): UsedCodes {
  return readUsed(readText(usedKey))
}

export function saveUsed(used: UsedCodes): void {
  writeText(usedKey, JSON.stringify(used))
}

/** How far the person's events are known, as `core/events` writes it. */
export const eventsPosition = {
  load: () => readText(positionKey),
  save: (position: string) => writeText(positionKey, position),
}

/** The keys are no good any more. The person is the same: what happens to them is told on. */
export function forgetKeys(): void {
  for (const key of [enrolmentKey, usedKey]) remove(key)
}

/** Keys of before a loss are no good, and stay no good when the card is found. */
export function forgetLostKeys(losses: readonly LossEvent[]): void {
  const keyring = loadKeyring()
  if (keyring !== null && isLost(keyring, losses)) forgetKeys()
}

/** Another phone took this one's place: it gets keys again only from whoever asks for them here. */
export function markReplaced(): void {
  forgetKeys()
  writeText(replacedKey, 'true')
}

export function wasReplaced(): boolean {
  return readText(replacedKey) !== null
}

/** Nobody shows codes of somebody who signed out or unbound here. */
export function forgetCodes(): void {
  forgetKeys()
  for (const key of [positionKey, replacedKey]) remove(key)
}
