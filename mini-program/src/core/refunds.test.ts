import { describe, expect, it } from 'vitest'
import type { OrderState, Refund } from './api/orders'
import type { Fen } from './money'
import { type GoingBack, goingBack, refundLines, stateText } from './refunds'

const fifty = 5_000 as Fen

let made = 0
function refund(state: Refund['state'], amount: number): Refund {
  made += 1
  const done_at = state === 'done' ? '2026-11-21T09:00:00+08:00' : null
  const created_at = '2026-11-21T08:00:00+08:00'
  return { id: `r${made}`, amount_fen: amount as Fen, state, created_at, done_at }
}

const payment = (state: string) => ({ funding: 'alipay', state })
const once = [payment('closed'), payment('paid')]
const twice = [payment('paid'), payment('paid')]
const back = (kind: GoingBack['kind'], amount: number): GoingBack => ({
  kind,
  amount: amount as Fen,
})

type Payments = readonly { readonly funding: string; readonly state: string }[]
const cases: [OrderState, Payments, readonly Refund[] | null, GoingBack | null, string][] = [
  ['awaiting_payment', [payment('open')], null, null, '待支付'],
  ['paid', once, [], null, '已支付，入账中'],
  ['fulfilled', once, null, null, '充值成功'],
  ['fulfilled', once, [refund('failed', 1_000)], null, '充值成功'],
  ['fulfilled', once, [refund('done', 1_000)], null, '充值成功，已退款 ¥10.00'],
  ['fulfilled', twice, [refund('done', 5_000)], null, '充值成功，多付的 ¥50.00 已退回'],
  ['closed', [payment('closed')], [refund('done', 5_000)], null, '已关闭，已退款 ¥50.00'],
  ['refunding', once, null, back('whole', 5_000), '退款中'],
  ['refunding', once, [refund('sent', 5_000)], back('whole', 5_000), '退款中'],
  ['refunding', once, [refund('sent', 1_000)], back('part', 1_000), '退款中 ¥10.00'],
  [
    'refunding',
    once,
    [refund('done', 1_000), refund('requested', 500)],
    back('part', 1_500),
    '退款中 ¥15.00',
  ],
  [
    'refunding',
    once,
    [refund('done', 1_000), refund('sent', 4_000)],
    back('whole', 5_000),
    '退款中',
  ],
  ['refunding', twice, [refund('sent', 5_000)], back('surplus', 5_000), '退款中 ¥50.00'],
  [
    'refunding',
    twice,
    [refund('done', 5_000), refund('sent', 5_000)],
    back('whole', 10_000),
    '退款中',
  ],
  ['refunded', once, null, null, '已退款'],
  ['refunded', once, [refund('done', 2_000), refund('done', 3_000)], null, '已退款'],
]

describe.each(cases)('an order %s, paid by %o, with refunds %o', (...row) => {
  const [state, payments, refunds, goes, label] = row
  const order = { state, amount_fen: fifty, payments, refunds }

  it(`has ${goes?.kind ?? 'nothing'} that goes back`, () => {
    expect(goingBack(order)).toEqual(goes)
  })

  it(`is ${label} in a list`, () => {
    expect(stateText(order)).toBe(label)
  })
})

it('tells of each refund when it was asked for, or done, the newest first', () => {
  const refunds = [refund('failed', 4_000), refund('done', 1_000), refund('sent', 500)]
  const now = Date.parse('2026-11-21T10:00:00+08:00')
  const order = { state: 'refunding' as const, amount_fen: fifty, payments: once, refunds }
  expect(refundLines(order, now).map(({ id: _id, ...line }) => line)).toEqual([
    { label: '退款处理中', detail: '今天 08:00', amount: 500 },
    { label: '已原路退回', detail: '今天 09:00', amount: 1_000 },
    { label: '退款未成功', detail: '今天 08:00，请咨询一卡通中心', amount: 4_000 },
  ])
  expect(refundLines({ ...order, refunds: null }, now)).toEqual([])
})
