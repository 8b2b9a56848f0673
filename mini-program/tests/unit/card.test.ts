import { afterEach, expect, it, vi } from 'vitest'
import { fakePlatform, problem } from './fake-platform'
import { dismissNotice, loadOverview } from '@/services/card'

vi.mock('#target', () => ({ target: { apiBaseUrl: '', signIn: { kind: 'by_page' } } }))

const binding = {
  school: { code: 'ynart', name: '云南艺术学院' },
  cardholder: { name_masked: '**梅', student_no: '20241001001', kind: 'student' },
  must_change_password: false,
}
const card = {
  status: 'normal',
  card_balance_fen: 0,
  transition_balance_fen: -250,
  e_account_balance_fen: 5_000,
  total_fen: 4_750,
}
const notice = { id: 'n1', kind: 'bound', text: '已绑定', at: '2026-11-21T00:00:00Z' }
const bound = {
  identity: { platform: 'wechat' },
  binding,
  card,
  notices: [notice],
  pending: { orders: 1 },
  passcode: null,
}

afterEach(() => vi.unstubAllGlobals())

it('shows home from one request, also with a balance below zero', async () => {
  const { asked } = fakePlatform(() => ({ status: 200, body: bound }))
  const overview = await loadOverview()
  expect(overview).toMatchObject({ ok: true, value: { kind: 'bound', card, pendingOrders: 1 } })
  expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /api/v1/me'])
})

it('knows who may only read', async () => {
  const portal = { ...bound, identity: { platform: 'portal' } }
  fakePlatform(() => ({ status: 200, body: portal }))
  expect(await loadOverview()).toMatchObject({ ok: true, value: { readOnly: true } })
})

it('does not show a notice again that was put away', async () => {
  fakePlatform(() => ({ status: 200, body: bound }))
  expect(await loadOverview()).toMatchObject({ value: { notices: [notice] } })
  dismissNotice('n1')
  expect(await loadOverview()).toMatchObject({ value: { notices: [] } })
})

it('asks nothing for a stranger', async () => {
  const { asked, stored } = fakePlatform(() => null)
  stored.clear()
  expect(await loadOverview()).toEqual({ ok: true, value: { kind: 'signed_out' } })
  expect(asked).toEqual([])
})

it.each([
  ['pin_default_must_change', '/pages/password/index'],
  ['portal_read_only', null],
])('leads on from %s to %s', async (code, url) => {
  const { relaunched } = fakePlatform(() => problem(403, code))
  expect(await loadOverview()).toMatchObject({ ok: false, error: { kind: 'problem' } })
  expect(relaunched).toEqual(url === null ? [] : [url])
})

it('stays where the way on leads to the page that is open', async () => {
  const { relaunched } = fakePlatform(() => problem(403, 'not_bound'))
  await loadOverview()
  expect(relaunched).toEqual([])
})
