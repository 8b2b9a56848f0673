/** The server's time, learnt from every answer and remembered for when there is no network. */
import {
  clockError,
  type ClockReading,
  isNews,
  type Passage,
  readClock,
  readReading,
  serverTime,
} from '@/core/server-clock'
import { readText, writeText } from '@/platform/storage'

const key = 'onecard.clock'

let latest: ClockReading | null = readReading(readText(key))
let kept = latest

export function hearOfClock(passage: Passage): void {
  const reading = readClock(latest, passage)
  if (reading === null) return
  latest = reading
  if (!isNews(reading, kept)) return
  kept = reading
  writeText(key, JSON.stringify(reading))
}

/** The server's time as well as it is known, in milliseconds since 1970. */
export function serverNow(): number {
  return serverTime(Date.now(), latest)
}

/** `快 3 分 20 秒`, or an empty text while the device's clock does no harm. */
export function deviceClockError(): string {
  return clockError(Date.now(), latest)
}
