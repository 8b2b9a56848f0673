/**
 * Days and months as the schools count them: in Asia/Shanghai, which keeps UTC+8 all year, whatever
 * the device is set to. A day is `YYYY-MM-DD`, a month `YYYY-MM`.
 */

const shanghaiMs = 8 * 3_600_000
const dayMs = 86_400_000
const weekdays = ['周日', '周一', '周二', '周三', '周四', '周五', '周六']

/** Milliseconds since 1970 for an RFC 3339 time, or null for another text. */
export function parseTime(text: string): number | null {
  const time = Date.parse(text)
  return Number.isNaN(time) ? null : time
}

export function dayOf(time: number): string {
  return new Date(time + shanghaiMs).toISOString().slice(0, 10)
}

export function monthOf(day: string): string {
  return day.slice(0, 7)
}

/** `08:05`. */
export function clockText(time: number): string {
  return new Date(time + shanghaiMs).toISOString().slice(11, 16)
}

/** The month so many months later, or earlier when negative. */
export function shiftMonth(month: string, by: number): string {
  const date = new Date(`${month}-01T00:00:00Z`)
  date.setUTCMonth(date.getUTCMonth() + by)
  return date.toISOString().slice(0, 7)
}

/** The day so many days later, or earlier when negative. */
export function shiftDay(day: string, by: number): string {
  return new Date(startOf(day) + by * dayMs).toISOString().slice(0, 10)
}

/** Every day of the month, in order. */
export function daysOf(month: string): string[] {
  const days: string[] = []
  for (let day = `${month}-01`; monthOf(day) === month; day = shiftDay(day, 1)) days.push(day)
  return days
}

/** How many columns of a week, Monday first, are empty before the first of the month. */
export function blanksBefore(month: string): number {
  return (new Date(startOf(`${month}-01`)).getUTCDay() + 6) % 7
}

/** `今天 周六`, `昨天 周五`, `11月19日 周四`, and with its year when that is another. */
export function dayText(day: string, today: string): string {
  const weekday = weekdays[new Date(startOf(day)).getUTCDay()] ?? ''
  if (day === today) return `今天 ${weekday}`
  if (day === shiftDay(today, -1)) return `昨天 ${weekday}`
  const [year = '', month = '', date = ''] = day.split('-')
  const name = `${Number(month)}月${Number(date)}日 ${weekday}`
  return today.startsWith(year) ? name : `${year}年${name}`
}

/** `2026年11月`. */
export function monthText(month: string): string {
  const [year = '', number = ''] = month.split('-')
  return `${year}年${Number(number)}月`
}

/** `今天 08:05`, for a time that is told beside a thing. */
export function momentText(text: string, now: number): string {
  const time = parseTime(text)
  if (time === null) return ''
  const [day = ''] = dayText(dayOf(time), dayOf(now)).split(' ')
  return `${day} ${clockText(time)}`
}

function startOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`)
}
