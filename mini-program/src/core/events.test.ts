import { describe, expect, it } from 'vitest'
import { eventPage } from './api/events'
import {
  lossesIn,
  newsOf,
  readPosition,
  retryDelayMs,
  toldIn,
  usesIn,
  writtenPosition,
} from './events'

const noon = Date.parse('2026-11-21T12:03:00+08:00')
const minute = 60_000

const used = {
  id: '41',
  kind: 'code_used',
  at: '2026-11-21T12:03:00+08:00',
  charge_id: 'c',
  amount_fen: 1_250,
  merchant_name: '第一食堂',
  balance_fen: 3_750,
  purpose: 'pay',
  tick: 117_815_040,
  sub: 2,
}

const reversed = {
  id: '44',
  kind: 'charge_reversed',
  at: '2026-11-21T12:05:00+08:00',
  charge_id: 'c',
  amount_fen: 1_250,
  merchant_name: '第一食堂',
  balance_fen: 5_000,
}

const refused = {
  id: '42',
  kind: 'code_refused',
  at: used.at,
  reason: 'limit_meal',
  amount_fen: 3_100,
  merchant_name: '第一食堂',
  purpose: 'pay',
  generation: 1,
  tick: 117_815_041,
  sub: 0,
}

const doorRead = {
  id: '43',
  kind: 'door_read',
  at: used.at,
  decision: 'open',
  reason: null,
  door_group: '东三栋',
  purpose: 'id',
  generation: 1,
  tick: 117_815_042,
  sub: 1,
}

const eventsOf = (items: unknown[]) => eventPage({ items, next_after: '41' })?.items ?? []

it('reads what it knows, and stumbles over nothing else', () => {
  const items = [
    { id: '1', kind: 'order_changed', at: used.at, order_id: 'o', state: 'paid' },
    { id: '2', kind: 'of_tomorrow', at: used.at },
    { id: '3', kind: 'code_used' },
    { id: '4', kind: 'code_refused' },
    used,
    refused,
  ]
  expect(eventsOf(items).map(({ kind }) => kind)).toEqual([
    'order_changed',
    'unknown',
    'unknown',
    'unknown',
    'code_used',
    'code_refused',
  ])
  expect(usesIn(eventsOf(items))).toMatchObject([
    { tick: 117_815_040, sub: 2, purpose: 'pay' },
    { tick: 117_815_041, sub: 0, purpose: 'pay' },
  ])
})

it('finds what tells of a loss, a refusal for it too', () => {
  const items = [
    used,
    refused,
    { id: '43', kind: 'loss_reported', at: '2026-11-21T12:04:00+08:00' },
    { ...refused, reason: 'account_lost' },
    { id: '45', kind: 'loss_cancelled', at: '2026-11-21T12:06:00+08:00' },
  ]
  expect(lossesIn(eventsOf(items))).toEqual([
    { kind: 'loss_reported', at: '2026-11-21T12:04:00+08:00' },
    { kind: 'loss_reported', at: refused.at },
    { kind: 'loss_cancelled', at: '2026-11-21T12:06:00+08:00' },
  ])
})

