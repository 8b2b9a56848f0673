import { describe, expect, it } from 'vitest'
import type { Tokens } from './api/sessions'
import { createClient, type Session, type Surroundings } from './client'
import { object, text } from './decode'
import { type ApiError, type Reply } from './problem'
import { get, type Request } from './request'
import { ok, type Result } from './result'

const loadName = get('/api/v1/me', object({ name: text }))({})
const loadText = get('/api/v1/me', text)({})

const answer = (status: number, body: unknown) => ({
  kind: 'answered' as const,
  status,
  body: JSON.stringify(body),
  retryAfter: null,
  date: null,
})

/** A server that knows one access token and one refresh token; each refresh makes new ones. */
class FakeServer {
  generation = 1
  refreshes = 0
  refreshReply: Reply | null = null
  answerInstead: Reply | null = null
  answerToGood: Reply = answer(200, { name: '林' })
  readonly seen: Request[] = []

  tokens(): Tokens {
    return {
      access_token: `access-${this.generation}`,
      refresh_token: `refresh-${this.generation}`,
      expires_in: 600,
      binding: null,
    }
  }

  readonly send = async (request: Request): Promise<Reply> => {
    this.seen.push(request)
    await Promise.resolve()
    return request.path.endsWith('/refresh') ? this.refresh(request) : this.me(request)
  }

  private refresh(request: Request): Reply {
    this.refreshes += 1
    if (this.refreshReply !== null) return this.refreshReply
    const { refresh_token } = request.body as { refresh_token: string }
    if (refresh_token !== `refresh-${this.generation}`) return answer(401, unauthorized)
    this.generation += 1
    return answer(200, this.tokens())
  }

  private me(request: Request): Reply {
    if (this.answerInstead !== null) return this.answerInstead
    const good = request.headers?.['Authorization'] === `Bearer access-${this.generation}`
    return good ? this.answerToGood : answer(401, unauthorized)
  }
}

const unauthorized = { title: '登录已失效', code: 'unauthorized', request_id: 'r' }

class MemoryStore {
  constructor(public session: Session | null) {}
  load = () => this.session
  save = (session: Session) => {
    this.session = session
  }
  clear = () => {
    this.session = null
  }
}

function setUp(
  session: Session | null,
  signInSilently: Surroundings['signInSilently'] = null,
  server = new FakeServer(),
) {
  const store = new MemoryStore(session)
  const refusals: ApiError[] = []
  const onRefusal = (error: ApiError): void => void refusals.push(error)
  const client = createClient({ send: server.send, store, signInSilently, onRefusal })
  return { server, store, refusals, client }
}

const fresh = { accessToken: 'access-1', refreshToken: 'refresh-1' }
const expired = { accessToken: 'access-0', refreshToken: 'refresh-1' }
const dead = { accessToken: 'access-0', refreshToken: 'refresh-0' }

const granted = { ok: true, value: { name: '林' } }
const signedOut = { ok: false, error: { kind: 'signed_out' } }

describe('call', () => {
  it('asks nothing without a session', async () => {
    const { client, server } = setUp(null)
    expect(await client.call(loadName)).toEqual(signedOut)
    expect(server.seen).toEqual([])
  })

  it('sends the token and the headers of the request', async () => {
    const { client, server } = setUp(fresh)
    const headers = { 'Idempotency-Key': 'k' }
    const keyed = { ...loadName, request: { ...loadName.request, headers } }
    expect(await client.call(keyed)).toEqual(granted)
    expect(server.seen[0]?.headers).toEqual({
      Authorization: 'Bearer access-1',
      'Idempotency-Key': 'k',
    })
  })

  it('refreshes once for many calls that are refused together', async () => {
    const { client, server, store } = setUp(expired)
    const results = await Promise.all(Array.from({ length: 8 }, () => client.call(loadName)))
    expect(results).toEqual(Array.from({ length: 8 }, () => granted))
    expect(server.refreshes).toBe(1)
    expect(store.session).toEqual({ accessToken: 'access-2', refreshToken: 'refresh-2' })
  })

  it('takes the session that another tab has renewed', async () => {
    const { client, server, store } = setUp(expired)
    const send = client.call(loadName)
    store.save(fresh)
    expect(await send).toEqual(granted)
    expect(server.refreshes).toBe(0)
  })

  it('ends the session when the server refuses to renew it', async () => {
    const { client, store } = setUp(dead)
    const results = await Promise.all([client.call(loadName), client.call(loadName)])
    expect(results).toEqual([signedOut, signedOut])
    expect(store.session).toBeNull()
  })

  it('signs in again where the platform can', async () => {
    const server = new FakeServer()
    const again = (): Promise<Result<Tokens, ApiError>> => Promise.resolve(ok(server.tokens()))
    const { client, store } = setUp(dead, again, server)
    expect(await client.call(loadName)).toEqual(granted)
    expect(store.session).toEqual(fresh)
  })

  it.each<[string, Reply]>([
    ['unreachable', { kind: 'unreachable' }],
    ['timed_out', { kind: 'timed_out' }],
    ['unreadable', { kind: 'answered', status: 502, body: '<html>', retryAfter: null, date: null }],
  ])('keeps the session when the refresh is %s', async (kind, reply) => {
    const { client, server, store } = setUp(expired)
    server.refreshReply = reply
    expect(await client.call(loadName)).toMatchObject({ ok: false, error: { kind } })
    expect(store.session).toEqual(expired)
    server.refreshReply = null
    expect(await client.call(loadName)).toEqual(granted)
  })

  it('does not bring back a session that was signed out meanwhile', async () => {
    const { client, store } = setUp(expired)
    const pending = client.call(loadName)
    await Promise.resolve()
    await Promise.resolve()
    store.clear()
    expect(await pending).toEqual(signedOut)
    expect(store.session).toBeNull()
  })

  it('gives up when the renewed token is refused too', async () => {
    const { client, server, store } = setUp(expired)
    server.refreshReply = answer(200, { ...server.tokens(), access_token: 'never' })
    expect(await client.call(loadName)).toEqual(signedOut)
    expect(server.refreshes).toBe(1)
    expect(store.session).toBeNull()
  })

  it('shows a refusal to who looks after all calls, and a good answer not', async () => {
    const { client, server, refusals } = setUp(fresh)
    expect(await client.call(loadName)).toEqual(granted)
    expect(refusals).toEqual([])
    const problem = { title: '请先修改查询密码', code: 'pin_default_must_change' }
    server.answerInstead = answer(403, problem)
    const refused = await client.call(loadName)
    expect(refused).toMatchObject({ ok: false, error: { kind: 'problem', status: 403 } })
    expect(refusals).toEqual([refused.ok ? null : refused.error])
  })
})

describe('callForText', () => {
  it('gives the text as it is, renewing the session like any call', async () => {
    const { client, server } = setUp(expired)
    server.answerToGood = { ...answer(200, {}), body: 'a,b\r\n' }
    expect(await client.callForText(loadText)).toEqual({ ok: true, value: 'a,b\r\n' })
    expect(server.refreshes).toBe(1)
  })
})
