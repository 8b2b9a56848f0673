/**
 * The server's time, as far as this device can tell. A code is judged by the server's clock alone,
 * so a phone that knows how far its own is off computes with the server's.
 */
import { count, object, stored, whole } from './decode'
import { waitText } from './wait'

export interface ClockReading {
  /** What to add to the device's time to have the server's, in milliseconds. */
  readonly offsetMs: number
  /** When it was read, by the device's clock. */
  readonly readAt: number
}

const reading = object({ offsetMs: whole, readAt: count })

export function readReading(written: string | null): ClockReading | null {
  return stored(written, reading)
}

/** When the server wrote an answer that was under way for longer, cannot be told well enough. */
const longestMs = 3_000
/** The header `Date` has whole seconds: up to one is cut off. */
const cutMs = 1_000
/** What a reading may be wrong by: such an offset may be none. */
const noiseMs = 2_500
/** A phone is always served within one step; beyond this it comes near to not being. */
const tolerableMs = 10_000

/** An answer: the server's time in its header `Date`, and its two ends by the device's clock. */
export interface Passage {
  readonly date: number
  readonly sentAt: number
  readonly receivedAt: number
}

/**
 * What an answer tells about the clock; null where it tells nothing new. The server wrote it
 * between the two ends. One that took long was held back by the server, which bounds the offset,
 * and where the one known cannot be, the answer was most likely written just before it came.
 */
export function readClock(known: ClockReading | null, passage: Passage): ClockReading | null {
  const { date, sentAt, receivedAt } = passage
  if (receivedAt < sentAt) return null
  const least = date - receivedAt
  const most = date + cutMs - sentAt
  if (receivedAt - sentAt <= longestMs) {
    return { offsetMs: Math.round((least + most) / 2), readAt: receivedAt }
  }
  const believed = validReading(known, receivedAt)?.offsetMs ?? 0
  if (least <= believed && believed <= most) return null
  return { offsetMs: least + cutMs / 2, readAt: receivedAt }
}

/** The reading while it can be right: a clock before its last reading was set by hand since. */
export function validReading(reading: ClockReading | null, own: number): ClockReading | null {
  return reading !== null && reading.readAt <= own ? reading : null
}

/** The server's time when the device's is `own`. */
export function serverTime(own: number, reading: ClockReading | null): number {
  const offsetMs = validReading(reading, own)?.offsetMs ?? 0
  return Math.abs(offsetMs) <= noiseMs ? own : own + offsetMs
}

/** `快 3 分 20 秒`: how far the device's clock is off; empty while that does no harm. */
export function clockError(own: number, reading: ClockReading | null): string {
  const offsetMs = validReading(reading, own)?.offsetMs ?? 0
  if (Math.abs(offsetMs) < tolerableMs) return ''
  const by = waitText(Math.round(Math.abs(offsetMs) / 1_000))
  return `${offsetMs < 0 ? '快' : '慢'} ${by}`
}

/** Whether the new reading has to be kept, the one that was kept last being another. */
export function isNews(reading: ClockReading, kept: ClockReading | null): boolean {
  if (kept === null || kept.readAt > reading.readAt) return true
  const isOld = reading.readAt - kept.readAt > 3_600_000
  return isOld || Math.abs(reading.offsetMs - kept.offsetMs) > 1_000
}
