import { expect, it } from 'vitest'
import {
  blanksBefore,
  clockText,
  dayOf,
  daysOf,
  dayText,
  momentText,
  monthText,
  parseTime,
  shiftDay,
  shiftMonth,
} from './calendar'

it.each([
  ['2026-11-20T15:59:59.999999Z', '2026-11-20', '23:59'],
  ['2026-11-20T16:00:00Z', '2026-11-21', '00:00'],
  ['2026-11-21T00:30:00+08:00', '2026-11-21', '00:30'],
])('%s is the day %s in Shanghai', (text, day, clock) => {
  const time = parseTime(text) ?? Number.NaN
  expect(dayOf(time)).toBe(day)
  expect(clockText(time)).toBe(clock)
})

it('does not take other texts for times', () => {
  expect(parseTime('yesterday')).toBeNull()
  expect(momentText('', 0)).toBe('')
})

it.each([
  ['2026-11', 1, '2026-12'],
  ['2026-12', 1, '2027-01'],
  ['2026-01', -1, '2025-12'],
  ['2026-03', -25, '2024-02'],
])('%s and %i months is %s', (month, by, other) => {
  expect(shiftMonth(month, by)).toBe(other)
})

it.each([
  ['2024-02', 29],
  ['2026-02', 28],
  ['2026-11', 30],
  ['2026-12', 31],
])('%s has %i days', (month, count) => {
  const days = daysOf(month)
  expect(days).toHaveLength(count)
  expect(days[0]).toBe(`${month}-01`)
  expect(shiftDay(`${month}-01`, count - 1)).toBe(days[count - 1])
})

it.each([
  ['2026-11-21', '今天 周六'],
  ['2026-11-20', '昨天 周五'],
  ['2026-11-01', '11月1日 周日'],
  ['2025-12-31', '2025年12月31日 周三'],
])('%s is called %s', (day, name) => {
  expect(dayText(day, '2026-11-21')).toBe(name)
})

it('names months and moments', () => {
  expect(monthText('2026-01')).toBe('2026年1月')
  const now = Date.parse('2026-11-21T05:00:00Z')
  expect(momentText('2026-11-21T00:05:00Z', now)).toBe('今天 08:05')
  expect(momentText('2026-11-18T16:00:00Z', now)).toBe('11月19日 00:00')
})

it.each([
  ['2026-06', 0],
  ['2026-11', 6],
  ['2026-12', 1],
])('%s begins after %i empty days of its week', (month, blanks) => {
  expect(blanksBefore(month)).toBe(blanks)
})
