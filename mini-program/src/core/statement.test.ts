import { describe, expect, it } from 'vitest'
import type { StatementItem, StatementMonth } from './api/statement'
import { isFen, isSignedFen, type SignedFen } from './money'
import { barsOf, everything, groupByDay, pictureText, withDay } from './statement'

function fen(value: number) {
  if (!isFen(value)) throw new Error('not fen')
  return value
}

function item(id: string, at: string): StatementItem {
  const amount = -100
  if (!isSignedFen(amount)) throw new Error('not fen')
  return {
    id,
    at,
    kind: 'spend',
    title: '食堂',
    amount_fen: amount,
    order_id: null,
  }
}

function signed(amount: number): SignedFen {
  if (!isSignedFen(amount)) throw new Error('not fen')
  return amount
}

function month(days: [string, number, number, number?][]): StatementMonth {
  return {
    month: '2026-11',
    in_fen: fen(days.reduce((sum, [, paid]) => sum + paid, 0)),
    out_fen: fen(days.reduce((sum, [, , spent]) => sum + spent, 0)),
    refund_fen: signed(days.reduce((sum, [, , , back = 0]) => sum + back, 0)),
    days: days.map(([day, paid, spent, back = 0]) => ({
      day,
      in_fen: fen(paid),
      out_fen: fen(spent),
      refund_fen: signed(back),
    })),
  }
}

describe('filter', () => {
  it('never has its ends the wrong way round', () => {
    const range = { kind: null, from: '2026-11-10', to: '2026-11-20' }
    expect(withDay(range, 'from', '2026-11-15')).toMatchObject({ from: '2026-11-15' })
    expect(withDay(range, 'from', '2026-11-25')).toMatchObject({
      from: '2026-11-25',
      to: '2026-11-25',
    })
    expect(withDay(range, 'to', '2026-11-01')).toMatchObject({
      from: '2026-11-01',
      to: '2026-11-01',
    })
    expect(withDay(everything, 'to', '2026-11-01')).toMatchObject({ from: null, to: '2026-11-01' })
  })
})

describe('groupByDay', () => {
  it('parts at midnight in Shanghai and keeps the order', () => {
    const items = [
      item('4', '2026-11-20T16:00:01Z'),
      item('3', '2026-11-20T15:59:59Z'),
      item('2', '2026-11-20T01:00:00Z'),
      item('1', '2026-11-18T01:00:00Z'),
    ]
    const days = groupByDay(items)
    expect(days.map(({ day }) => day)).toEqual(['2026-11-21', '2026-11-20', '2026-11-18'])
    expect(days.map((day) => day.items.map(({ id }) => id))).toEqual([['4'], ['3', '2'], ['1']])
  })

  it('has no days without items', () => {
    expect(groupByDay([])).toEqual([])
  })
})

describe('picture of a month', () => {
  const picture = month([
    ['2026-11-02', 10_000, 0],
    ['2026-11-20', 0, 2_500],
    ['2026-11-21', 0, 1],
  ])

  it('has bars for every day, the tallest being 100', () => {
    const bars = barsOf(picture)
    expect(bars).toHaveLength(30)
    expect(bars[1]).toMatchObject({ day: '2026-11-02', inHeight: 100, outHeight: 0 })
    expect(bars[19]).toMatchObject({ day: '2026-11-20', inHeight: 0, outHeight: 25 })
    expect(bars[20]?.outHeight).toBeGreaterThan(0)
    expect(bars[2]).toMatchObject({ inHeight: 0, outHeight: 0 })
    const labels = bars.map(({ label }) => label).filter((label) => label !== '')
    expect(labels).toEqual(['1', '5', '10', '15', '20', '25', '30'])
  })

  it('counts a payment that came back as refunded, not as income', () => {
    const reversed = month([['2026-11-02', 0, 1_250, 1_250]])
    expect(pictureText(reversed)).toBe(
      '2026年11月收入 0.00 元，支出 12.50 元，退款 +12.50 元；支出最多的是 2 日，12.50 元',
    )
    expect(barsOf(reversed)[1]).toMatchObject({ inHeight: 0, outHeight: 100 })
  })

  it('is told in words', () => {
    expect(pictureText(picture)).toBe(
      '2026年11月收入 100.00 元，支出 25.01 元；支出最多的是 20 日，25.00 元',
    )
    expect(pictureText(month([['2026-11-02', 100, 0]]))).toBe(
      '2026年11月收入 1.00 元，支出 0.00 元',
    )
    expect(pictureText(month([['2026-11-02', 0, 0, -500]]))).toBe(
      '2026年11月收入 0.00 元，支出 0.00 元，退款 −5.00 元',
    )
    expect(pictureText(month([]))).toBe('2026年11月没有收支')
    expect(barsOf(month([])).every((bar) => bar.inHeight + bar.outHeight === 0)).toBe(true)
  })
})
