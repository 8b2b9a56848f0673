/** The statement: its filter, its days, and the picture of a month. */
import type { StatementItem, StatementKind, StatementMonth } from './api/statement'
import { dayOf, daysOf, monthText, parseTime } from './calendar'
import { changeText, type Fen, yuanText } from './money'

export interface StatementFilter {
  /** Null for every kind. */
  readonly kind: StatementKind | null
  /** First and last day, or null where the range is open. */
  readonly from: string | null
  readonly to: string | null
}

interface KindChoice {
  readonly kind: StatementKind | null
  readonly label: string
}

/** What the list can be narrowed to. */
export const kindChoices: readonly KindChoice[] = [
  { kind: null, label: '全部' },
  { kind: 'top_up', label: '充值' },
  { kind: 'spend', label: '消费' },
  { kind: 'refund', label: '退款' },
  { kind: 'transfer', label: '转账' },
]

export const everything: StatementFilter = { kind: null, from: null, to: null }

/** The filter with one end of its range moved; the other end follows rather than cross it. */
export function withDay(filter: StatementFilter, end: 'from' | 'to', day: string): StatementFilter {
  const moved = { ...filter, [end]: day }
  const { from, to } = moved
  if (from === null || to === null || from <= to) return moved
  return { ...moved, from: day, to: day }
}

export interface StatementDay {
  readonly day: string
  readonly items: readonly StatementItem[]
}

/** The items under their days, in the order they came. */
export function groupByDay(items: readonly StatementItem[]): StatementDay[] {
  const days: { day: string; items: StatementItem[] }[] = []
  for (const item of items) {
    const time = parseTime(item.at)
    const day = time === null ? '' : dayOf(time)
    const last = days[days.length - 1]
    if (last?.day === day) last.items.push(item)
    else days.push({ day, items: [item] })
  }
  return days
}

export interface Bar {
  readonly day: string
  /** Day of the month under the bar, where there is room for it. */
  readonly label: string
  /** Parts of the tallest bar of the month, 0 to 100. */
  readonly inHeight: number
  readonly outHeight: number
}

/** What little there is must still be seen. */
const leastHeight = 3

/** One pair of bars for every day of the month, also the days on which nothing moved. */
export function barsOf(picture: StatementMonth): Bar[] {
  const moved = new Map(picture.days.map((day) => [day.day, day]))
  const tallest = Math.max(0, ...picture.days.flatMap((day) => [day.in_fen, day.out_fen]))
  return daysOf(picture.month).map((day, index) => {
    const sums = moved.get(day)
    const label = index === 0 || (index + 1) % 5 === 0 ? String(index + 1) : ''
    return {
      day,
      label,
      inHeight: height(sums?.in_fen, tallest),
      outHeight: height(sums?.out_fen, tallest),
    }
  })
}

/** What the picture shows, in words. */
export function pictureText(picture: StatementMonth): string {
  const name = monthText(picture.month)
  const days = picture.days
  if (days.length === 0) return `${name}没有收支`
  const sums =
    `收入 ${yuanText(picture.in_fen)} 元，支出 ${yuanText(picture.out_fen)} 元` +
    (picture.refund_fen === 0 ? '' : `，退款 ${changeText(picture.refund_fen)} 元`)
  const most = days.reduce((best, day) => (day.out_fen > best.out_fen ? day : best))
  if (most.out_fen === 0) return `${name}${sums}`
  const date = Number(most.day.slice(8))
  return `${name}${sums}；支出最多的是 ${date} 日，${yuanText(most.out_fen)} 元`
}

function height(amount: Fen | undefined, tallest: number): number {
  if (amount === undefined || amount === 0) return 0
  return Math.max(leastHeight, Math.round((amount / tallest) * 100))
}
