import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { askForMessages, requestCode, showPayment } from './in-app'

type Callbacks = { complete(): void }

/** An app whose payment dialogue answers when the test lets it, or never. */
function app() {
  const dialogues: Callbacks[] = []
  const listeners = new Set<() => void>()
  vi.stubGlobal('uni', {
    requestPayment: (options: Callbacks) => void dialogues.push(options),
    onAppShow: (listener: () => void) => void listeners.add(listener),
    offAppShow: (listener: () => void) => void listeners.delete(listener),
  })
  const comeBack = () => listeners.forEach((listener) => listener())
  return { answer: () => dialogues[0]?.complete(), comeBack, listeners }
}

const options = { provider: 'alipay', orderInfo: '1' } as const

/** Whether the payment has settled after so many milliseconds. */
async function settledAfter(ms: number, payment: Promise<void>): Promise<boolean> {
  let settled = false
  void payment.then(() => {
    settled = true
  })
  await vi.advanceTimersByTimeAsync(ms)
  return settled
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('ends with the answer of the dialogue, and listens no more', async () => {
  const { answer, listeners } = app()
  const payment = showPayment(options)
  expect(await settledAfter(59_000, payment)).toBe(false)
  expect(listeners.size).toBe(1)
  answer()
  expect(await settledAfter(0, payment)).toBe(true)
  expect(listeners.size).toBe(0)
})

it('ends by itself when the app never answers', async () => {
  app()
  expect(await settledAfter(60_000, showPayment(options))).toBe(true)
})

it('ends a moment after the person came back without an answer', async () => {
  const { comeBack } = app()
  const payment = showPayment(options)
  await settledAfter(20_000, payment)
  comeBack()
  expect(await settledAfter(2_000, payment)).toBe(false)
  expect(await settledAfter(1_000, payment)).toBe(true)
})

it('ends where the app tells of no return, and where it cannot pay at all', async () => {
  vi.stubGlobal('uni', { requestPayment: ({ complete }: Callbacks) => complete() })
  expect(await settledAfter(0, showPayment(options))).toBe(true)
  vi.stubGlobal('uni', {})
  expect(await settledAfter(0, showPayment(options))).toBe(true)
})

it.each<[string, object, object]>([
  ['a code', { code: 'c' }, { ok: true, value: 'c' }],
  ['no code', {}, { ok: false, error: 'refused' }],
])('a login that gives %s', async (_name, answer, result) => {
  const login = vi.fn(({ success }: { success(answer: object): void }) => success(answer))
  vi.stubGlobal('uni', { login })
  expect(await requestCode({ scopes: 'auth_base' })).toEqual(result)
  expect(login).toHaveBeenCalledWith(expect.objectContaining({ scopes: 'auth_base' }))
})

it('a login that never answers ends, too', async () => {
  vi.stubGlobal('uni', { login: () => undefined })
  const code = requestCode({ provider: 'weixin' })
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await code).toEqual({ ok: false, error: 'timed_out' })
})

it('asks about messages by the name that the app has for templates, and goes on', async () => {
  const asked: object[] = []
  vi.stubGlobal('uni', {
    requestSubscribeMessage: ({ complete, ...rest }: Callbacks & object) => {
      asked.push(rest)
      complete()
    },
  })
  await askForMessages({ tmplIds: ['a'] })
  await askForMessages({ entityIds: ['b'] })
  expect(asked).toEqual([{ tmplIds: ['a'] }, { entityIds: ['b'] }])
})

it('goes on where the app cannot ask about messages, or never answers', async () => {
  vi.stubGlobal('uni', {})
  await askForMessages({ tmplIds: ['a'] })
  vi.stubGlobal('uni', { requestSubscribeMessage: () => undefined })
  expect(await settledAfter(60_000, askForMessages({ tmplIds: ['a'] }))).toBe(true)
})
