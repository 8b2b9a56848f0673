/** A phone in whose place another one may have been enrolled. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  another,
  enrolled,
  enrolment,
  home,
  listening,
  ours,
  services,
  start,
} from './enrolled-phone'
import { type Answer, fakePlatform, problem } from './fake-platform'

vi.mock('#target', () => ({ target: { apiBaseUrl: '', signIn: { kind: 'by_page' } } }))

beforeEach(() => {
  vi.resetModules()
  vi.useFakeTimers({ now: start, toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const left = (stored: Map<string, string>) =>
  ['onecard.enrolment', 'onecard.replaced'].filter((name) => stored.has(name))

it.each<[string, object | null, string[]]>([
  ['its own enrolment', ours, ['onecard.enrolment']],
  ['a later generation', { ...another, generation: 2 }, ['onecard.replaced']],
  ['another phone', another, ['onecard.replaced']],
  ['none', null, []],
])('is replaced or not by what the server shows: %s', async (_name, shown, names) => {
  const { stored } = listening(enrolled, home(shown))
  const { enrol, loadOverview } = await services()
  await enrol('1')
  await loadOverview()
  expect(left(stored)).toEqual(names)
})

it('is not replaced where the answer is of before its renewal', async () => {
  let onTheWay = (): void => undefined
  const { stored } = fakePlatform(() => {
    onTheWay()
    return home(ours)
  })
  const { keepEnrolment, loadOverview } = await services()
  keepEnrolment(enrolment, start)
  onTheWay = () => keepEnrolment({ ...enrolment, generation: 2 }, start)
  await loadOverview()
  expect(left(stored)).toEqual(['onecard.enrolment'])
})

it('once replaced asks for no keys by itself, only with the password', async () => {
  const wrong = problem(422, 'password_wrong')
  const { asked, stored } = listening(enrolled, home(another), wrong, enrolled)
  const { enrol, loadOverview, findSource } = await services()
  await enrol('1')
  await loadOverview()
  expect(await findSource(null)).toEqual({ ok: true, value: { kind: 'replaced' } })
  vi.resetModules()
  const afterStart = await services()
  expect(await afterStart.findSource(null)).toMatchObject({ value: { kind: 'replaced' } })
  expect(await afterStart.findSource('0')).toMatchObject({ ok: false })
  expect(await afterStart.findSource(null)).toMatchObject({ value: { kind: 'replaced' } })
  expect(asked, 'two of them by itself').toHaveLength(3)
  expect(await afterStart.findSource('271828')).toMatchObject({ value: { kind: 'device' } })
  expect(asked[3]?.body).toMatchObject({ query_password: '271828' })
  expect(left(stored)).toEqual(['onecard.enrolment'])
})

it('once replaced takes nothing back at a change of the password', async () => {
  const done: Answer = { status: 204, body: '' }
  const { asked } = listening(enrolled, home(another), done)
  const { enrol, loadOverview, changePassword } = await services()
  await enrol('1')
  await loadOverview()
  await changePassword('1', '271828')
  expect(asked[asked.length - 1]?.path).toBe('/api/v1/me/query-password')
})

it('is new again after an unbinding', async () => {
  const done: Answer = { status: 204, body: '' }
  const { stored } = listening(enrolled, home(another), done)
  const { enrol, loadOverview, unbind } = await services()
  await enrol('1')
  await loadOverview()
  await unbind('1')
  expect(left(stored)).toEqual([])
})
