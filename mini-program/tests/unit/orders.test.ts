import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Answer, type Asked, fakePlatform, problem } from './fake-platform'
import type { Fen } from '@/core/money'
import { wechat } from '@/platform/apps'

const { show } = vi.hoisted(() => ({ show: vi.fn(() => Promise.resolve()) }))

vi.mock('#target', async () => ({
  target: {
    apiBaseUrl: '',
    apps: [(await import('@/platform/apps')).wechat],
    signIn: { kind: 'by_page' },
    payment: { kind: 'in_app', show },
  },
}))

const pay = {
  provider: 'wechat_pay',
  time_stamp: '1',
  nonce_str: 'n',
  package: 'prepay_id=1',
  sign_type: 'RSA',
  pay_sign: 's',
}
const order = {
  id: 'o1',
  state: 'awaiting_payment',
  amount_fen: 5_000,
  created_at: '2026-11-21T00:00:00Z',
  expires_at: '2026-11-21T00:30:00Z',
  payments: [{ funding: 'wechat_pay', state: 'open' }],
}
const wish = { amount: 5_000 as Fen, queryPassword: null, payer: wechat }
const twice = { ...wish, amount: 10_000 as Fen }

const keysOf = (asked: readonly Asked[]) => asked.map(({ headers }) => headers['Idempotency-Key'])

/** Each test begins with no wish left over from the one before. */
beforeEach(() => vi.resetModules())
afterEach(() => {
  vi.unstubAllGlobals()
  show.mockClear()
})

it('asks with the same key until the answer has come, and shows the payment once', async () => {
  const { topUp } = await import('@/services/orders')
  const answers: (Answer | null)[] = [
    null,
    problem(503, 'provider_unavailable'),
    { status: 201, body: { ...order, pay } },
  ]
  const { asked } = fakePlatform(() => answers.shift() ?? null)
  expect(await topUp(wish)).toEqual({ ok: false, error: { kind: 'unreachable' } })
  expect(await topUp(wish)).toMatchObject({ ok: false, error: { status: 503 } })
  expect(await topUp(wish)).toMatchObject({ ok: true, value: { id: 'o1' } })
  expect(new Set(keysOf(asked)).size).toBe(1)
  expect(show).toHaveBeenCalledOnce()
  expect(show).toHaveBeenCalledWith(pay)
})

it('takes a new key for another wish, and after the last was granted', async () => {
  const { topUp } = await import('@/services/orders')
  const { asked } = fakePlatform(() => ({ status: 201, body: { ...order, pay } }))
  await topUp(wish)
  await topUp(wish)
  await topUp(twice)
  expect(new Set(keysOf(asked)).size).toBe(3)
})

it('sends the password where the school wants it, and a new key with another', async () => {
  const { topUp } = await import('@/services/orders')
  const { asked } = fakePlatform(() => problem(422, 'password_wrong'))
  await topUp({ ...wish, queryPassword: '000000' })
  await topUp({ ...wish, queryPassword: '271828' })
  expect(asked.map(({ body }) => body)).toEqual([
    expect.objectContaining({ query_password: '000000', amount_fen: 5_000 }),
    expect.objectContaining({ query_password: '271828' }),
  ])
  expect(new Set(keysOf(asked)).size).toBe(2)
  expect(show).not.toHaveBeenCalled()
})

it('tries the same order again with a key of its own', async () => {
  const { payAgain } = await import('@/services/orders')
  const answers: (Answer | null)[] = [null, { status: 201, body: { payment_id: 'p2', pay } }]
  const { asked } = fakePlatform(() => answers.shift() ?? problem(409, 'order_not_payable'))
  expect(await payAgain('o1', wechat)).toMatchObject({ ok: false })
  expect(await payAgain('o1', wechat)).toEqual({ ok: true, value: null })
  expect(await payAgain('o1', wechat)).toMatchObject({ ok: false, error: { status: 409 } })
  expect(asked.map(({ path }) => path)).toEqual(Array(3).fill('/api/v1/orders/o1/payments'))
  const [first, second, third] = keysOf(asked)
  expect(first).toBe(second)
  expect(third).not.toBe(second)
})
