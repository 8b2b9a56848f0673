import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { send } from './request'

vi.mock('#target', () => ({ target: { apiBaseUrl: 'https://card.example' } }))

type Options = UniApp.RequestOptions
const get = { method: 'GET', path: '/api/v1/me' } as const

function platform(request: (options: Options) => void): void {
  vi.stubGlobal('uni', { request })
}

beforeEach(() => vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('send', () => {
  it('asks with method, address, headers, body and a time-out', async () => {
    let seen: Options | undefined
    platform((options) => {
      seen = options
      options.success?.({ statusCode: 201, data: '{}', header: {}, cookies: [], errMsg: '' })
    })
    const reply = await send({ method: 'POST', path: '/o', body: { a: 1 }, headers: { K: 'v' } })
    expect(reply).toMatchObject({ kind: 'answered', status: 201, body: '{}', retryAfter: null })
    expect(seen).toMatchObject({
      url: 'https://card.example/o',
      method: 'POST',
      header: { K: 'v', 'Content-Type': 'application/json' },
      data: '{"a":1}',
      timeout: 10_000,
    })
  })

  it.each<[string, unknown, unknown]>([
    ['no network', { errMsg: 'request:fail' }, { kind: 'unreachable' }],
    ['nothing at all', undefined, { kind: 'unreachable' }],
    ['a time-out', { errMsg: 'request:fail timeout' }, { kind: 'timed_out' }],
    ['a time-out of Alipay', { error: 13, errorMessage: '超时' }, { kind: 'timed_out' }],
    [
      'an HTTP error that Alipay takes for a failure',
      { error: 19, status: 429, data: '{"title":"x"}', headers: { 'retry-after': '30' } },
      { kind: 'answered', status: 429, body: '{"title":"x"}', retryAfter: 30, date: null },
    ],
  ])('settles on %s', async (_name, failure, reply) => {
    platform((options) => options.fail?.(failure as UniApp.GeneralCallbackResult))
    expect(await send(get)).toEqual(reply)
  })

  it.each([
    [{ 'Retry-After': '90' }, 90],
    [{ 'retry-after': 5 }, 5],
    [{ 'retry-after': ['7'] }, 7],
    [{ 'retry-after': 'Sat, 21 Nov 2026 08:00:00 GMT' }, null],
    [{}, null],
    [undefined, null],
  ])('reads how long to wait from %j', async (header, retryAfter) => {
    platform((options) => {
      const answer = { statusCode: 429, data: '{}', header, cookies: [], errMsg: '' }
      options.success?.(answer)
    })
    expect(await send(get)).toMatchObject({ retryAfter })
  })

  it.each([
    [{ Date: 'Sat, 21 Nov 2026 08:00:00 GMT' }, Date.UTC(2026, 10, 21, 8)],
    [{ date: ['Sat, 21 Nov 2026 08:00:00 GMT'] }, Date.UTC(2026, 10, 21, 8)],
    [{ date: 'soon' }, null],
    [{}, null],
  ])("reads the server's time from %j", async (header, date) => {
    platform((options) => {
      options.success?.({ statusCode: 200, data: '{}', header, cookies: [], errMsg: '' })
    })
    expect(await send(get)).toMatchObject({ date })
  })

  it('waits as long as the question may take, and gives it up when told to', async () => {
    const abort = vi.fn()
    let giveUp = (): void => undefined
    let seen: Options | undefined
    vi.stubGlobal('uni', {
      request: (options: Options) => {
        seen = options
        return { abort: () => (abort(), options.fail?.({ errMsg: 'request:fail abort' })) }
      },
    })
    const onSent = (way: () => void) => void (giveUp = way)
    const reply = send({ ...get, patience: { waitMs: 30_000, onSent } })
    expect(seen?.timeout).toBe(30_000)
    await vi.advanceTimersByTimeAsync(29_000)
    giveUp()
    expect(await reply).toEqual({ kind: 'unreachable' })
    expect(abort).toHaveBeenCalledOnce()
  })

  it('settles when the platform throws', async () => {
    platform(() => {
      throw new Error('no such API')
    })
    expect(await send(get)).toEqual({ kind: 'timed_out' })
  })

  it('settles when the platform never answers', async () => {
    platform(() => undefined)
    const reply = send(get)
    await vi.advanceTimersByTimeAsync(12_000)
    expect(await reply).toEqual({ kind: 'timed_out' })
  })
})
