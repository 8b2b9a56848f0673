import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Answer, fakePlatform, problem } from './fake-platform'

const { target } = vi.hoisted(() => ({
  target: {
    apiBaseUrl: '',
    apps: [{ id: 'wechat', name: '微信', funding: 'wechat_pay', fundingName: '微信支付' }],
    signIn: { kind: 'by_page' },
    phoneProof: null as ((told: unknown) => string | null) | null,
  },
}))
vi.mock('#target', () => ({ target }))

const consent = { version: '1', text: '用途' }
const phone = {
  number_masked: '138****8000',
  consent_version: '1',
  consented_at: '2026-11-21T10:00:00+08:00',
}

beforeEach(() => {
  vi.resetModules()
  target.phoneProof = null
})
afterEach(() => vi.unstubAllGlobals())

it('hands over what the button gave with the text that was agreed to', async () => {
  target.phoneProof = () => 'code-1'
  const service = await import('@/services/phone')
  const { asked } = fakePlatform(() => ({ status: 200, body: { phone, consent } }))
  expect(service.canTellPhone()).toBe(true)
  expect(service.phoneProof({})).toBe('code-1')
  expect(await service.tellPhone('code-1', '1')).toMatchObject({
    ok: true,
    value: { phone: { number_masked: '138****8000' } },
  })
  expect(asked).toMatchObject([
    { method: 'POST', path: '/api/v1/me/phone', body: { proof: 'code-1', consent_version: '1' } },
  ])
})

it('shows that there is none, and what the server refuses', async () => {
  const service = await import('@/services/phone')
  const answers: Answer[] = [
    { status: 200, body: { phone: null, consent } },
    problem(422, 'phone_proof_refused'),
    { status: 204, body: '' },
  ]
  const { asked } = fakePlatform(() => answers.shift() ?? null)
  expect(await service.loadPhone()).toMatchObject({ ok: true, value: { phone: null } })
  expect(await service.tellPhone('used', '1')).toMatchObject({ ok: false, error: { status: 422 } })
  expect(await service.removePhone()).toEqual({ ok: true, value: null })
  expect(asked.map(({ path }) => path)).toEqual([
    '/api/v1/me/phone',
    '/api/v1/me/phone',
    '/api/v1/me/phone/remove',
  ])
})

it('offers nothing where the host app has no such button', async () => {
  const service = await import('@/services/phone')
  expect(service.canTellPhone()).toBe(false)
  expect(service.phoneProof({ code: 'x' })).toBe(null)
})
