/** What a loss report asks the server, and what becomes of the codes on this phone. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { enrolled, enrolment, home, inTurn, listening, services, start } from './enrolled-phone'
import { type Answer, problem } from './fake-platform'

vi.mock('#target', () => ({ target: { apiBaseUrl: '', signIn: { kind: 'by_page' } } }))

const loss = {
  status: 'normal',
  reported_at: null,
  chip_number: null,
  report_fields: [],
  cancel_fields: null,
  stops: 'card_and_codes',
}
const at = '2026-11-21T09:00:00+08:00'
const lost = { ...loss, status: 'lost', reported_at: at }
const good = (body: object, status = 200): Answer => ({ status, body })
const claim = { query_password: '271828', chip_number: '0A1B' }

const load = async () => ({ ...(await services()), ...(await import('@/services/loss')) })

beforeEach(() => {
  vi.resetModules()
  vi.useFakeTimers({ now: start, toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('sends what was filled in, and the reason of a report', async () => {
  const { asked } = inTurn(good(loss), good(lost, 201), good(loss))
  const { loadLoss, reportLoss, cancelLoss } = await load()
  expect(await loadLoss()).toEqual({ ok: true, value: loss })
  expect(await reportLoss(claim, 'damaged')).toEqual({ ok: true, value: lost })
  expect(await cancelLoss(claim)).toEqual({ ok: true, value: loss })
  expect(asked.map(({ method, path, body }) => [method, path, body])).toEqual([
    ['GET', '/api/v1/card/loss-reports', null],
    ['POST', '/api/v1/card/loss-reports', { ...claim, reason: 'damaged' }],
    ['POST', '/api/v1/card/loss-reports/cancel', claim],
  ])
})

it.each<[string, Answer | null, boolean]>([
  ['a report', good(lost, 201), false],
  ['a report that stops the card alone', good({ ...lost, stops: 'card' }, 201), true],
  ['a refusal', problem(422, 'password_wrong'), true],
  ['no answer', null, true],
])('after %s codes are on the phone: %4$s', async (_name, answer, kept) => {
  listening(enrolled, answer)
  const { enrol, reportLoss, hasCodes } = await load()
  await enrol('1')
  await reportLoss(claim, 'lost')
  expect(hasCodes()).toBe(kept)
})

it('a look at a card that was reported elsewhere ends the codes here too', async () => {
  listening(enrolled, good(lost))
  const { enrol, loadLoss, hasCodes } = await load()
  await enrol('1')
  await loadLoss()
  expect(hasCodes()).toBe(false)
})

it('home ends the codes of a card that was reported elsewhere', async () => {
  listening(enrolled, home(null))
  const { enrol, loadOverview, hasCodes } = await load()
  await enrol('1')
  await loadOverview()
  expect(hasCodes()).toBe(false)
})

it('shows no codes while the card is lost, and asks for the password once it is found', async () => {
  const { asked } = listening(
    enrolled,
    good(lost, 201),
    problem(422, 'account_lost'),
    good(loss),
    problem(422, 'password_required'),
    enrolled,
  )
  const { enrol, findSource, reportLoss, cancelLoss } = await load()
  await enrol('1')
  await reportLoss(claim, 'lost')
  expect(await findSource(null)).toEqual({ ok: true, value: { kind: 'lost' } })
  await cancelLoss(claim)
  expect(await findSource(null)).toEqual({ ok: true, value: { kind: 'password' } })
  expect(await findSource('271828')).toMatchObject({ ok: true, value: { kind: 'device' } })
  expect(asked).toHaveLength(6)
})

describe('keys are forgotten when a loss is told of', () => {
  const since = (ms: number): string => new Date(start + ms).toISOString()

  it.each<[string, 'loss_reported' | 'loss_cancelled', string, boolean]>([
    ['reported after them', 'loss_reported', since(3_600_000), false],
    ['reported in the same moment', 'loss_reported', since(-10_000), false],
    ['reported at an unreadable time', 'loss_reported', '?', false],
    ['reported long before them', 'loss_reported', since(-10_001), true],
    ['taken back', 'loss_cancelled', since(3_600_000), true],
  ])('%s', async (_name, kind, moment, kept) => {
    listening()
    const { keepEnrolment, forgetLostKeys, hasCodes } = await load()
    keepEnrolment(enrolment, start)
    forgetLostKeys([{ kind, at: moment }])
    expect(hasCodes()).toBe(kept)
  })

  it('and there may be none', async () => {
    const { stored } = listening()
    const { forgetLostKeys } = await load()
    forgetLostKeys([{ kind: 'loss_reported', at }])
    expect(stored.has('onecard.enrolment')).toBe(false)
  })
})
