import { target } from '#target'
import { type Order, type OrderRequest, ordersApi, type Pay } from '@/core/api/orders'
import type { Page } from '@/core/api/page'
import { type Intent, intentFor } from '@/core/idempotency'
import type { Fen } from '@/core/money'
import type { ApiError } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import { loadClientInfo } from './auth'
import { client } from './session'

export const fundingName = target.fundingName

const pageSize = 20

/** Lets the person pay. Whatever happens there, the server's order is what counts. */
type Dialogue = (orderId: string, pay: Pay) => Promise<void>

/** The top-up that was asked for and not brought to payment yet; see `core/idempotency`. */
let wishedOrder: Intent | null = null
/** The same for another try to pay an order. */
let wishedPayment: Intent | null = null

/**
 * Makes an order and lets the person pay it. Gives the order to look at; where paying means
 * leaving the page, that page leads to the order itself.
 */
export async function topUp(
  amount: Fen,
  queryPassword: string | null,
): Promise<Result<Order, ApiError>> {
  const dialogue = await findDialogue()
  if (!dialogue.ok) return dialogue
  const created = await createOrder(amount, queryPassword)
  if (!created.ok) return created
  const { id, pay } = created.value
  if (pay !== null) await dialogue.value(id, pay)
  wishedOrder = null
  return created
}

/** Lets the person try once more to pay the order. */
export async function payAgain(orderId: string): Promise<Result<null, ApiError>> {
  const dialogue = await findDialogue()
  if (!dialogue.ok) return dialogue
  wishedPayment = intentFor(wishedPayment, orderId, Math.random)
  const headers = { 'Idempotency-Key': wishedPayment.key }
  const body = { funding: target.funding }
  const tried = await client.call(ordersApi.pay({ path: { id: orderId }, body, headers }))
  if (!tried.ok) return tried
  if (tried.value.pay !== null) await dialogue.value(orderId, tried.value.pay)
  wishedPayment = null
  return ok(null)
}

export function loadOrder(id: string): Promise<Result<Order, ApiError>> {
  return client.call(ordersApi.load({ path: { id } }))
}

export function listOrders(cursor: string | null): Promise<Result<Page<Order>, ApiError>> {
  return client.call(ordersApi.list({ query: { limit: pageSize, cursor } }))
}

/** Gives an order up. The answer is the order as it stands: it may be paid after all. */
export function closeOrder(id: string): Promise<Result<Order, ApiError>> {
  return client.call(ordersApi.close({ path: { id } }))
}

function createOrder(amount: Fen, queryPassword: string | null): Promise<Result<Order, ApiError>> {
  const body: OrderRequest = {
    purpose: 'card_top_up',
    funding: target.funding,
    amount_fen: amount,
    ...(queryPassword === null ? {} : { query_password: queryPassword }),
  }
  wishedOrder = intentFor(wishedOrder, JSON.stringify(body), Math.random)
  const headers = { 'Idempotency-Key': wishedOrder.key }
  return client.call(ordersApi.create({ body, headers }))
}

async function findDialogue(): Promise<Result<Dialogue, ApiError>> {
  const way = target.payment
  if (way.kind === 'in_app') return ok((_orderId, pay) => way.show(pay))
  const info = await loadClientInfo()
  if (!info.ok) return info
  const { wechat } = info.value
  const url = wechat?.cashier_url ?? null
  if (wechat === null || url === null) return err({ kind: 'host_app_only' })
  return ok((id, pay) =>
    way.leave({ url, appId: wechat.app_id }, pay, { route: 'order', query: { id, paying: '1' } }),
  )
}
