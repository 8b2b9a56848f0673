import type { Binding } from '@/core/api/bindings'
import { type Card, type Me, type Notice, overviewApi, type Phone } from '@/core/api/overview'
import { fateOf, isSameEnrolment, type Keyring } from '@/core/enrolment'
import { remaining, withDismissed } from '@/core/notices'
import type { ApiError } from '@/core/problem'
import { ok, type Result } from '@/core/result'
import { readText, writeText } from '@/platform/storage'
import { serverNow } from './clock'
import { forgetCodes, forgetKeys, loadKeyring, markReplaced, markSeen } from './keyring'
import { client, isSignedIn } from './session'

const dismissedKey = 'onecard.dismissed-notices'
/** What the server calls a session of the web portal. */
const portal = 'portal'

/** What the home page shows. */
export type Overview =
  | { readonly kind: 'signed_out' }
  | { readonly kind: 'unbound' }
  | BoundOverview

export interface BoundOverview {
  readonly kind: 'bound'
  readonly binding: Binding
  /** Null while the server shows nothing else than that the password must be changed. */
  readonly card: Card | null
  readonly notices: readonly Notice[]
  readonly pendingOrders: number
  /** Signed in with number and password on the web: a loss is reported, nothing else changed. */
  readonly readOnly: boolean
}

export function isReadOnly({ identity }: Me): boolean {
  return identity.platform === portal
}

/** One request, whatever there is to show. */
export async function loadOverview(): Promise<Result<Overview, ApiError>> {
  if (!isSignedIn()) return ok({ kind: 'signed_out' })
  const held = loadKeyring()
  const person = await client.call(overviewApi.load({}))
  if (!person.ok) return person.error.kind === 'signed_out' ? ok({ kind: 'signed_out' }) : person
  const { binding, card, notices, pending, passcode } = person.value
  if (binding === null) {
    // Unbound meanwhile, on another device or at the counter.
    forgetCodes()
    return ok({ kind: 'unbound' })
  }
  seeToKeys(held, passcode)
  return ok({
    kind: 'bound',
    binding,
    card,
    notices: remaining(notices, readText(dismissedKey)),
    pendingOrders: pending.orders,
    readOnly: isReadOnly(person.value),
  })
}

/**
 * The server saw this device by that question; its answer may tell of another in its place.
 *
 * @param held the keys when it was asked: of those that came since, the answer says nothing
 */
function seeToKeys(held: Keyring | null, shown: Phone | null): void {
  const keyring = loadKeyring()
  if (keyring === null || !isSameEnrolment(held, keyring)) return
  switch (fateOf(keyring, shown)) {
    case 'in_place':
      return markSeen(serverNow())
    case 'replaced':
      return markReplaced()
    case 'ended':
      return forgetKeys()
  }
}

/** Puts a notice away on this device. */
export function dismissNotice(id: string): void {
  writeText(dismissedKey, withDismissed(readText(dismissedKey), id))
}
