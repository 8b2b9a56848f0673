import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { nextTick, ref } from 'vue'
import type { ServerCode } from '@/core/api/passcode'
import type { Purpose } from '@/core/enrolment'
import type { ApiError } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import { useServerCode } from './use-server-code'

type Answer = Result<ServerCode, ApiError>

const server = vi.hoisted(() => ({ asked: [] as string[], answers: [] as unknown[] }))

vi.mock('@/services/passcode', () => ({
  askForCode: (purpose: string) => {
    server.asked.push(purpose)
    const answer = server.answers.shift()
    return new Promise((resolve) => setTimeout(() => resolve(answer), 1))
  },
}))
vi.mock('@/ui/countdown', () => ({
  useCountdown: () => ({ left: { value: 0 }, countTo: () => undefined }),
}))

const code = (digits: string): Answer => ok({ code: digits, refresh_after_ms: 12_000 })
const usedUp: Answer = err({
  kind: 'problem',
  status: 429,
  document: { title: '稍等', code: 'codes_used_up', request_id: null, errors: null },
  retryAfter: 7,
})

beforeEach(() => {
  vi.useFakeTimers()
  Object.assign(server, { asked: [], answers: [] })
})
afterEach(() => vi.useRealTimers())

const settle = () => vi.advanceTimersByTimeAsync(1)

it('asks again when the code is over, by hand, and for the other purpose', async () => {
  server.answers = [code('1'), code('2'), code('3'), code('4')]
  const purpose = ref<Purpose>('pay')
  const made = useServerCode(purpose)
  made.start()
  await settle()
  expect(made.digits.value).toBe('1')
  await vi.advanceTimersByTimeAsync(12_000)
  await settle()
  expect(made.digits.value).toBe('2')
  made.next()
  await settle()
  expect(made.digits.value).toBe('3')
  purpose.value = 'id'
  await nextTick()
  expect(made.digits.value, 'no code of the other purpose meanwhile').toBe('')
  await settle()
  expect(made.digits.value).toBe('4')
  expect(server.asked).toEqual(['pay', 'pay', 'pay', 'id'])
  made.stop()
  expect(vi.getTimerCount()).toBe(0)
})

type Made = ReturnType<typeof useServerCode>

it.each<[string, (made: Made) => unknown]>([
  ['it is over', () => vi.advanceTimersByTimeAsync(12_000)],
  ['it was used', (made) => made.next()],
  ['the page is left', (made) => made.stop()],
])('shows a code no longer when %s, whenever the next one comes', async (_name, act) => {
  server.answers = [code('1'), code('2')]
  const made = useServerCode(ref<Purpose>('pay'))
  made.start()
  await settle()
  expect(made.digits.value).toBe('1')
  await act(made)
  expect(made.digits.value).toBe('')
})

it('lets a code go that was asked for with the other purpose', async () => {
  server.answers = [code('1'), code('2')]
  const purpose = ref<Purpose>('pay')
  const made = useServerCode(purpose)
  made.start()
  purpose.value = 'id'
  await nextTick()
  await settle()
  expect([made.digits.value, server.asked]).toEqual(['2', ['pay', 'id']])
})

it('asks nothing for another purpose while it is not running', async () => {
  const purpose = ref<Purpose>('pay')
  useServerCode(purpose)
  purpose.value = 'id'
  await nextTick()
  expect(server.asked).toEqual([])
})

it('waits as long as the server says when all are used up', async () => {
  server.answers = [usedUp, code('5')]
  const made = useServerCode(ref<Purpose>('pay'))
  made.start()
  await settle()
  expect([made.digits.value, made.isUsedUp.value]).toEqual(['', true])
  await vi.advanceTimersByTimeAsync(6_999)
  expect(server.asked).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  await settle()
  expect([made.digits.value, made.isUsedUp.value]).toEqual(['5', false])
})

it('shows nothing that it does not have, and lets late answers go', async () => {
  server.answers = [err({ kind: 'unreachable' }), code('6')]
  const made = useServerCode(ref<Purpose>('pay'))
  made.start()
  await settle()
  expect(made.error.value).toEqual({ kind: 'unreachable' })
  await vi.advanceTimersByTimeAsync(999)
  made.start()
  made.stop()
  await settle()
  expect(made.digits.value).toBe('')
})
