import { target } from '#target'
import { type Order, order, type OrderRequest, type Pay } from '@/core/api'
import { type Intent, intentFor } from '@/core/idempotency'
import type { Fen } from '@/core/money'
import type { ApiError } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import { loadClientInfo } from './auth'
import { client } from './session'

export const fundingName = target.fundingName

/** `host_app_only`: a browser outside the sandbox cannot pay; the host app can. */
export type TopUpError = ApiError | { readonly kind: 'host_app_only' }

/** Lets the person pay. Whatever happens there, the server's order is what counts. */
type Dialogue = (orderId: string, pay: Pay) => Promise<void>

/** The top-up that was asked for and not brought to payment yet; see `core/idempotency`. */
let intent: Intent | null = null

/**
 * Makes an order and lets the person pay it. Gives the order to look at; where paying means
 * leaving the page, that page leads to the order itself.
 */
export async function topUp(amount: Fen): Promise<Result<Order, TopUpError>> {
  const dialogue = await findDialogue()
  if (!dialogue.ok) return dialogue
  const created = await createOrder(amount)
  if (!created.ok) return created
  const { id, pay } = created.value
  if (pay !== null) await dialogue.value(id, pay)
  intent = null
  return created
}

export function loadOrder(id: string): Promise<Result<Order, ApiError>> {
  return client.call({ method: 'GET', path: `/api/v1/orders/${encodeURIComponent(id)}` }, order)
}

function createOrder(amount: Fen): Promise<Result<Order, ApiError>> {
  const body: OrderRequest = {
    purpose: 'card_top_up',
    funding: target.funding,
    amount_fen: amount,
  }
  intent = intentFor(intent, JSON.stringify(body), Math.random)
  const headers = { 'Idempotency-Key': intent.key }
  return client.call({ method: 'POST', path: '/api/v1/orders', body, headers }, order)
}

async function findDialogue(): Promise<Result<Dialogue, TopUpError>> {
  const { payment } = target
  if (payment.kind === 'in_app') return ok((_orderId, pay) => payment.show(pay))
  const info = await loadClientInfo()
  if (!info.ok) return info
  const { cashier_url: url, app_id: appId } = info.value.wechat
  if (url === null) return err({ kind: 'host_app_only' })
  return ok((id, pay) => payment.leave({ url, appId }, pay, { route: 'order', query: { id } }))
}
