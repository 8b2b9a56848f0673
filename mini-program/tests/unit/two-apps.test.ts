/** A browser in the sandbox: two apps to sign in with, and to pay in. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Asked, type Answer, fakePlatform, problem } from './fake-platform'
import type { Fen } from '@/core/money'
import { alipay, type HostApp, wechat } from '@/platform/apps'
import type { BroughtCode } from '@/platform/target'

const { leave, pay, brought } = vi.hoisted(() => ({
  leave: vi.fn(() => Promise.resolve()),
  pay: vi.fn(() => Promise.resolve()),
  brought: [] as BroughtCode[],
}))

vi.mock('#target', async () => {
  const { alipay, wechat } = await import('@/platform/apps')
  const signIn = { kind: 'by_page', leave, takeCode: () => brought.shift() ?? null }
  const payment = { kind: 'by_page', leave: pay }
  return { target: { apiBaseUrl: '', apps: [wechat, alipay], appId: () => null, signIn, payment } }
})

const pages = (app: string) => ({
  app_id: `${app}-id`,
  sign_in_url: `http://127.0.0.1:1/${app}/sign-in`,
  cashier_url: `http://127.0.0.1:1/${app}/cashier`,
})
const noPages = (app: string) => ({ ...pages(app), sign_in_url: null, cashier_url: null })
const both = { wechat: pages('wechat'), alipay: pages('alipay') }
const tokens = { access_token: 'a2', refresh_token: 'r2', expires_in: 900, binding: null }
const params = {
  wechat_pay: {
    provider: 'wechat_pay',
    time_stamp: '1',
    nonce_str: 'n',
    package: 'prepay_id=1',
    sign_type: 'RSA',
    pay_sign: 's',
  },
  alipay: { provider: 'alipay', trade_no: '2026112922001400001' },
}

/** A server that knows these apps. */
function server(info: object, rest: (asked: Asked) => Answer | null = () => null) {
  return fakePlatform((asked) => {
    if (asked.path === '/api/v1/client') return { status: 200, body: info }
    if (/\/auth\/(wechat|alipay)\/login$/.test(asked.path)) return { status: 200, body: tokens }
    return rest(asked)
  })
}

const services = async () => ({
  ...(await import('@/services/auth')),
  ...(await import('@/services/orders')),
  ...(await import('@/services/session')),
})

beforeEach(() => vi.resetModules())
afterEach(() => {
  vi.unstubAllGlobals()
  leave.mockClear()
  pay.mockClear()
})

it.each<[string, object, readonly string[]]>([
  ['both', both, ['wechat', 'alipay']],
  ['a server of today, which does not name the second', { wechat: pages('wechat') }, ['wechat']],
  ['the second alone', { wechat: null, alipay: pages('alipay') }, ['alipay']],
  ['one that is configured without pages', { ...both, wechat: noPages('wechat') }, ['alipay']],
  ['none in production', { wechat: noPages('wechat'), alipay: noPages('alipay') }, []],
])('offers the pages of %s', async (_name, info, ids) => {
  server(info)
  const { signInOffer } = await services()
  const offer = await signInOffer()
  if (!offer.ok) throw new Error('no offer')
  const offered = offer.value.kind === 'elsewhere' ? offer.value.pages : []
  expect(offered.map(({ app }) => app.id)).toEqual(ids)
  expect(offer.value.kind).toBe(ids.length === 0 ? 'host_app_only' : 'elsewhere')
  for (const page of offered) {
    expect(page).toMatchObject({ appId: `${page.app.id}-id`, url: pages(page.app.id).sign_in_url })
  }
})

it.each([wechat, alipay])('exchanges the code of $id there, and remembers it', async (app) => {
  const { asked, stored } = server(both, () => problem(500, 'internal'))
  const { signIn, sessionApp, usualPayer, appName } = await services()
  expect(await signIn()).toBeNull()
  brought.push({ app, code: 'c' })
  expect(await signIn()).toEqual({ ok: true, value: { binding: null } })
  expect(asked.map(({ path, body }) => [path, body])).toEqual([
    [`/api/v1/auth/${app.id}/login`, { code: 'c' }],
  ])
  expect([sessionApp()?.id, usualPayer().id, appName()]).toEqual([app.id, app.id, app.name])
  expect(JSON.parse(stored.get('onecard.session') ?? '')).toMatchObject({ app: app.id })
})

