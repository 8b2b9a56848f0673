/** The session on this device, and the one client that uses it. */
import { target } from '#target'
import { type PortalRequest, sessionsApi, type Tokens } from '@/core/api/sessions'
import { createClient, type Session, sessionOf, type SessionStore } from '@/core/client'
import { object, stored, text } from '@/core/decode'
import { type ApiError, problemCode, type Reply } from '@/core/problem'
import type { Request } from '@/core/request'
import { err, type Result } from '@/core/result'
import { insistOn } from '@/platform/navigation'
import { send } from '@/platform/request'
import { readText, remove, writeText } from '@/platform/storage'
import { hearOfClock } from './clock'
import { forgetCodes } from './keyring'

const key = 'onecard.session'
const session = object({ accessToken: text, refreshToken: text })

const store: SessionStore = {
  load: () => stored(readText(key), session),
  save: (begun) => writeText(key, JSON.stringify(begun)),
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
  if (code.ok) return exchange(code.value)
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

/** Exchanges a login code of the host app for tokens. */
export function exchange(code: string): Promise<Result<Tokens, ApiError>> {
  const appId = target.appId()
  const body = appId === null ? { code } : { code, app_id: appId }
  return client.open(signInWith[target.identity]({ body }))
}

/** Signs in to read, with the school's number and password. */
export function exchangePassword(body: PortalRequest): Promise<Result<Tokens, ApiError>> {
  return client.open(sessionsApi.signInToPortal({ body }))
}

export function begin(answer: Tokens): void {
  store.save(sessionOf(answer))
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
