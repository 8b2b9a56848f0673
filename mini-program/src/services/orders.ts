import { target } from '#target'
import { type Order, type OrderRequest, ordersApi, type Pay } from '@/core/api/orders'
import type { Page } from '@/core/api/page'
import { type Intent, intentFor } from '@/core/idempotency'
import type { Fen } from '@/core/money'
import type { ApiError } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import type { HostApp } from '@/platform/apps'
import type { Address } from '@/platform/navigation'
import { loadClientInfo, pagesOf } from './auth'
import { client, sessionApp } from './session'

const pageSize = 20

/** Lets the person pay. Whatever happens there, the server's order is what counts. */
type Dialogue = (orderId: string, pay: Pay) => Promise<void>

/** The top-up that was asked for and not brought to payment yet; see `core/idempotency`. */
let wishedOrder: Intent | null = null
/** The same for another try to pay an order. */
let wishedPayment: Intent | null = null

/** The app that the person signed in with: it pays unless another is chosen. */
export function usualPayer(): HostApp {
  return sessionApp() ?? target.apps[0]
}

/** The apps that can pay here. Inside an app, and where none can be found out, the usual one. */
export async function loadPayers(): Promise<readonly HostApp[]> {
  const usual = usualPayer()
  if (target.payment.kind === 'in_app') return [usual]
  const info = await loadClientInfo()
  const apps = info.ok ? pagesOf(info.value, 'cashier_url').map(({ app }) => app) : []
  return apps.length === 0 ? [usual] : apps
}

export interface TopUp {
  readonly amount: Fen
  /** Null where the school does not ask for it. */
  readonly queryPassword: string | null
  readonly payer: HostApp
}

/**
 * Makes an order and lets the person pay it. Gives the order to look at; where paying means
 * leaving the page, that page leads to the order itself.
 */
export async function topUp(wish: TopUp): Promise<Result<Order, ApiError>> {
  const dialogue = await findDialogue(wish.payer)
  if (!dialogue.ok) return dialogue
  const created = await createOrder(wish)
  if (!created.ok) return created
  const { id, pay } = created.value
  if (pay !== null) await dialogue.value(id, pay)
  wishedOrder = null
  return created
}

/** Lets the person try once more to pay the order, with this app or another than before. */
export async function payAgain(orderId: string, payer: HostApp): Promise<Result<null, ApiError>> {
  const dialogue = await findDialogue(payer)
  if (!dialogue.ok) return dialogue
  const { funding } = payer
  wishedPayment = intentFor(wishedPayment, `${orderId} ${funding}`, Math.random)
  const headers = { 'Idempotency-Key': wishedPayment.key }
  const body = { funding }
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

function createOrder(wish: TopUp): Promise<Result<Order, ApiError>> {
  const { amount, queryPassword, payer } = wish
  const body: OrderRequest = {
    purpose: 'card_top_up',
    funding: payer.funding,
    amount_fen: amount,
    ...(queryPassword === null ? {} : { query_password: queryPassword }),
  }
  wishedOrder = intentFor(wishedOrder, JSON.stringify(body), Math.random)
  const headers = { 'Idempotency-Key': wishedOrder.key }
  return client.call(ordersApi.create({ body, headers }))
}

async function findDialogue(payer: HostApp): Promise<Result<Dialogue, ApiError>> {
  const way = target.payment
  if (way.kind === 'in_app') return ok((_orderId, pay) => way.show(pay))
  const info = await loadClientInfo()
  if (!info.ok) return info
  const cashiers = pagesOf(info.value, 'cashier_url')
  if (!cashiers.some(({ app }) => app.id === payer.id)) return err({ kind: 'host_app_only' })
  return ok(async (id, pay) => {
    const cashier = cashiers.find(({ app }) => app.funding === pay.provider)
    const order: Address = { route: 'order', query: { id, paying: '1' } }
    if (cashier !== undefined) await way.leave(cashier, pay, order)
  })
}
