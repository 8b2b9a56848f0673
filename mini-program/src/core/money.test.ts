import { describe, expect, it } from 'vitest'
import {
  balanceText,
  changeText,
  type Fen,
  isFen,
  isSignedFen,
  moneyMessage,
  parseYuan,
  shortYuanText,
  withinLimits,
  yuanText,
} from './money'

const fen = (value: number): Fen => {
  if (!isFen(value)) throw new Error(`${value} is not an amount of fen`)
  return value
}

describe('yuanText', () => {
  it.each([
    [0, '0.00'],
    [1, '0.01'],
    [10, '0.10'],
    [5000, '50.00'],
    [99999, '999.99'],
    [123450, '1,234.50'],
    [123456789012, '1,234,567,890.12'],
    [Number.MAX_SAFE_INTEGER, '90,071,992,547,409.91'],
  ])('%i fen is %s', (amount, text) => {
    expect(yuanText(fen(amount))).toBe(text)
  })

  it.each([
    [0, '¥0.00', '+0.00'],
    [5, '¥0.05', '+0.05'],
    [-5, '−¥0.05', '−0.05'],
    [-123456, '−¥1,234.56', '−1,234.56'],
  ])('%i fen is the balance %s and the change %s', (amount, balance, change) => {
    if (!isSignedFen(amount)) throw new Error('not fen')
    expect(balanceText(amount)).toBe(balance)
    expect(changeText(amount)).toBe(change)
  })

  it('drops only whole yuan in the short form', () => {
    expect(shortYuanText(fen(50000))).toBe('500')
    expect(shortYuanText(fen(50050))).toBe('500.50')
  })
})

describe('parseYuan', () => {
  it.each([
    ['0', 0],
    ['0.01', 1],
    ['.5', 50],
    ['5.', 500],
    ['50', 5000],
    ['50.5', 5050],
    ['0.29', 29],
    ['+1', 100],
    [' 12.34 ', 1234],
    ['007', 700],
    ['５０．５', 5050],
    ['５０。５', 5050],
    ['90071992547409.91', Number.MAX_SAFE_INTEGER],
  ])('reads %j', (typed, amount) => {
    expect(parseYuan(typed)).toEqual({ ok: true, value: amount })
  })

  it.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['.', 'not_a_number'],
    ['-', 'not_a_number'],
    ['abc', 'not_a_number'],
    ['1e3', 'not_a_number'],
    ['0x10', 'not_a_number'],
    ['1,000', 'not_a_number'],
    ['1.2.3', 'not_a_number'],
    ['NaN', 'not_a_number'],
    ['-1', 'negative'],
    ['－1', 'negative'],
    ['1.234', 'too_many_decimals'],
    ['90071992547409.92', 'overflow'],
    ['9'.repeat(400), 'overflow'],
  ])('refuses %j as %s', (typed, kind) => {
    expect(parseYuan(typed)).toMatchObject({ ok: false, error: { kind } })
  })
})

describe('withinLimits', () => {
  const limits = { minimum: fen(1), maximum: fen(50000) }

  it.each([1, 5000, 50000])('lets %i through', (amount) => {
    expect(withinLimits(fen(amount), limits)).toEqual({ ok: true, value: amount })
  })

  it.each([
    [0, '单笔不能低于 0.01 元'],
    [50001, '单笔不能超过 500.00 元'],
  ])('refuses %i: %s', (amount, message) => {
    const checked = withinLimits(fen(amount), limits)
    expect(checked.ok ? '' : moneyMessage(checked.error)).toBe(message)
  })
})

it.each([-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1, '1', null])('%s is not fen', (value) => {
  expect(isFen(value)).toBe(false)
})

it('has a message for each thing a person can type wrong', () => {
  const kinds = ['empty', 'not_a_number', 'negative', 'too_many_decimals', 'overflow'] as const
  for (const kind of kinds) {
    expect(moneyMessage({ kind })).toMatch(/金额/)
  }
})
