/** What the server tells as it happens, and what of it concerns the page with the code. */
import type { CodeUse, Event, LossEvent } from './api/events'
import { clockText, parseTime } from './calendar'
import { balanceText } from './money'
import { object, stored, text } from './decode'
import { doorReasonText, reasonText } from './refused'

const position = object({ after: text })

/** A use that happened longer ago is found in the statement. */
const oldestNewsMs = 600_000

/**
 * Where to go on, or null to begin with the present. However old it is: what was paid without a
 * network meanwhile is told, and the codes that are gone are known, once there is one again.
 */
export function readPosition(written: string | null): string | null {
  return stored(written, position)?.after ?? null
}

/** As `readPosition` reads it. */
export function writtenPosition(after: string): string {
  return JSON.stringify({ after })
}

/** What tells that a code is gone: a till or a door read it, whatever came of it. */
export function usesIn(events: readonly Event[]): CodeUse[] {
  const kinds: readonly string[] = ['code_used', 'code_refused', 'door_read']
  return events.filter((event): event is CodeUse => kinds.includes(event.kind))
}

/** What tells of a loss: its report, its end, and a till that refused the code for it. */
export function lossesIn(events: readonly Event[]): LossEvent[] {
  return events.flatMap((event): LossEvent[] => {
    if (event.kind === 'loss_reported' || event.kind === 'loss_cancelled') return [event]
    const isRead = event.kind === 'code_refused' || event.kind === 'door_read'
    if (!isRead || event.reason !== 'account_lost') return []
    return [{ kind: 'loss_reported', at: event.at }]
  })
}

/** What a person is told about a use of the code. */
export interface UseNews {
  /** Paid, or let in. */
  readonly isPaid: boolean
  /** `¥12.50 已付`, `已通行`, or why not. */
  readonly title: string
  /** `第一食堂，12:03，余额 ¥37.50`. */
  readonly detail: string
}

/** The newest use that is still news, in words; null where there is none. */
export function newsOf(uses: readonly CodeUse[], now: number): UseNews | null {
  const latest = uses[uses.length - 1]
  if (latest === undefined) return null
  const at = parseTime(latest.at)
  if (at === null || now - at > oldestNewsMs) return null
  if (latest.kind === 'door_read') return doorNews(latest, clockText(at))
  const amount = balanceText(latest.amount_fen)
  const place = [latest.merchant_name, clockText(at)]
  if (latest.kind === 'code_refused') {
    const detail = joined([`${amount} 未付`, ...place])
    return { isPaid: false, title: reasonText(latest.reason), detail }
  }
  const balance = latest.balance_fen === null ? '' : `余额 ${balanceText(latest.balance_fen)}`
  return { isPaid: true, title: `${amount} 已付`, detail: joined([...place, balance]) }
}

function doorNews(read: Extract<CodeUse, { kind: 'door_read' }>, moment: string): UseNews {
  const isOpen = read.decision === 'open'
  const title = isOpen ? '已通行' : doorReasonText(read.reason)
  return { isPaid: isOpen, title, detail: joined([read.door_group, moment]) }
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('，')
}

const firstDelayMs = 1_000
const longestDelayMs = 10_000

/** How long to wait before asking again after so many failures in a row. */
export function retryDelayMs(failures: number): number {
  return Math.min(firstDelayMs * 2 ** Math.max(failures - 1, 0), longestDelayMs)
}
