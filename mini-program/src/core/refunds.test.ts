import { describe, expect, it } from 'vitest'
import type { OrderState, Refund } from './api/orders'
import type { Fen } from './money'
import { type GoingBack, goingBack, refundLines, stateText, surplusText } from './refunds'

const fifty = 5_000 as Fen

let made = 0
function refund(state: Refund['state'], amount: number, surplus = false): Refund {
  made += 1
  const done_at = state === 'done' ? '2026-11-21T09:00:00+08:00' : null
  const created_at = '2026-11-21T08:00:00+08:00'
  const funding = surplus ? 'alipay' : 'wechat_pay'
  return {
    id: `r${made}`,
    amount_fen: amount as Fen,
    payment_id: `p${made}`,
    funding,
    surplus,
    credited: false,
    state,
    created_at,
    done_at,
  }
}

const surplus = (state: Refund['state']): Refund => refund(state, 5_000, true)
/** A refund of the payment of another one. */
const again = (of: Refund, state: Refund['state']): Refund => ({
  ...surplus(state),
  payment_id: of.payment_id,
})
const failed = surplus('failed')
const credited: Refund = { ...surplus('failed'), credited: true }
const names: Readonly<Record<string, string>> = { wechat_pay: '微信', alipay: '支付宝' }
const nameOf = (funding: string): string => names[funding] ?? ''
const back = (kind: GoingBack['kind'], amount: number): GoingBack => ({
  kind,
  amount: amount as Fen,
})

const cases: [OrderState, readonly Refund[] | null, GoingBack | null, string][] = [
  ['awaiting_payment', null, null, '待支付'],
  ['paid', [], null, '已支付，入账中'],
  ['fulfilled', null, null, '充值成功'],
  ['fulfilled', [refund('failed', 1_000)], null, '充值成功'],
  ['fulfilled', [refund('done', 1_000)], null, '充值成功，已退款 ¥10.00'],
  ['fulfilled', [surplus('done')], null, '充值成功，多付的 ¥50.00 已退回'],
  ['fulfilled', [surplus('done'), refund('done', 1_000)], null, '充值成功，已退款 ¥10.00'],
  ['closed', [refund('done', 5_000)], null, '已关闭，已退款 ¥50.00'],
  ['refunding', null, back('whole', 5_000), '退款中'],
  ['refunding', [refund('sent', 5_000)], back('whole', 5_000), '退款中'],
  ['refunding', [refund('sent', 1_000)], back('part', 1_000), '退款中 ¥10.00'],
  [
    'refunding',
    [refund('done', 1_000), refund('requested', 500)],
    back('part', 1_500),
    '退款中 ¥15.00',
  ],
  ['refunding', [refund('done', 1_000), refund('sent', 4_000)], back('whole', 5_000), '退款中'],
  ['refunding', [surplus('sent')], back('surplus', 5_000), '退款中 ¥50.00'],
  ['refunding', [surplus('done'), refund('sent', 5_000)], back('whole', 5_000), '退款中'],
  ['refunding', [surplus('done'), refund('sent', 1_000)], back('part', 1_000), '退款中 ¥10.00'],
  ['refunding', [refund('done', 1_000), surplus('sent')], back('surplus', 5_000), '退款中 ¥50.00'],
  ['refunded', null, null, '已退款'],
  ['refunded', [refund('done', 2_000), refund('done', 3_000)], null, '已退款'],
]

describe.each(cases)('an order %s with refunds %o', (...row) => {
  const [state, refunds, goes, label] = row
  const order = { state, amount_fen: fifty, refunds }

  it(`has ${goes?.kind ?? 'nothing'} that goes back`, () => {
    expect(goingBack(order)).toEqual(goes)
  })

  it(`is ${label} in a list`, () => {
    expect(stateText(order)).toBe(label)
  })
})

it.each<[OrderState, readonly Refund[] | null, string]>([
  ['fulfilled', null, ''],
  ['fulfilled', [refund('done', 1_000)], ''],
  ['refunding', [surplus('sent')], ''],
  ['refunding', [surplus('sent'), refund('sent', 1_000)], '多付了 ¥50.00，正在原路退回'],
  ['fulfilled', [surplus('done')], '多付了 ¥50.00，已原路退回支付宝，没有记入余额'],
  ['fulfilled', [surplus('done'), surplus('requested')], '多付了 ¥100.00，正在原路退回'],
  ['fulfilled', [surplus('failed')], '多付了 ¥50.00，没有全部退成，请咨询一卡通中心'],
  ['fulfilled', [failed, again(failed, 'done')], '多付了 ¥50.00，已原路退回支付宝，没有记入余额'],
  ['fulfilled', [credited], '多付了 ¥50.00，已记入电子账户'],
  [
    'fulfilled',
    [credited, surplus('sent')],
    '多付了 ¥50.00，已记入电子账户；多付了 ¥50.00，正在原路退回',
  ],
])('an order %s with refunds %o says where the money of a second payment is', (...row) => {
  const [state, refunds, text] = row
  expect(surplusText({ state, amount_fen: fifty, refunds }, nameOf)).toBe(text)
})

it('tells of each refund when it was asked for, or done, the newest first', () => {
  const refunds = [refund('failed', 4_000), refund('done', 1_000), refund('sent', 500)]
  const now = Date.parse('2026-11-21T10:00:00+08:00')
  const order = { state: 'refunding' as const, amount_fen: fifty, refunds }
  const lines = (shown: typeof order) =>
    refundLines(shown, now, nameOf).map(({ id: _id, ...line }) => line)
  expect(lines(order)).toEqual([
    { label: '退款处理中，退回微信', detail: '今天 08:00', amount: 500 },
    { label: '已原路退回微信', detail: '今天 09:00', amount: 1_000 },
    { label: '退款未成功', detail: '今天 08:00，请咨询一卡通中心', amount: 4_000 },
  ])
  expect(lines({ ...order, refunds: [surplus('failed'), surplus('done')] })).toEqual([
    { label: '多付的已原路退回支付宝', detail: '今天 09:00', amount: 5_000 },
    {
      label: '多付的退款未成功',
      detail: '今天 08:00，这笔钱还在学校账上，请咨询一卡通中心',
      amount: 5_000,
    },
  ])
  expect(lines({ ...order, refunds: [credited] })).toEqual([
    { label: '多付的退款未成功，已记入电子账户', detail: '今天 08:00', amount: 5_000 },
  ])
  expect(refundLines({ ...order, refunds: null }, now, nameOf)).toEqual([])
})
