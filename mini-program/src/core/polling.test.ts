import { expect, it } from 'vitest'
import { nextDelayMs, patienceMs, usualMs, watchAfter } from './polling'

function schedule(answerMs: number): number[] {
  const delays: number[] = []
  let waited = answerMs
  for (let asked = 1; asked < 1_000; asked += 1) {
    const delay = nextDelayMs(asked, waited)
    if (delay === null) return delays
    delays.push(delay)
    waited += delay + answerMs
  }
  throw new Error('never gives up')
}

it('starts quickly, slows down, and never waits long', () => {
  expect(schedule(0).slice(0, 7)).toEqual([1000, 1500, 2250, 3375, 5063, 7594, 8000])
  expect(Math.max(...schedule(0))).toBe(8000)
})

it.each([0, 40, 3_000, 10_000])('gives up after two minutes with answers of %i ms', (answerMs) => {
  const delays = schedule(answerMs)
  const total = delays.reduce((sum, delay) => sum + delay + answerMs, answerMs)
  expect(total).toBeGreaterThanOrEqual(patienceMs)
  expect(total).toBeLessThanOrEqual(patienceMs + answerMs)
})

it('survives odd clocks', () => {
  expect(nextDelayMs(0, -5_000)).toBe(1000)
  expect(nextDelayMs(5_000, 0)).toBe(8000)
  expect(nextDelayMs(1, Number.MAX_SAFE_INTEGER)).toBeNull()
})

it.each([
  [-5_000, 'fresh'],
  [0, 'fresh'],
  [usualMs - 1, 'fresh'],
  [usualMs, 'slow'],
  [patienceMs - 1, 'slow'],
  [patienceMs, 'given_up'],
])('after %i ms the waiting is %s', (waitedMs, watch) => {
  expect(watchAfter(waitedMs)).toBe(watch)
})
