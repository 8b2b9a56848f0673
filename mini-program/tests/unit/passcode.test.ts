import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  another,
  cardholder,
  day,
  enrolled,
  enrolment,
  events,
  home,
  inTurn,
  listening,
  ours,
  services,
  start,
} from './enrolled-phone'
import { type Answer, problem } from './fake-platform'

vi.mock('#target', () => ({ target: { apiBaseUrl: '', signIn: { kind: 'by_page' } } }))

const bound: Answer = { status: 201, body: { cardholder, must_change_password: false } }
const noWay = (): void => undefined

beforeEach(() => {
  vi.resetModules()
  vi.useFakeTimers({ now: start, toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('where codes come from', () => {
  it('asks for the password on a device that is new, and keeps the keys', async () => {
    const { asked } = listening(problem(422, 'password_required'), enrolled)
    const { findSource } = await services()
    expect(await findSource(null)).toEqual({ ok: true, value: { kind: 'password' } })
    expect(await findSource('271828')).toMatchObject({ ok: true, value: { kind: 'device' } })
    const bodies = asked.map(({ body }) => body as Record<string, string>)
    expect(bodies[0]).toEqual({ device_id: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(bodies[1]).toEqual({ ...bodies[0], query_password: '271828' })
    expect(await findSource(null)).toMatchObject({ value: { kind: 'device' } })
    expect(asked, 'with keys nothing is asked').toHaveLength(2)
  })

  it('is the server where a device may have no keys', async () => {
    listening(problem(403, 'enrolment_not_offered'))
    const { findSource, hasCodes } = await services()
    expect(await findSource(null)).toEqual({ ok: true, value: { kind: 'server' } })
    expect(hasCodes()).toBe(false)
  })

  it('is nowhere without a network, and with keys that make no sense', async () => {
    const pay = { ...enrolment.pay, otp_key: 'AA==' }
    listening(null, { status: 200, body: { ...enrolment, pay } })
    const { findSource } = await services()
    expect(await findSource('1')).toEqual({ ok: false, error: { kind: 'unreachable' } })
    expect(await findSource('1')).toMatchObject({ ok: false, error: { kind: 'unreadable' } })
  })

  it('takes a code of the server as it is', async () => {
    const body = { code: '80531670838493064229', refresh_after_ms: 12_000, qr_svg: '<svg/>' }
    const { asked } = listening({ status: 200, body })
    const { askForCode } = await services()
    expect(await askForCode('pay')).toMatchObject({ ok: true, value: { code: body.code } })
    expect(asked[0]?.path).toBe('/api/v1/passcode/pay')
  })
})

describe('the password that was just typed enrols too', () => {
  const request = {
    school: 'ynart',
    id_kind: 'student_no',
    id_value: '1',
    query_password: '271828',
    consent: { version: '1', items: [] },
  } as const

  it.each<[string, Answer, string[]]>([
    ['at binding', bound, ['/api/v1/bindings', '/api/v1/passcode/enrolments']],
    [
      'not before a demanded change',
      { status: 201, body: { cardholder, must_change_password: true } },
      ['/api/v1/bindings'],
    ],
    ['not where binding is refused', problem(422, 'binding_refused'), ['/api/v1/bindings']],
  ])('%s', async (_name, answer, paths) => {
    const { asked } = listening(answer, enrolled)
    const { bind, hasCodes } = await services()
    await bind(request)
    expect(asked.map(({ path }) => path)).toEqual(paths)
    expect(hasCodes()).toBe(paths.length === 2)
  })

  it('at the change of the password, unless there are keys', async () => {
    const done: Answer = { status: 204, body: '' }
    const { asked } = listening(done, enrolled, done)
    const { changePassword } = await services()
    await changePassword('1', '271828')
    await changePassword('271828', '314159')
    expect(asked.map(({ path }) => path)).toEqual([
      '/api/v1/me/query-password',
      '/api/v1/passcode/enrolments',
      '/api/v1/me/query-password',
    ])
    expect(asked[1]?.body).toMatchObject({ query_password: '271828' })
  })

  it('and binding is done also when that does not work', async () => {
    listening(bound, null)
    const { bind } = await services()
    expect(await bind(request)).toMatchObject({ ok: true })
  })
})

describe('renewal', () => {
  it('is not due at first, and due in the last third', async () => {
    const renewed: Answer = { status: 200, body: { ...enrolment, generation: 2 } }
    const { asked } = listening(enrolled, home(ours), renewed)
    const { enrol, keepUp, loadKeyring } = await services()
    await enrol('1')
    await keepUp()
    expect(asked).toHaveLength(1)
    vi.setSystemTime(start + 20 * day)
    await keepUp()
    expect(asked.slice(1).map(({ path }) => path)).toEqual([
      '/api/v1/me',
      '/api/v1/passcode/enrolments',
    ])
    expect(asked[2]?.body, 'without the password').not.toHaveProperty('query_password')
    expect(loadKeyring()?.generation).toBe(2)
  })

  it.each<[string, Answer | null, boolean]>([
    ['by another phone', home(another), false],
    ['by nobody, as far as can be told', null, true],
  ])('takes no place: the phone was replaced %s', async (_name, answer, keeps) => {
    const { asked } = listening(enrolled, answer, enrolled)
    const { enrol, keepUp, hasCodes } = await services()
    await enrol('1')
    vi.setSystemTime(start + 20 * day)
    await keepUp()
    expect(asked.map(({ path }) => path)).toEqual(['/api/v1/passcode/enrolments', '/api/v1/me'])
    expect(hasCodes()).toBe(keeps)
  })

  it.each<[string, Answer | null, boolean]>([
    ['no answer: the server may have new ones', null, true],
    ['a failure of the server', problem(503, 'unavailable'), true],
    ['a wait', problem(429, 'too_many_requests'), true],
    ['a refusal', problem(403, 'device_ended'), false],
    ['a conflict', problem(409, 'account_lost'), false],
    ['a device that is new to the server', problem(422, 'password_required'), false],
  ])('after %s', async (_name, answer, keeps) => {
    const { asked } = listening(enrolled, answer, enrolled)
    const { enrol, keepUp, hasCodes } = await services()
    await enrol('1')
    expect(await enrol(null)).toMatchObject({ ok: false })
    expect(hasCodes(), 'the keys of before').toBe(keeps)
    await keepUp()
    expect(asked.length, 'asks again at the next chance').toBe(keeps ? 3 : 2)
  })

  it('is asked for once, also by two pages', async () => {
    const { asked } = listening(enrolled, home(ours), enrolled, enrolled)
    const { enrol, keepUp } = await services()
    await enrol('1')
    vi.setSystemTime(start + 20 * day)
    await Promise.all([keepUp(), keepUp()])
    expect(asked).toHaveLength(3)
  })

  it('forgets which codes of the old keys were used', async () => {
    listening(enrolled, enrolled)
    const { enrol, loadUsed, saveUsed } = await services()
    await enrol('1')
    saveUsed({ pay: [{ tick: 1, next: 2 }], id: [] })
    await enrol(null)
    expect(loadUsed()).toEqual({ pay: [], id: [] })
  })
})

describe('the keys go with the session', () => {
  it.each<[string, Answer[], (all: Awaited<ReturnType<typeof services>>) => Promise<unknown>]>([
    ['signing out', [{ status: 204, body: '' }], ({ signOut }) => signOut()],
    ['unbinding', [{ status: 204, body: '' }], ({ unbind }) => unbind('1')],
    [
      'being unbound elsewhere, seen from home',
      [
        {
          status: 200,
          body: {
            identity: { platform: 'wechat' },
            binding: null,
            card: null,
            notices: [],
            pending: { orders: 0 },
            passcode: null,
          },
        },
      ],
      ({ loadOverview }) => loadOverview(),
    ],
    ['any refusal for that', [problem(403, 'not_bound')], ({ nextEvents }) => nextEvents(noWay)],
    [
      'the end of the session',
      [problem(401, 'unauthorized'), problem(401, 'unauthorized')],
      ({ nextEvents }) => nextEvents(noWay),
    ],
  ])('at %s', async (_name, answers, act) => {
    const { stored } = inTurn(enrolled, events, events, ...answers)
    const all = await services()
    await all.enrol('1')
    await all.nextEvents(noWay)
    all.saveUsed({ pay: [{ tick: 1, next: 2 }], id: [] })
    await act(all)
    expect(all.hasCodes()).toBe(false)
    const left = [...stored.keys()].filter((name) => name !== 'onecard.session').sort()
    expect(left).toEqual(['onecard.clock', 'onecard.device'])
  })

  it('stay while an unbinding is refused', async () => {
    inTurn(enrolled, problem(422, 'password_wrong'))
    const { enrol, unbind, hasCodes } = await services()
    await enrol('1')
    await unbind('0')
    expect(hasCodes()).toBe(true)
  })
})

describe('events', () => {
  it('are asked for from now, then from where they were, also after a new start', async () => {
    const { asked } = inTurn(events, events, events)
    const { nextEvents } = await services()
    await nextEvents(noWay)
    await nextEvents(noWay)
    vi.resetModules()
    await (await services()).nextEvents(noWay)
    expect(asked.map(({ path }) => path)).toEqual([
      '/api/v1/events',
      '/api/v1/events?after=41',
      '/api/v1/events?after=41',
    ])
    expect(asked[0]?.headers['Accept']).toBe('application/json')
  })

  it('are asked for from the enrolment on, however long ago', async () => {
    const { asked } = inTurn(enrolled, events, events)
    const { enrol, nextEvents } = await services()
    await enrol('1')
    vi.setSystemTime(start + 6 * day)
    await nextEvents(noWay)
    expect(asked.map(({ path }) => path)).toEqual([
      '/api/v1/passcode/enrolments',
      '/api/v1/events',
      '/api/v1/events?after=41',
    ])
  })

  it('are told on to a phone that lost its keys', async () => {
    const { asked } = listening(enrolled, home(another), enrolled, events)
    const { enrol, loadOverview, nextEvents } = await services()
    await enrol('1')
    await loadOverview()
    await enrol('1')
    await nextEvents(noWay)
    expect(asked.map(({ path }) => path).slice(2)).toEqual([
      '/api/v1/passcode/enrolments',
      '/api/v1/events?after=41',
    ])
  })

  it('need not be reached for the keys to be there', async () => {
    inTurn(enrolled, null)
    const { enrol, hasCodes } = await services()
    expect(await enrol('1')).toMatchObject({ ok: true })
    expect(hasCodes()).toBe(true)
  })

  it('of somebody who signed out meanwhile leave no position', async () => {
    const { stored } = inTurn(events)
    const { nextEvents, forgetCodes } = await services()
    stored.set('onecard.events', '{"after":"40"}')
    const answered = nextEvents(noWay)
    forgetCodes()
    await answered
    expect(stored.has('onecard.events')).toBe(false)
  })
})

describe('being seen', () => {
  it('takes a look at home, now and then; without an answer it was not seen', async () => {
    const { asked } = listening(enrolled, home(ours), null)
    const { enrol, keepUp, loadKeyring } = await services()
    await enrol('1')
    await keepUp()
    expect(asked).toHaveLength(1)
    for (const [after, seen] of [
      [day, day],
      [2 * day, day],
    ] as const) {
      vi.setSystemTime(start + after)
      await keepUp()
      expect(loadKeyring()?.seenAt).toBe(start + seen)
    }
    expect(asked.slice(1).map(({ path }) => path)).toEqual(['/api/v1/me', '/api/v1/me'])
  })
})

describe('the clock', () => {
  it('of the server is used once it is known, also after a new start', async () => {
    vi.setSystemTime(start + 600_000)
    listening(enrolled)
    const { enrol, serverNow, deviceClockError } = await services()
    await enrol('1')
    expect(serverNow() - start).toBe(500)
    expect(deviceClockError()).toBe('快 10 分 00 秒')
    vi.resetModules()
    vi.setSystemTime(start + 660_000)
    expect((await services()).serverNow() - start).toBe(60_500)
  })
})
