/** What the server tells as it happens, and what of it concerns the page with the code. */
import type { CodeUsed, Event } from './api'
import { clockText, parseTime } from './calendar'
import { balanceText } from './money'
import { count, object, stored, text } from './decode'

/** Until where the events are known, and when that was written. */
export interface Position {
  readonly after: string
  readonly at: number
}

const position = object({ after: text, at: count })

/** A position older than this would bring up what nobody waits for any more. */
const oldestPositionMs = 86_400_000
/** A use that happened longer ago is found in the statement. */
const oldestNewsMs = 600_000

/** Where to go on, or null to begin with the present. */
export function readPosition(written: string | null, now: number): string | null {
  const read = stored(written, position)
  if (read === null || Math.abs(now - read.at) > oldestPositionMs) return null
  return read.after
}

export function usesIn(events: readonly Event[]): CodeUsed[] {
  return events.filter((event): event is CodeUsed => event.kind === 'code_used')
}

/** What a person is told about a use of the code. */
export interface UseNews {
  /** `¥12.50 已付`. */
  readonly title: string
  /** `第一食堂，12:03，余额 ¥37.50`. */
  readonly detail: string
}

/** The newest use that is still news, in words; null where there is none. */
export function newsOf(uses: readonly CodeUsed[], now: number): UseNews | null {
  const latest = uses[uses.length - 1]
  if (latest === undefined) return null
  const at = parseTime(latest.at)
  if (at === null || now - at > oldestNewsMs) return null
  const balance = latest.balance_fen === null ? '' : `余额 ${balanceText(latest.balance_fen)}`
  const parts = [latest.merchant_name, clockText(at), balance].filter((part) => part !== '')
  return { title: `${balanceText(latest.amount_fen)} 已付`, detail: parts.join('，') }
}

const firstDelayMs = 1_000
const longestDelayMs = 10_000

/** How long to wait before asking again after so many failures in a row. */
export function retryDelayMs(failures: number): number {
  return Math.min(firstDelayMs * 2 ** Math.max(failures - 1, 0), longestDelayMs)
}
