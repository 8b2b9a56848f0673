import { describe, expect, it } from 'vitest'
import type { Funding, OrderState } from './api/orders'
import {
  fundingToGoOn,
  isMoving,
  type OrderKnowledge,
  type OrderPhase,
  orderView,
  waysOf,
} from './order'
import type { Fen } from './money'
import type { Watch } from './polling'
import type { GoingBack } from './refunds'

const came: [OrderState | null, Watch, OrderPhase][] = [
  [null, 'fresh', 'confirming'],
  [null, 'slow', 'confirming'],
  [null, 'given_up', 'undecided'],
  ['awaiting_payment', 'fresh', 'confirming'],
  ['awaiting_payment', 'slow', 'confirming_slowly'],
  ['awaiting_payment', 'given_up', 'undecided'],
  ['paid', 'fresh', 'crediting'],
  ['paid', 'given_up', 'crediting'],
  ['fulfilled', 'fresh', 'fulfilled'],
  ['closed', 'fresh', 'closed'],
  ['refunding', 'given_up', 'refunding'],
  ['refunded', 'fresh', 'refunded'],
]

const looked: [OrderState | null, Watch, OrderPhase][] = [
  [null, 'fresh', 'loading'],
  [null, 'slow', 'loading'],
  [null, 'given_up', 'undecided'],
  ['awaiting_payment', 'fresh', 'unpaid'],
  ['awaiting_payment', 'given_up', 'unpaid'],
  ['paid', 'fresh', 'crediting'],
  ['fulfilled', 'slow', 'fulfilled'],
]

const knowledge = (
  paying: boolean,
  [state, watch, phase]: [OrderState | null, Watch, OrderPhase],
): [OrderKnowledge, OrderPhase] => [
  { state, watch, paying, expired: false, givenUp: false, goingBack: null },
  phase,
]

const table: [OrderKnowledge, OrderPhase][] = [
  ...came.map((row) => knowledge(true, row)),
  ...looked.map((row) => knowledge(false, row)),
]

describe.each(table)('%o', (known, phase) => {
  const view = orderView(known)

  it(`is ${phase}`, () => {
    expect(view.phase).toBe(phase)
  })

  it('speaks of success only when the server did', () => {
    const said = known.state === 'paid' || known.state === 'fulfilled'
    expect(view.tone === 'success').toBe(said)
    expect(/成功/.test(view.title)).toBe(said)
  })

  it('always leaves a way on', () => {
    expect(view.actions).not.toEqual([])
  })

  it('offers a new order only when this one is at its end', () => {
    expect(view.actions.includes('top_up_again')).toBe(known.state === 'closed')
  })
})

it('does not offer to pay again right after a payment, nor what has expired', () => {
  const open: OrderKnowledge = {
    state: 'awaiting_payment',
    paying: true,
    watch: 'fresh',
    expired: false,
    givenUp: false,
    goingBack: null,
  }
  expect(orderView(open).actions).not.toContain('pay')
  expect(orderView({ ...open, watch: 'slow' }).actions).toContain('pay')
  for (const paying of [true, false]) {
    for (const watch of ['fresh', 'slow', 'given_up'] as const) {
      const expired = orderView({ ...open, paying, watch, expired: true })
      expect(expired.actions).not.toContain('pay')
    }
  }
  expect(orderView({ ...open, paying: false, expired: true }).phase).toBe('expired')
})

it('waits for the end of an order that was given up, whatever that is', () => {
  const left: OrderKnowledge = {
    state: 'awaiting_payment',
    paying: false,
    watch: 'fresh',
    expired: false,
    givenUp: true,
    goingBack: null,
  }
  expect(orderView(left).phase).toBe('closing')
  expect(orderView(left).actions).not.toContain('pay')
  expect(orderView({ ...left, state: 'fulfilled' }).phase).toBe('fulfilled')
  expect(orderView({ ...left, state: 'closed' }).phase).toBe('closed')
})

it('says that nothing is lost when it stops asking', () => {
  const given: OrderKnowledge = {
    state: 'awaiting_payment',
    paying: true,
    watch: 'given_up',
    expired: false,
    givenUp: false,
    goingBack: null,
  }
  expect(orderView(given).detail).toContain('钱不会丢')
})

it.each<[OrderState | null, boolean]>([
  [null, true],
  ['awaiting_payment', true],
  ['paid', true],
  ['fulfilled', false],
  ['closed', false],
  ['refunding', true],
  ['refunded', false],
])('%s may move on: %s', (state, moving) => {
  expect(isMoving(state)).toBe(moving)
})

it.each<[GoingBack['kind'], string]>([
  ['whole', '款项将原路退回'],
  ['part', '¥10.00 将原路退回'],
  ['surplus', '多付的 ¥10.00 将原路退回'],
])('tells of the %s that goes back', (kind, detail) => {
  const known: OrderKnowledge = {
    state: 'refunding',
    paying: false,
    watch: 'fresh',
    expired: false,
    givenUp: false,
    goingBack: { kind, amount: 1_000 as Fen },
  }
  const title = kind === 'surplus' ? '正在退回多付的钱' : '正在退款'
  expect(orderView(known)).toMatchObject({ title, detail })
})

it.each<[readonly Funding[], readonly string[], Funding | null]>([
  [['wechat_pay', 'alipay'], [], 'wechat_pay'],
  [['wechat_pay', 'alipay'], ['wechat_pay'], 'wechat_pay'],
  [['wechat_pay', 'alipay'], ['wechat_pay', 'alipay'], 'alipay'],
  [['wechat_pay'], ['alipay'], null],
  [['wechat_pay'], ['bank_card'], null],
])('where %o is offered, an order paid for by %o goes on with %s', (offered, paid, funding) => {
  const payments = paid.map((name) => ({ funding: name }))
  expect(fundingToGoOn(offered, payments)).toBe(funding)
})

it.each<[readonly [string, string][], readonly string[]]>([
  [[], []],
  [[['wechat_pay', 'open']], ['wechat_pay']],
  [[['wechat_pay', 'closed'], ['alipay', 'open']], ['alipay']],
  [[['wechat_pay', 'closed'], ['alipay', 'paid']], ['alipay']],
  [[['wechat_pay', 'paid'], ['alipay', 'closed']], ['wechat_pay']],
  [[['wechat_pay', 'paid'], ['alipay', 'paid'], ['alipay', 'paid']], ['wechat_pay', 'alipay']],
])('an order with the payments %j was paid by %j', (tried, ways) => {
  expect(waysOf(tried.map(([funding, state]) => ({ funding, state })))).toEqual(ways)
})
