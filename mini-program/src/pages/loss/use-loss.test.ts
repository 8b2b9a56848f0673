import { beforeEach, expect, it, vi } from 'vitest'
import type { Loss } from '@/core/api/loss'
import type { ApiError } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import { useLoss } from './use-loss'

type Answer = Result<Loss, ApiError>

/** Answers in turn; what was asked. */
const server = vi.hoisted(() => ({ answers: [] as unknown[], asked: [] as string[], home: 0 }))

vi.mock('@/services/loss', () => {
  const ask = (what: string) => () => {
    server.asked.push(what)
    return Promise.resolve(server.answers.shift())
  }
  return { loadLoss: ask('look'), reportLoss: ask('report'), cancelLoss: ask('cancel') }
})
vi.mock('@/platform/navigation', () => ({
  goHome: () => {
    server.home += 1
  },
}))
vi.mock('@/ui/countdown', () => ({
  useCountdown: () => ({ left: { value: 0 }, countTo: () => undefined, end: () => undefined }),
}))

const normal: Loss = {
  status: 'normal',
  reported_at: null,
  chip_number: null,
  report_fields: [],
  cancel_fields: [],
  stops: 'card_and_codes',
}
const lost: Loss = { ...normal, status: 'lost', reported_at: '2026-11-21T08:05:00+08:00' }
const claim = { query_password: '271828' }
const problem = (status: number, code: string): ApiError => ({
  kind: 'problem',
  status,
  document: { title: '题', code, request_id: null, errors: null },
  retryAfter: null,
})

beforeEach(() => {
  Object.assign(server, { answers: [], asked: [], home: 0 })
})

async function opened(...answers: Answer[]) {
  server.answers.push(...answers)
  const page = useLoss()
  await page.load()
  return page
}

it('says that it is reported, and taken back, when the server says so', async () => {
  const { act, done, loss, report, cancel } = await opened(ok(normal), ok(lost), ok(normal))
  expect([act.value, done.value]).toEqual(['report', null])
  expect(await report(claim, 'lost')).toBe(false)
  expect([act.value, done.value, loss.value?.status]).toEqual(['cancel', 'report', 'lost'])
  expect(await cancel(claim)).toBe(false)
  expect([act.value, done.value]).toEqual(['report', 'cancel'])
  expect(server.asked).toEqual(['look', 'report', 'cancel'])
})

it.each<ApiError>([
  { kind: 'unreachable' },
  { kind: 'timed_out' },
  { kind: 'unreadable', status: 201 },
  problem(500, 'internal'),
])('after %j claims nothing until the card was looked at', async (error) => {
  const page = await opened(ok(normal), err(error), err({ kind: 'unreachable' }), ok(lost))
  await page.report(claim, 'lost')
  expect([page.unknown.value, page.done.value]).toEqual(['report', null])
  await page.load()
  expect(page.unknown.value, 'no answer to the look either').toBe('report')
  await page.load()
  expect([page.unknown.value, page.done.value, page.act.value]).toEqual([null, null, 'cancel'])
})

it.each([
  [422, 'password_wrong'],
  [429, 'too_many_tries'],
])('a refusal is kept to be shown: %d %s', async (status, code) => {
  const { done, unknown, refusal, report } = await opened(ok(normal), err(problem(status, code)))
  expect(await report(claim, 'lost')).toBe(true)
  expect([unknown.value, done.value, refusal.value]).toEqual([null, null, problem(status, code)])
  expect(server.asked).toEqual(['look', 'report'])
})

it.each<[string, 'report' | 'cancel', Loss, Loss]>([
  ['counter_only', 'report', normal, { ...normal, report_fields: null }],
  ['field_missing', 'report', normal, { ...normal, report_fields: ['id_number'] }],
  ['loss_not_reported', 'cancel', lost, normal],
])('after %s the page shows what the server says now', async (code, asked, before, after) => {
  const error = problem(409, code)
  const page = await opened(ok(before), err(error), ok(after))
  await (asked === 'report' ? page.report(claim, 'lost') : page.cancel(claim))
  expect([page.loss.value, page.refusal.value]).toEqual([after, error])
})

it('goes home where the session is over', async () => {
  const page = await opened(err({ kind: 'signed_out' }), err({ kind: 'signed_out' }))
  await page.report(claim, 'lost')
  expect([server.home, page.unknown.value]).toEqual([2, null])
})
