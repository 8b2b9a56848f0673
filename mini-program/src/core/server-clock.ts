/**
 * The server's time, as far as this device can tell. A code is judged by the server's clock alone,
 * so a phone that knows how far its own is off computes with the server's.
 */
import { waitText } from './wait'

export interface ClockReading {
  /** What to add to the device's time to have the server's, in milliseconds. */
  readonly offsetMs: number
  /** When it was read, by the device's clock. */
  readonly readAt: number
}

/** An answer under way for longer says too little about when the server wrote it. */
const longestMs = 3_000
/** The header `Date` has whole seconds; on average half a one is cut off. */
const meanCutMs = 500
/** What a reading may be wrong by: such an offset may be none. */
const noiseMs = 2_500
/** A phone is always served within one step; beyond this it comes near to not being. */
const tolerableMs = 10_000

/**
 * What an answer tells about the clock; null where it tells too little.
 *
 * @param serverMs the server's time in its header `Date`
 * @param sentAt when the question left, by the device's clock
 * @param receivedAt when the answer was there, by the device's clock
 */
export function readClock(
  serverMs: number,
  sentAt: number,
  receivedAt: number,
): ClockReading | null {
  const underWayMs = receivedAt - sentAt
  if (underWayMs < 0 || underWayMs > longestMs) return null
  const offsetMs = Math.round(serverMs + meanCutMs - (sentAt + receivedAt) / 2)
  return { offsetMs, readAt: receivedAt }
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
