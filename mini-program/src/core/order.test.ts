import { describe, expect, it } from 'vitest'
import type { OrderState } from './api'
import { isMoving, type OrderPhase, orderView, type Watch } from './order'

const table: [OrderState | null, Watch, OrderPhase, boolean][] = [
  [null, 'watching', 'confirming', true],
  [null, 'given_up', 'undecided', true],
  ['awaiting_payment', 'watching', 'confirming', true],
  ['awaiting_payment', 'given_up', 'undecided', true],
  ['paid', 'watching', 'crediting', true],
  ['paid', 'given_up', 'crediting', true],
  ['fulfilled', 'watching', 'fulfilled', false],
  ['fulfilled', 'given_up', 'fulfilled', false],
  ['closed', 'watching', 'closed', false],
  ['closed', 'given_up', 'closed', false],
  ['refunding', 'watching', 'refunding', true],
  ['refunding', 'given_up', 'refunding', true],
  ['refunded', 'watching', 'refunded', false],
  ['refunded', 'given_up', 'refunded', false],
]

describe.each(table)('%s while %s', (state, watch, phase, moving) => {
  const view = orderView(state, watch)

  it(`is ${phase}`, () => {
    expect(view.phase).toBe(phase)
    expect(isMoving(state)).toBe(moving)
  })

  it('speaks of success only when the server did', () => {
    const said = state === 'paid' || state === 'fulfilled'
    expect(view.tone === 'success').toBe(said)
    expect(/成功/.test(view.title)).toBe(said)
  })
})

it('never offers to pay again while the result is open', () => {
  for (const watch of ['watching', 'given_up'] as const) {
    expect(orderView('awaiting_payment', watch).actions).not.toContain('top_up_again')
    expect(orderView(null, watch).actions).not.toContain('top_up_again')
  }
})

it('always leaves a way on', () => {
  for (const [state, watch] of table) {
    expect(orderView(state, watch).actions).not.toEqual([])
  }
})
