/** The session on this device, and the one client that uses it. */
import { target } from '#target'
import { type PortalRequest, sessionsApi, type Tokens } from '@/core/api/sessions'
import { createClient, type Session, sessionOf, type SessionStore } from '@/core/client'
import { absentable, object, stored, text } from '@/core/decode'
import { type ApiError, problemCode, type Reply } from '@/core/problem'
import type { Request } from '@/core/request'
import { err, type Result } from '@/core/result'
import type { HostApp } from '@/platform/apps'
import { insistOn } from '@/platform/navigation'
import { send } from '@/platform/request'
import { readText, remove, writeText } from '@/platform/storage'
import { hearOfClock } from './clock'
import { forgetCodes } from './keyring'

const key = 'onecard.session'
/** `app` is the id of the app that was signed in with; none at the portal. */
const session = object({ accessToken: text, refreshToken: text, app: absentable(text) })

const load = () => stored(readText(key), session)

function write(begun: Session, app: string | null): void {
  writeText(key, JSON.stringify({ ...begun, app }))
}

const store: SessionStore = {
  load,
  // A renewed session is still one of the same app.
  save: (renewed) => write(renewed, load()?.app ?? null),
  clear: () => {
    remove(key)
    forgetCodes()
  },
}

async function sendAndReadClock(request: Request): Promise<Reply> {
  const sentAt = Date.now()
  const reply = await send(request)
  if (reply.kind === 'answered' && reply.date !== null) {
    hearOfClock({ date: reply.date, sentAt, receivedAt: Date.now() })
  }
  return reply
}

async function signInSilently(): Promise<Result<Tokens, ApiError>> {
  if (target.signIn.kind !== 'in_app') return err({ kind: 'signed_out' })
  const code = await target.signIn.requestCode()
  if (code.ok) return exchange(target.apps[0], code.value)
  return err({ kind: code.error === 'timed_out' ? 'timed_out' : 'signed_out' })
}

/** Refusals that say the same wherever they come: there is one page to go on from. */
function onRefusal(error: ApiError): void {
  const code = problemCode(error)
  if (code === 'pin_default_must_change') insistOn({ route: 'password' })
  // Unbound meanwhile, on another device or at the counter.
  if (code === 'not_bound') {
    forgetCodes()
    insistOn({ route: 'index' })
  }
}

export const client = createClient({
  send: sendAndReadClock,
  store,
  signInSilently: target.signIn.kind === 'in_app' ? signInSilently : null,
  onRefusal,
})

const signInWith = {
  wechat: sessionsApi.signInWithWechat,
  alipay: sessionsApi.signInWithAlipay,
}

/** Exchanges a login code of that app for tokens. */
export function exchange({ id }: HostApp, code: string): Promise<Result<Tokens, ApiError>> {
  const appId = target.appId()
  const body = appId === null ? { code } : { code, app_id: appId }
  return client.open(signInWith[id]({ body }))
}

/** Signs in to read, with the school's number and password. */
export function exchangePassword(body: PortalRequest): Promise<Result<Tokens, ApiError>> {
  return client.open(sessionsApi.signInToPortal({ body }))
}

/** @param app the one that was signed in with; null at the portal */
export function begin(answer: Tokens, app: HostApp | null): void {
  write(sessionOf(answer), app?.id ?? null)
}

/** The app that the session is of; null without a session, and for one of the portal. */
export function sessionApp(): HostApp | null {
  const id = load()?.app
  return target.apps.find((app) => app.id === id) ?? null
}

export function isSignedIn(): boolean {
  return store.load() !== null
}

/** Ends the session here, and gives it back so that the server can be told. */
export function end(): Session | null {
  const session = store.load()
  store.clear()
  return session
}
