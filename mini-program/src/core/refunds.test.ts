import { describe, expect, it } from 'vitest'
import type { OrderState, Refund } from './api/orders'
import type { Fen } from './money'
import { refundedPart, refundLines, stateText } from './refunds'

const fifty = 5_000 as Fen

let made = 0
function refund(state: Refund['state'], amount: number): Refund {
  made += 1
  const done_at = state === 'done' ? '2026-11-21T09:00:00+08:00' : null
  const created_at = '2026-11-21T08:00:00+08:00'
  return { id: `r${made}`, amount_fen: amount as Fen, state, created_at, done_at }
}

const all = [refund('done', 5_000)]
const ten = [refund('done', 1_000)]
const cases: [OrderState, readonly Refund[] | null, number | null, string][] = [
  ['awaiting_payment', null, null, '待支付'],
  ['paid', [], null, '已支付，入账中'],
  ['fulfilled', null, null, '充值成功'],
  ['fulfilled', [refund('failed', 1_000)], null, '充值成功'],
  ['fulfilled', [refund('requested', 1_000)], null, '充值成功，退款中 ¥10.00'],
  ['fulfilled', [refund('sent', 1_000), refund('done', 500)], 500, '充值成功，退款中 ¥10.00'],
  ['fulfilled', ten, 1_000, '充值成功，已退款 ¥10.00'],
  // A second payment of the order, given back.
  ['fulfilled', all, null, '充值成功，已退款 ¥50.00'],
  ['closed', all, null, '已关闭，已退款 ¥50.00'],
  ['refunding', null, null, '退款中'],
  ['refunding', [refund('sent', 5_000)], null, '退款中'],
  ['refunding', [refund('sent', 1_000)], 1_000, '退款中 ¥10.00'],
  ['refunding', [refund('done', 1_000), refund('sent', 4_000)], null, '退款中'],
  ['refunding', [refund('done', 1_000), refund('requested', 500)], 1_500, '退款中 ¥15.00'],
  ['refunded', null, null, '已退款'],
  ['refunded', all, null, '已退款'],
  ['refunded', [refund('done', 2_000), refund('done', 3_000)], null, '已退款'],
  ['refunded', [refund('done', 1_000), refund('failed', 4_000)], 1_000, '已退款 ¥10.00'],
]

describe.each(cases)('an order that is %s with refunds %o', (state, refunds, part, label) => {
  const order = { state, amount_fen: fifty, refunds }

  it(`has ${part ?? 'no'} part that goes or went back`, () => {
    expect(refundedPart(order)).toBe(part)
  })

  it(`is ${label} in a list`, () => {
    expect(stateText(order)).toBe(label)
  })
})

it('tells of each refund when it was asked for, or done, the newest first', () => {
  const refunds = [refund('failed', 4_000), refund('done', 1_000), refund('sent', 500)]
  const now = Date.parse('2026-11-21T10:00:00+08:00')
  const order = { state: 'refunding' as const, amount_fen: fifty, refunds }
  expect(refundLines(order, now).map(({ id: _id, ...line }) => line)).toEqual([
    { label: '退款处理中', detail: '今天 08:00', amount: 500 },
    { label: '已原路退回', detail: '今天 09:00', amount: 1_000 },
    { label: '退款未成功', detail: '今天 08:00，请咨询一卡通中心', amount: 4_000 },
  ])
  expect(refundLines({ ...order, refunds: null }, now)).toEqual([])
})
