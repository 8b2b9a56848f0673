import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Answer, type Asked, fakePlatform, problem } from './fake-platform'
import type { Fen } from '@/core/money'

const { show } = vi.hoisted(() => ({ show: vi.fn(() => Promise.resolve()) }))

vi.mock('#target', () => ({
  target: {
    apiBaseUrl: '',
    funding: 'wechat_pay',
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
}
const fifty = 5_000 as Fen
const hundred = 10_000 as Fen

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
  expect(await topUp(fifty, null)).toEqual({ ok: false, error: { kind: 'unreachable' } })
  expect(await topUp(fifty, null)).toMatchObject({ ok: false, error: { status: 503 } })
  expect(await topUp(fifty, null)).toMatchObject({ ok: true, value: { id: 'o1' } })
  expect(new Set(keysOf(asked)).size).toBe(1)
  expect(show).toHaveBeenCalledOnce()
  expect(show).toHaveBeenCalledWith(pay)
})

it('takes a new key for another wish, and after the last was granted', async () => {
  const { topUp } = await import('@/services/orders')
  const { asked } = fakePlatform(() => ({ status: 201, body: { ...order, pay } }))
  await topUp(fifty, null)
  await topUp(fifty, null)
  await topUp(hundred, null)
  expect(new Set(keysOf(asked)).size).toBe(3)
})

it('sends the password where the school wants it, and a new key with another', async () => {
  const { topUp } = await import('@/services/orders')
  const { asked } = fakePlatform(() => problem(422, 'password_wrong'))
  await topUp(fifty, '000000')
  await topUp(fifty, '271828')
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
  expect(await payAgain('o1')).toMatchObject({ ok: false })
  expect(await payAgain('o1')).toEqual({ ok: true, value: null })
  expect(await payAgain('o1')).toMatchObject({ ok: false, error: { status: 409 } })
  expect(asked.map(({ path }) => path)).toEqual(Array(3).fill('/api/v1/orders/o1/payments'))
  const [first, second, third] = keysOf(asked)
  expect(first).toBe(second)
  expect(third).not.toBe(second)
})
