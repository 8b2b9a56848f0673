/**
 * Calls to the server, with the session they need.
 *
 * Invariant: every call ends in a `Result`, also when the session ends while it is under way.
 * Invariant: a refresh token is used once. The server takes a second use for theft and ends the
 * whole session, so calls that are refused together wait for one refresh.
 */
import { sessionsApi, type Tokens } from './api/sessions'
import { type ApiError, readReply, readText, type Reply } from './problem'
import type { Call, Request } from './request'
import { err, ok, type Result } from './result'

export interface Session {
  readonly accessToken: string
  readonly refreshToken: string
}

export interface SessionStore {
  load(): Session | null
  save(session: Session): void
  clear(): void
}

export interface Surroundings {
  readonly send: (request: Request) => Promise<Reply>
  readonly store: SessionStore
  /** Signs in again without the person's help, where the platform can; null where it cannot. */
  readonly signInSilently: (() => Promise<Result<Tokens, ApiError>>) | null
  /** Sees every error of a call for the signed-in person, before the caller does. */
  readonly onRefusal: (error: ApiError) => void
}

export interface Client {
  /** A call that needs no session. */
  open<T>(call: Call<T>): Promise<Result<T, ApiError>>
  /** A call on behalf of the signed-in person. */
  call<T>(call: Call<T>): Promise<Result<T, ApiError>>
  /** As `call`, for an answer that is a text and not JSON. */
  callForText(call: Call<string>): Promise<Result<string, ApiError>>
}

type Read<T> = (reply: Reply) => Result<T, ApiError>

export function sessionOf(answer: Tokens): Session {
  return { accessToken: answer.access_token, refreshToken: answer.refresh_token }
}

export function createClient(surroundings: Surroundings): Client {
  const { send, store, signInSilently, onRefusal } = surroundings
  let renewal: Promise<Result<Session, ApiError>> | null = null

  async function open<T>({ request, decode }: Call<T>): Promise<Result<T, ApiError>> {
    return readReply(await send(request), decode)
  }

  async function callAs<T>(
    session: Session,
    request: Request,
    read: Read<T>,
  ): Promise<Result<T, ApiError>> {
    const headers = { ...request.headers, Authorization: `Bearer ${session.accessToken}` }
    return read(await send({ ...request, headers }))
  }

  function call<T>({ request, decode }: Call<T>): Promise<Result<T, ApiError>> {
    return callAndRead(request, (reply) => readReply(reply, decode))
  }

  function callForText({ request }: Call<string>): Promise<Result<string, ApiError>> {
    return callAndRead(request, readText)
  }

  async function callAndRead<T>(request: Request, read: Read<T>): Promise<Result<T, ApiError>> {
    const session = store.load()
    if (session === null) return err({ kind: 'signed_out' })
    const first = await callAs(session, request, read)
    if (!isUnauthorized(first)) return look(first)
    const renewed = await renew(session)
    if (!renewed.ok) return renewed
    const second = await callAs(renewed.value, request, read)
    return isUnauthorized(second) ? signOut(renewed.value) : look(second)
  }

  function look<T>(result: Result<T, ApiError>): Result<T, ApiError> {
    if (!result.ok) onRefusal(result.error)
    return result
  }

  /** The session after `stale`: another call's, another tab's, or a new one. */
  function renew(stale: Session): Promise<Result<Session, ApiError>> {
    if (renewal !== null) return renewal
    const stored = store.load()
    if (stored === null) return Promise.resolve(err({ kind: 'signed_out' }))
    if (stored.accessToken !== stale.accessToken) return Promise.resolve(ok(stored))
    renewal = refresh(stored).finally(() => {
      renewal = null
    })
    return renewal
  }

  async function refresh(stale: Session): Promise<Result<Session, ApiError>> {
    const body = { refresh_token: stale.refreshToken }
    const refreshed = await open(sessionsApi.refresh({ body }))
    if (refreshed.ok) return keep(stale, refreshed.value)
    // Only the server's refusal ends a session; a bad connection does not.
    if (!isRefusal(refreshed.error)) return refreshed
    if (signInSilently === null) return signOut(stale)
    const again = await signInSilently()
    if (again.ok) return keep(stale, again.value)
    return isRefusal(again.error) ? signOut(stale) : again
  }

  /** Whoever signed out meanwhile stays signed out. */
  function keep(stale: Session, answer: Tokens): Result<Session, ApiError> {
    if (store.load()?.refreshToken !== stale.refreshToken) return err({ kind: 'signed_out' })
    const session = sessionOf(answer)
    store.save(session)
    return ok(session)
  }

  function signOut(ended: Session): Result<never, ApiError> {
    if (store.load()?.refreshToken === ended.refreshToken) store.clear()
    return err({ kind: 'signed_out' })
  }

  return { open, call, callForText }
}

function isUnauthorized(result: Result<unknown, ApiError>): boolean {
  return !result.ok && statusOf(result.error) === 401
}

function isRefusal(error: ApiError): boolean {
  const status = statusOf(error)
  return status === 400 || status === 401 || status === 403
}

function statusOf(error: ApiError): number | null {
  return error.kind === 'problem' || error.kind === 'unreadable' ? error.status : null
}
