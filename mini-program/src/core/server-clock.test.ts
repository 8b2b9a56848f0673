import { expect, it } from 'vitest'
import { type ClockReading, clockError, isNews, readClock, serverTime } from './server-clock'

const noon = 1_795_233_600_000

const reading = (offsetMs: number, readAt = noon): ClockReading => ({ offsetMs, readAt })

it.each<[string, number, number, number, number | null]>([
  ['a clock that is right', noon, noon, noon + 1_000, 0],
  ['one a minute slow', noon + 60_000, noon, noon + 200, 60_400],
  ['one a minute fast', noon - 60_000, noon, noon + 200, -59_600],
  ['a day fast', noon - 86_400_000, noon, noon, -86_399_500],
  ['an answer held for 25 s, of a right clock', noon + 25_000, noon, noon + 25_100, null],
  ['one held for 25 s, of a clock a minute fast', noon - 35_000, noon, noon + 25_100, -59_600],
  ['one held for 25 s, of a clock a minute slow', noon + 85_000, noon, noon + 25_100, 60_400],
  ['a clock that was set back meanwhile', noon, noon, noon - 1, null],
])('reads %s', (_name, date, sentAt, receivedAt, offsetMs) => {
  expect(readClock(null, { date, sentAt, receivedAt })?.offsetMs ?? null).toBe(offsetMs)
})

it('leaves what it knows alone while a held answer agrees', () => {
  const held = { date: noon + 85_000, sentAt: noon, receivedAt: noon + 25_100 }
  expect(readClock(reading(61_000, noon - 1), held)).toBeNull()
  expect(readClock(reading(0, noon - 1), held)?.offsetMs).toBe(60_400)
  expect(readClock(reading(61_000, noon + 25_101), held)?.offsetMs, 'set back').toBe(60_400)
})

it.each<[string, ClockReading | null, number, string]>([
  ['nothing known', null, 0, ''],
  ['noise', reading(2_500), 0, ''],
  ['a small error, corrected in silence', reading(2_501), 2_501, ''],
  ['what comes near to a step', reading(-10_000), -10_000, '快 10 秒'],
  ['slow', reading(200_000), 200_000, '慢 3 分 20 秒'],
  ['fast by hours', reading(-3_600_000), -3_600_000, '快 1 小时 00 分'],
  ['a clock set back since: it is believed again', reading(-60_000, noon + 1), 0, ''],
])('%s', (_name, known, correction, complaint) => {
  expect(serverTime(noon, known)).toBe(noon + correction)
  expect(clockError(noon, known)).toBe(complaint)
})

it.each<[ClockReading | null, boolean]>([
  [null, true],
  [reading(0, noon - 1), false],
  [reading(1_000, noon - 1), false],
  [reading(1_001, noon - 1), true],
  [reading(0, noon - 3_600_001), true],
  [reading(0, noon + 1), true],
])('after %j, keep what was read: %s', (kept, keep) => {
  expect(isNews(reading(0), kept)).toBe(keep)
})
