import { expect, it } from 'vitest'
import { secondsLeft, waitText } from './wait'

it.each([
  [0, '0 秒'],
  [59, '59 秒'],
  [60, '1 分 00 秒'],
  [125, '2 分 05 秒'],
  [3_600, '1 小时 00 分'],
  [86_399, '23 小时 59 分'],
])('%i seconds: %s', (seconds, text) => {
  expect(waitText(seconds)).toBe(text)
})

it('never counts below nothing, nor ends early', () => {
  expect(secondsLeft(10_000, 9_999)).toBe(1)
  expect(secondsLeft(10_000, 10_000)).toBe(0)
  expect(secondsLeft(10_000, 60_000)).toBe(0)
})
