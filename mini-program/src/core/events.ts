/** What the server tells as it happens, and what of it concerns the page with the code. */
import type { CodeUse, Event, LossEvent, Reversal } from './api/events'
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

/** What the person is told of on the page with the code: uses, and payments that came back. */
export function toldIn(events: readonly Event[]): (CodeUse | Reversal)[] {
  return events.filter(
    (event): event is CodeUse | Reversal =>
      event.kind === 'charge_reversed' || usesIn([event]).length > 0,
  )
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
  /** The payment that it is about; null for a door, and where nothing was paid. */
  readonly chargeId: string | null
  /** `¥12.50 已付`, `¥12.50 已撤销，已退回`, `已通行`, or why not. */
  readonly title: string
  /** `第一食堂，12:03，余额 ¥37.50`. */
  readonly detail: string
}

/**
 * The newest that is still news, in words; null where there is none. However late it is heard, a
 * payment that came back is not left standing as paid.
 *
 * @param shown what is being told
 */
export function newsOf(
  told: readonly (CodeUse | Reversal)[],
  now: number,
  shown: UseNews | null,
): UseNews | null {
  const latest = told[told.length - 1]
  const at = parseTime(latest?.at ?? '')
  if (latest !== undefined && at !== null && now - at <= oldestNewsMs) return newsAt(latest, at)
  const back = told.find(
    (one) => one.kind === 'charge_reversed' && one.charge_id === shown?.chargeId,
  )
  const then = parseTime(back?.at ?? '')
  return back === undefined || then === null ? null : newsAt(back, then)
}

function newsAt(one: CodeUse | Reversal, at: number): UseNews {
  if (one.kind === 'door_read') return doorNews(one, clockText(at))
  const amount = balanceText(one.amount_fen)
  const place = [one.merchant_name, clockText(at)]
  if (one.kind === 'code_refused') {
    const detail = joined([`${amount} 未付`, ...place])
    return { isPaid: false, chargeId: null, title: reasonText(one.reason), detail }
  }
  const balance = one.balance_fen === null ? '' : `余额 ${balanceText(one.balance_fen)}`
  const isPaid = one.kind === 'code_used'
  const title = isPaid ? `${amount} 已付` : `${amount} 已撤销，已退回`
  return { isPaid, chargeId: one.charge_id, title, detail: joined([...place, balance]) }
}

function doorNews(read: Extract<CodeUse, { kind: 'door_read' }>, moment: string): UseNews {
  const isOpen = read.decision === 'open'
  const title = isOpen ? '已通行' : doorReasonText(read.reason)
  return { isPaid: isOpen, chargeId: null, title, detail: joined([read.door_group, moment]) }
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
