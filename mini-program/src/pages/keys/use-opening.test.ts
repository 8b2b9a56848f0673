import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Opening } from '@/core/api/doors'
import type { ApiError } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import { useOpening } from './use-opening'

type Answer = Result<Opening, ApiError>

/** Answers in turn; what was asked. */
const server = vi.hoisted(() => ({ answers: [] as unknown[], asked: [] as string[] }))

vi.mock('@/services/doors', () => {
  const ask = (what: string) => (id: string) => {
    server.asked.push(`${what} ${id}`)
    return Promise.resolve(server.answers.shift())
  }
  return { openDoor: ask('open'), loadOpening: ask('look') }
})
vi.mock('@/platform/navigation', () => ({ goHome: () => undefined }))
vi.mock('@/ui/countdown', () => ({
  useCountdown: () => ({ left: { value: 0 }, countTo: () => undefined, end: () => undefined }),
}))

const door = { id: 'd1', name: '402 室', place: '', opens_at: null }
const opened: Opening = {
  id: 'o1',
  door_id: 'd1',
  state: 'opened',
  reason: null,
  title: '门已打开',
}
const unknown: Opening = { ...opened, state: 'unknown', title: '门锁未答复，请看门是否已开' }

beforeEach(() => {
  vi.useFakeTimers()
  Object.assign(server, { answers: [], asked: [] })
})
afterEach(() => vi.useRealTimers())

async function confirmed(...answers: Answer[]) {
  server.answers.push(...answers)
  const page = useOpening()
  page.choose(door)
  await page.confirm()
  return page
}

it('opens nothing before it is confirmed', async () => {
  const page = useOpening()
  await page.confirm()
  page.choose(door)
  expect([server.asked, page.view.value]).toEqual([[], null])
})

it('says that the door is open when the lock says so', async () => {
  const page = await confirmed(ok(opened))
  expect(page.view.value?.title).toBe('门已打开')
  expect(server.asked).toEqual(['open d1'])
})

it('asks about a lock that has not answered, and never opens again', async () => {
  const page = await confirmed(ok(unknown), err({ kind: 'unreachable' }), ok(unknown), ok(opened))
  expect([page.view.value?.tone, page.isAsking.value]).toEqual(['unsure', true])
  for (let questions = 0; questions < 3; questions += 1) await vi.advanceTimersByTimeAsync(2_000)
  expect([page.view.value?.tone, page.isAsking.value]).toEqual(['good', false])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(server.asked).toEqual(['open d1', 'look o1', 'look o1', 'look o1'])
})

it('stops asking a silent lock, and says that nobody knows', async () => {
  const page = await confirmed(ok(unknown), ...Array<Answer>(20).fill(ok(unknown)))
  await vi.advanceTimersByTimeAsync(120_000)
  expect(server.asked.length).toBe(15)
  expect([page.isAsking.value, page.view.value?.tone]).toEqual([false, 'unsure'])
})

it('claims nothing where the server did not answer', async () => {
  const page = await confirmed(err({ kind: 'timed_out' }), ok(opened))
  expect([page.view.value?.tone, page.opening.value]).toEqual(['unsure', null])
  expect(page.view.value?.title).toBe('没有收到答复，请看门是否已开')
  await page.confirm()
  expect([page.view.value?.tone, server.asked]).toEqual(['good', ['open d1', 'open d1']])
})

it('lets an answer about an earlier door go', async () => {
  const page = await confirmed(ok(unknown), ok(opened))
  page.choose({ ...door, id: 'd2' })
  await vi.advanceTimersByTimeAsync(10_000)
  expect([page.view.value, server.asked]).toEqual([null, ['open d1']])
})
