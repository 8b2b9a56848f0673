import { target } from '#target'
import type { Binding } from '@/core/api/bindings'
import { type ClientInfo, clientInfoApi } from '@/core/api/client-info'
import { type PortalCode, type PortalRequest, sessionsApi } from '@/core/api/sessions'
import { type ApiError, errorMessage } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import type { HostApp } from '@/platform/apps'
import type { AppPage } from '@/platform/target'
import { begin, client, end, exchange, exchangePassword, sessionApp } from './session'

/** The apps that one can sign in with: 微信, or 微信或支付宝. */
export function appNames(): string {
  return target.apps.map(({ name }) => name).join('或')
}
export const hasPortal = target.hasPortal

/** What the sign-in page can do where it runs. */
export type SignInOffer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'elsewhere'; readonly pages: readonly AppPage[] }
  /** A browser outside the sandbox: the identity lives in the host app only. */
  | { readonly kind: 'host_app_only' }

export interface SignedIn {
  readonly binding: Binding | null
}

export async function signInOffer(): Promise<Result<SignInOffer, ApiError>> {
  if (target.signIn.kind === 'in_app') return ok({ kind: 'ready' })
  const info = await loadClientInfo()
  if (!info.ok) return info
  const pages = pagesOf(info.value, 'sign_in_url')
  return ok(pages.length === 0 ? { kind: 'host_app_only' } : { kind: 'elsewhere', pages })
}

/** The pages of that kind that the server names. */
export function pagesOf(info: ClientInfo, kind: 'sign_in_url' | 'cashier_url'): AppPage[] {
  return target.apps.flatMap((app) => {
    const known = info[app.id]
    const url = known?.[kind] ?? null
    return known === null || url === null ? [] : [{ app, url, appId: known.app_id }]
  })
}

/** The name of the app that the session is of. */
export function appName(): string {
  return (sessionApp() ?? target.apps[0]).name
}

export function loadClientInfo(): Promise<Result<ClientInfo, ApiError>> {
  return client.open(clientInfoApi.load({}))
}

/**
 * Signs in with the host app's code, or with the code that a visit to the sign-in page brought.
 * Null when there is no such code yet. The error is a sentence to show.
 */
export async function signIn(): Promise<Result<SignedIn, string> | null> {
  if (target.signIn.kind === 'by_page') {
    const brought = target.signIn.takeCode()
    return brought === null ? null : signInWith(brought.app, brought.code)
  }
  const app = target.apps[0]
  const code = await target.signIn.requestCode()
  if (code.ok) return signInWith(app, code.value)
  return err(code.error === 'timed_out' ? '登录超时，请重试' : `未能取得${app.name}登录信息`)
}

/** Leaves for the sign-in page of an app; `signIn` is called after the return. */
export async function leaveToSignIn(page: AppPage): Promise<void> {
  if (target.signIn.kind === 'by_page') await target.signIn.leave(page, { route: 'sign-in' })
}

async function signInWith(app: HostApp, code: string): Promise<Result<SignedIn, string>> {
  const answer = await exchange(app, code)
  if (!answer.ok) return err(errorMessage(answer.error))
  begin(answer.value, app)
  return ok({ binding: answer.value.binding })
}

/** Signs in on the web with number and password. Such a session may only read. */
export async function signInToPortal(body: PortalRequest): Promise<Result<null, ApiError>> {
  const answer = await exchangePassword(body)
  if (!answer.ok) return answer
  begin(answer.value, null)
  return ok(null)
}

/** The code that lets the owner in at the portal, where others used up the attempts. */
export function loadPortalCode(): Promise<Result<PortalCode, ApiError>> {
  return client.call(sessionsApi.portalCode({}))
}

export async function signOut(): Promise<void> {
  const session = end()
  if (session === null) return
  const body = { refresh_token: session.refreshToken }
  // The session is over on this device whatever the server says.
  await client.open(sessionsApi.signOut({ body }))
}
