import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { CodeUse, Event, LossEvent } from '@/core/api/events'
import type { ApiError } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import { useNews } from './use-news'

type Answer = Result<readonly Event[], ApiError>

/** A server whose answers come when the test says so. */
const server = vi.hoisted(() => ({
  waiting: [] as ((answer: never) => void)[],
  asked: 0,
  givenUp: 0,
  probed: 0,
  isReachable: false,
}))

vi.mock('@/services/events', () => ({
  isReachable: () => {
    server.probed += 1
    return Promise.resolve(server.isReachable)
  },
  nextEvents: (onSent: (giveUp: () => void) => void) => {
    server.asked += 1
    onSent(() => {
      server.givenUp += 1
    })
    return new Promise((resolve) => server.waiting.push(resolve))
  },
}))
vi.mock('@/platform/navigation', () => ({ goHome: () => undefined }))

const now = Date.parse('2026-11-21T12:00:00+08:00')
const use = {
  kind: 'code_used',
  at: '2026-11-21T12:00:00+08:00',
  charge_id: 'c',
  amount_fen: 1_250,
  merchant_name: '第一食堂',
  balance_fen: 3_750,
  purpose: 'pay',
  tick: 9,
  sub: 1,
} as unknown as Event

const refused = {
  ...use,
  kind: 'code_refused',
  reason: 'limit_meal',
  tick: 10,
  sub: 0,
} as unknown as Event

const nothing = (): void => undefined
const silent = { onUse: nothing, onLoss: nothing, onHeard: nothing }

async function answer(given: Answer): Promise<void> {
  server.waiting.shift()?.(given as never)
  await vi.advanceTimersByTimeAsync(0)
}

beforeEach(() => {
  vi.useFakeTimers({ now })
  Object.assign(server, { waiting: [], asked: 0, givenUp: 0, probed: 0 })
})
afterEach(() => vi.useRealTimers())

it('tells of a use, and asks on', async () => {
  const uses: unknown[] = []
  const onHeard = vi.fn()
  const onUse = (one: CodeUse): unknown => uses.push([one.tick, one.sub])
  const listening = useNews({ ...silent, onUse, onHeard })
  listening.start()
  await answer(ok([]))
  expect(listening.news.value).toBeNull()
  await vi.advanceTimersByTimeAsync(300)
  await answer(ok([{ kind: 'message' }, use]))
  expect(uses).toEqual([[9, 1]])
  expect(listening.news.value?.title).toBe('¥12.50 已付')
  expect(onHeard).toHaveBeenCalledTimes(2)
  await vi.advanceTimersByTimeAsync(300)
  await answer(ok([]))
  expect(listening.news.value?.title, 'stays').toBe('¥12.50 已付')
  listening.forget()
  expect(listening.news.value).toBeNull()
})

it('tells of a refusal, whose code is gone too', async () => {
  const uses: unknown[] = []
  const onUse = (one: CodeUse): unknown => uses.push([one.tick, one.sub])
  const listening = useNews({ ...silent, onUse })
  listening.start()
  await answer(ok([use, refused]))
  expect(uses).toEqual([
    [9, 1],
    [10, 0],
  ])
  expect(listening.news.value).toMatchObject({ isPaid: false, title: '超过每餐消费限额' })
})

it('takes a payment back that the till has given back, and uses nothing up for it', async () => {
  const reversed = { ...use, kind: 'charge_reversed', balance_fen: 5_000 } as unknown as Event
  const onUse = vi.fn()
  const listening = useNews({ ...silent, onUse })
  listening.start()
  await answer(ok([use]))
  await vi.advanceTimersByTimeAsync(300)
  await answer(ok([reversed]))
  const told = { isPaid: false, title: '¥12.50 已撤销，已退回' }
  expect(listening.news.value).toMatchObject(told)
  expect(onUse).toHaveBeenCalledTimes(1)
})

it('after a fault of the server asks again, slower each time', async () => {
  const listening = useNews(silent)
  listening.start()
  for (const [delay, asked] of [
    [1_000, 2],
    [2_000, 3],
  ] as const) {
    await answer(err({ kind: 'unreadable', status: 502 }))
    expect(listening.isOffline.value).toBe(false)
    await vi.advanceTimersByTimeAsync(delay - 1)
    expect(server.asked).toBe(asked - 1)
    await vi.advanceTimersByTimeAsync(1)
    expect(server.asked).toBe(asked)
  }
  expect(server.probed).toBe(0)
})

it.each<ApiError>([{ kind: 'unreachable' }, { kind: 'timed_out' }])(
  'after %j is offline until the server answers anything, then listens on',
  async (error) => {
    const listening = useNews(silent)
    listening.start()
    await answer(err(error))
    expect(listening.isOffline.value).toBe(true)
    server.isReachable = false
    await vi.advanceTimersByTimeAsync(3_000)
    expect([server.probed, server.asked, listening.isOffline.value]).toEqual([2, 1, true])
    server.isReachable = true
    await vi.advanceTimersByTimeAsync(4_000)
    expect([server.probed, server.asked, listening.isOffline.value]).toEqual([3, 2, false])
  },
)

it('gives its question up when the page is left, and lets the answer go', async () => {
  const onUse = vi.fn()
  const listening = useNews({ ...silent, onUse })
  listening.start()
  listening.stop()
  expect(server.givenUp).toBe(1)
  await answer(ok([use]))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(onUse).not.toHaveBeenCalled()
  expect(server.asked).toBe(1)
})

it('tells of a loss, and asks no more where that ends the listening', async () => {
  const lost = { kind: 'loss_reported', at: '2026-11-21T12:00:00+08:00' } as unknown as Event
  const told: unknown[] = []
  const onLoss = (losses: readonly LossEvent[]): void => {
    told.push(...losses.map(({ kind }) => kind))
    listening.stop()
  }
  const listening = useNews({ ...silent, onLoss })
  listening.start()
  await answer(ok([{ kind: 'order_changed' }, lost]))
  await vi.advanceTimersByTimeAsync(60_000)
  expect([told, server.asked]).toEqual([['loss_reported'], 1])
})