it('still knows the app of a session that was renewed', async () => {
  const { stored } = server(both, ({ path, headers }) => {
    if (path === '/api/v1/auth/refresh') return { status: 200, body: tokens }
    const isOld = headers['Authorization'] === 'Bearer a'
    return isOld ? problem(401, 'session_ended') : { status: 200, body: order }
  })
  stored.set('onecard.session', '{"accessToken":"a","refreshToken":"r","app":"alipay"}')
  const { loadOrder, sessionApp } = await services()
  expect(await loadOrder('o1')).toMatchObject({ ok: true })
  expect(JSON.parse(stored.get('onecard.session') ?? '')).toMatchObject({ accessToken: 'a2' })
  expect(sessionApp()?.id).toBe('alipay')
})

it.each<[string, string | null]>([
  ['{"accessToken":"a","refreshToken":"r"}', null],
  ['{"accessToken":"a","refreshToken":"r","app":null}', null],
  ['{"accessToken":"a","refreshToken":"r","app":"another"}', null],
  ['{"accessToken":"a","refreshToken":"r","app":"alipay"}', 'alipay'],
])('reads the session %s', async (written, id) => {
  const { stored } = server(both)
  stored.set('onecard.session', written)
  const { isSignedIn, sessionApp, usualPayer } = await services()
  expect(isSignedIn()).toBe(true)
  expect(sessionApp()?.id ?? null).toBe(id)
  expect(usualPayer().id).toBe(id ?? 'wechat')
})

it.each<[string, object | null, readonly string[]]>([
  ['both', both, ['wechat', 'alipay']],
  ['a server of today', { wechat: pages('wechat') }, ['wechat']],
  ['production', { wechat: noPages('wechat'), alipay: null }, ['alipay']],
  ['a lost answer', null, ['alipay']],
])('can be paid with %s', async (_name, info, ids) => {
  const { stored } = info === null ? fakePlatform(() => null) : server(info)
  stored.set('onecard.session', '{"accessToken":"a","refreshToken":"r","app":"alipay"}')
  const { loadPayers } = await services()
  expect((await loadPayers()).map(({ id }) => id)).toEqual(ids)
})

const order = {
  id: 'o1',
  state: 'awaiting_payment',
  amount_fen: 5_000,
  created_at: '2026-11-21T00:00:00Z',
  expires_at: '2026-11-21T00:30:00Z',
  payments: [],
}

/** Makes an order or a payment as it is asked to. */
function made({ path, body }: Asked): Answer {
  const { funding } = body as { funding: HostApp['funding'] }
  const rest = path === '/api/v1/orders' ? order : { payment_id: 'p2' }
  return { status: 201, body: { ...rest, pay: params[funding] } }
}

it.each([wechat, alipay])('pays at the cashier of $id', async (app) => {
  server(both, made)
  const { payAgain, topUp } = await services()
  expect(await topUp({ amount: 5_000 as Fen, queryPassword: null, payer: app })).toMatchObject({
    ok: true,
  })
  expect(await payAgain('o1', app)).toEqual({ ok: true, value: null })
  const cashier = { app, appId: `${app.id}-id`, url: pages(app.id).cashier_url }
  const returnTo = { route: 'order', query: { id: 'o1', paying: '1' } }
  expect(pay.mock.calls).toEqual(Array(2).fill([cashier, params[app.funding], returnTo]))
})

it('tries an order again in another app with a key of its own', async () => {
  const { asked } = server(both, () => problem(503, 'provider_unavailable'))
  const { payAgain } = await services()
  for (const app of [wechat, wechat, alipay, alipay]) await payAgain('o1', app)
  const tries = asked.filter(({ path }) => path === '/api/v1/orders/o1/payments')
  const [first, second, third, fourth] = tries.map(({ headers }) => headers['Idempotency-Key'])
  expect([first, third]).toEqual([second, fourth])
  expect(first).not.toBe(third)
  expect(tries.map(({ body }) => (body as { funding: string }).funding)).toEqual([
    'wechat_pay',
    'wechat_pay',
    'alipay',
    'alipay',
  ])
})

it('makes no order where the chosen app has no cashier', async () => {
  const { asked } = server({ wechat: pages('wechat') }, made)
  const { topUp } = await services()
  const refused = await topUp({ amount: 5_000 as Fen, queryPassword: null, payer: alipay })
  expect(refused).toEqual({ ok: false, error: { kind: 'host_app_only' } })
  expect(asked.map(({ path }) => path)).toEqual(['/api/v1/client'])
  expect(pay).not.toHaveBeenCalled()
})
