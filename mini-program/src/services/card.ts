import { type Binding, type Card, card, me } from '@/core/api'
import type { ApiError } from '@/core/problem'
import { ok, type Result } from '@/core/result'
import { client, isSignedIn } from './session'

/** What the home page shows. */
export type Overview =
  | { readonly kind: 'signed_out' }
  | { readonly kind: 'unbound' }
  | {
      readonly kind: 'bound'
      readonly binding: Binding
      readonly card: Card
      readonly pendingOrders: number
    }

export async function loadOverview(): Promise<Result<Overview, ApiError>> {
  if (!isSignedIn()) return ok({ kind: 'signed_out' })
  const person = await client.call({ method: 'GET', path: '/api/v1/me' }, me)
  if (!person.ok) return person.error.kind === 'signed_out' ? ok({ kind: 'signed_out' }) : person
  const { binding, pending } = person.value
  if (binding === null) return ok({ kind: 'unbound' })
  const balances = await client.call({ method: 'GET', path: '/api/v1/card' }, card)
  if (!balances.ok) return balances
  return ok({ kind: 'bound', binding, card: balances.value, pendingOrders: pending.orders })
}
