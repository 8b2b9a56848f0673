import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Answer, fakePlatform, problem } from './fake-platform'

type Ask = (ids: readonly string[]) => Promise<void>

const { target } = vi.hoisted(() => ({
  target: {
    apiBaseUrl: '',
    apps: [{ id: 'wechat', name: '微信', funding: 'wechat_pay', fundingName: '微信支付' }],
    signIn: { kind: 'by_page' },
    askForMessages: null as Ask | null,
  },
}))
vi.mock('#target', () => ({ target }))

const items = [
  { funding: 'wechat_pay', template_ids: ['t1', 't2'] },
  { funding: 'alipay', template_ids: ['t3'] },
]

beforeEach(() => {
  vi.resetModules()
  target.askForMessages = null
})
afterEach(() => vi.unstubAllGlobals())

it('asks about the templates of the provider that is paid by, and about no others', async () => {
  const ask = vi.fn<Ask>(() => Promise.resolve())
  target.askForMessages = ask
  const { askForMessages, loadTemplates } = await import('@/services/messages')
  fakePlatform(() => ({ status: 200, body: { items } }))
  const told = await loadTemplates()
  await askForMessages(told, 'wechat_pay')
  await askForMessages(told, 'alipay')
  expect(ask.mock.calls).toEqual([[['t1', 't2']], [['t3']]])
})

it('asks nothing where the school sends none, or where that cannot be found out', async () => {
  const ask = vi.fn<Ask>(() => Promise.resolve())
  target.askForMessages = ask
  const { askForMessages, loadTemplates } = await import('@/services/messages')
  const answers: (Answer | null)[] = [
    { status: 200, body: { items: [] } },
    problem(500, 'internal'),
    null,
  ]
  fakePlatform(() => answers.shift() ?? null)
  for (let times = 0; times < 3; times += 1) {
    await askForMessages(await loadTemplates(), 'wechat_pay')
  }
  expect(ask).not.toHaveBeenCalled()
})

it('sends no request in a browser, which cannot ask', async () => {
  const { askForMessages, loadTemplates } = await import('@/services/messages')
  const { asked } = fakePlatform(() => null)
  await askForMessages(await loadTemplates(), 'wechat_pay')
  expect(asked).toEqual([])
})
