/** Waiting that a person is told about. */

/** Whole seconds from `now` until `until`, both in milliseconds; 0 when it has passed. */
export function secondsLeft(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / 1_000))
}

/** `45 秒`, `2 分 05 秒`, `1 小时 03 分`. */
export function waitText(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  if (minutes === 0) return `${seconds} 秒`
  if (minutes < 60) return `${minutes} 分 ${padded(seconds % 60)} 秒`
  return `${Math.floor(minutes / 60)} 小时 ${padded(minutes % 60)} 分`
}

function padded(number: number): string {
  return String(number).padStart(2, '0')
}