describe('what is told of a use', () => {
  const told = (changes: object, now = noon) =>
    newsOf(toldIn(eventsOf([{ ...used, ...changes }])), now, null)

  it('says amount, place, time and balance', () => {
    expect(told({})).toEqual({
      isPaid: true,
      chargeId: 'c',
      title: '¥12.50 已付',
      detail: '第一食堂，12:03，余额 ¥37.50',
    })
  })

  it('leaves out a balance that the school does not tell', () => {
    expect(told({ balance_fen: null })?.detail).toBe('第一食堂，12:03')
  })

  it.each([
    [10 * minute, true],
    [10 * minute + 1, false],
    [-minute, true],
  ])('is news for ten minutes: after %d ms %s', (after, news) => {
    expect(told({}, noon + after) !== null).toBe(news)
  })

  it('is the newest of several, and nothing when there is none', () => {
    const uses = usesIn(eventsOf([{ ...used, amount_fen: 100 }, used]))
    expect(newsOf(uses, noon, null)?.title).toBe('¥12.50 已付')
    expect(newsOf([], noon, null)).toBeNull()
  })

  it.each([
    ['limit_meal', '超过每餐消费限额'],
    ['limit_day', '超过每日消费限额'],
    ['password_required', '请在收款机上输入密码'],
    ['balance_insufficient', '余额不足，请先充值'],
    ['account_lost', '校园卡已挂失'],
    ['of_tomorrow', '没有付成，原因请看收款机'],
  ])('of a refusal because of %s says %s', (reason, title) => {
    const uses = usesIn(eventsOf([used, { ...refused, reason }]))
    const detail = '¥31.00 未付，第一食堂，12:03'
    expect(newsOf(uses, noon, null)).toEqual({ isPaid: false, chargeId: null, title, detail })
  })

  it('is the payment that follows a refusal', () => {
    expect(newsOf(usesIn(eventsOf([refused, used])), noon, null)?.isPaid).toBe(true)
  })
})

describe('a payment that came back', () => {
  const later = noon + 2 * minute
  const back = {
    isPaid: false,
    chargeId: 'c',
    title: '¥12.50 已撤销，已退回',
    detail: '第一食堂，12:05，余额 ¥50.00',
  }
  const told = toldIn(eventsOf([used, reversed]))
  const shown = newsOf(toldIn(eventsOf([used])), noon, null)

  it('is told in the place of the payment, and uses no code up', () => {
    expect(newsOf(told, later, null)).toEqual(back)
    expect(usesIn(eventsOf([reversed]))).toEqual([])
  })

  it.each([
    ['the one that is shown', shown, back],
    ['another one', { ...back, isPaid: true, chargeId: 'd' }, null],
    ['none', null, null],
  ])('is told however late it is heard where the page shows %s', (_which, before, news) => {
    expect(newsOf(toldIn(eventsOf([reversed])), later + 60 * minute, before)).toEqual(news)
  })
})

it.each<[string | null, string | null]>([
  [writtenPosition('9'), '9'],
  [JSON.stringify({ after: '9', at: 0 }), '9'],
  ['{', null],
  ['{"after":9}', null],
  [null, null],
])('goes on from %j at %j, however old it is', (kept, after) => {
  expect(readPosition(kept)).toBe(after)
})

it.each([
  [1, 1_000],
  [2, 2_000],
  [3, 4_000],
  [4, 8_000],
  [5, 10_000],
  [60, 10_000],
])('after %d failures waits %d ms', (failures, delay) => {
  expect(retryDelayMs(failures)).toBe(delay)
})

describe('a code that a door has read', () => {
  const closed = { ...doorRead, decision: 'refuse' }

  it.each([
    [doorRead, true, '已通行', '东三栋，12:03'],
    [{ ...doorRead, door_group: '' }, true, '已通行', '12:03'],
    [
      { ...closed, reason: 'right_missing' },
      false,
      '没有这里的权限，请联系辅导员',
      '东三栋，12:03',
    ],
    [{ ...closed, reason: 'account_lost' }, false, '校园卡已挂失', '东三栋，12:03'],
    [{ ...closed, reason: 'of_tomorrow' }, false, '没有通行，原因请看门禁', '东三栋，12:03'],
  ])('is told and used up: %#', (event, isPaid, title, detail) => {
    const uses = usesIn(eventsOf([event]))
    expect(uses).toMatchObject([{ purpose: 'id', tick: 117_815_042, sub: 1 }])
    expect(newsOf(uses, noon, null)).toEqual({ isPaid, chargeId: null, title, detail })
  })

  it('tells of a loss', () => {
    const lost = lossesIn(eventsOf([{ ...closed, reason: 'account_lost' }]))
    expect(lost).toEqual([{ kind: 'loss_reported', at: used.at }])
    expect(lossesIn(eventsOf([doorRead]))).toEqual([])
  })
})
