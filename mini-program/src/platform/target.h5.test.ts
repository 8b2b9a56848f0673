import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { alipay, wechat } from './apps'
import type { PagePayment, PageSignIn, Target } from './target'

vi.mock('./accessibility.h5', () => ({ improveAccessibility: () => undefined }))

const origin = 'http://127.0.0.1:8080'
const wechatPay = {
  provider: 'wechat_pay',
  time_stamp: '1',
  nonce_str: 'n',
  package: 'prepay_id=1',
  sign_type: 'RSA',
  pay_sign: 's',
} as const

/** A tab that keeps what it is told and goes where it is sent. */
function tab(href: string, kept: Record<string, string> = {}) {
  const stored = new Map(Object.entries(kept))
  const went: string[] = []
  const shown: string[] = []
  const { pathname } = new URL(href)
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  })
  vi.stubGlobal('window', {
    location: { href, origin, pathname, assign: (url: URL) => went.push(url.href) },
    history: { state: null, replaceState: (_s: null, _t: '', url: URL) => shown.push(url.href) },
    // The page is shown again at once.
    addEventListener: (_name: string, shownAgain: () => void) => queueMicrotask(shownAgain),
  })
  return { stored, went, shown }
}

let target: Target
const signIn = () => target.signIn as PageSignIn

beforeEach(async () => {
  vi.resetModules()
  target = (await import('./target.h5')).target
})
afterEach(() => vi.unstubAllGlobals())

const away = (id: string) => ({ 'onecard.signing-in': id })

it.each<[string, Record<string, string>, string | null, string | null]>([
  ['?code=c#/pages/sign-in/index', away('wechat'), 'wechat', '#/pages/sign-in/index'],
  ['?code=c&app_id=2021#/pages/sign-in/index', away('alipay'), 'alipay', '#/pages/sign-in/index'],
  ['?code=c', away('another'), null, ''],
  ['?code=c', {}, null, ''],
  ['?pay_result=ok#/pages/order/index?id=1', {}, null, '#/pages/order/index?id=1'],
  ['?kept=1#/', away('wechat'), null, null],
])('%s with %o: a code of %s', (query, kept, id, rest) => {
  const { shown, stored } = tab(`${origin}/${query}`, kept)
  target.start()
  const code = signIn().takeCode()
  const app = target.apps.find((known) => known.id === id)
  expect(code).toEqual(app === undefined ? null : { app, code: 'c' })
  expect(signIn().takeCode(), 'once').toBeNull()
  expect(shown).toEqual(rest === null ? [] : [`${origin}/${rest}`])
  expect(stored.has('onecard.signing-in')).toBe(query.startsWith('?kept'))
})

it.each([wechat, alipay])('leaves for the sign-in page of $id and remembers which', async (app) => {
  const { stored, went } = tab(`${origin}/`)
  const page = { app, url: `http://127.0.0.1:1/sandbox/${app.id}/sign-in`, appId: 'a1' }
  await signIn().leave(page, { route: 'sign-in' })
  expect(stored.get('onecard.signing-in')).toBe(app.id)
  const back = encodeURIComponent(`${origin}/#/pages/sign-in/index`)
  expect(went).toEqual([`${page.url}?app_id=a1&redirect_uri=${back}`])
})

const { provider: _provider, ...parameters } = wechatPay

it.each([
  [wechat, wechatPay, parameters],
  [alipay, { provider: 'alipay', trade_no: '20261' } as const, { trade_no: '20261' }],
] as const)('leaves for the cashier of %o', async (app, pay, named) => {
  const { went } = tab(`${origin}/`)
  const cashier = { app, url: 'http://127.0.0.1:1/cashier', appId: 'a1' }
  const query = { id: 'o1', paying: '1' }
  await (target.payment as PagePayment).leave(cashier, pay, { route: 'order', query })
  const url = new URL(went[0] ?? '')
  expect(`${url.origin}${url.pathname}`).toBe(cashier.url)
  expect(Object.fromEntries(url.searchParams)).toEqual({
    app_id: 'a1',
    ...named,
    redirect_uri: `${origin}/#/pages/order/index?id=o1&paying=1`,
  })
})
