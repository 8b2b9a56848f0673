/** ID numbers: GB 11643-1999, 18 characters, the last of them a check by ISO 7064 MOD 11-2. */
import { halfWidth } from './text'

const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
/** By the weighted sum modulo 11. */
const checks = '10X98765432'

/** As the server wants it: no blanks, the X in upper case. */
export function normalIdNumber(typed: string): string {
  return halfWidth(typed).replace(/\s/g, '').toUpperCase()
}

/** A sentence about what is wrong with a normal ID number, or an empty text. */
export function idNumberComplaint(number: string): string {
  if (!/^\d{17}[\dX]$/.test(number)) return '身份证号应为 18 位，最后一位可以是 X'
  if (!isDay(number.slice(6, 14))) return '身份证号里的出生日期不存在，请检查'
  return checkOf(number) === number.slice(17) ? '' : '身份证号不正确，请检查是否输错一位'
}

function checkOf(number: string): string {
  const sum = weights.reduce((total, weight, at) => total + weight * Number(number[at]), 0)
  return checks.charAt(sum % 11)
}

/** Whether `YYYYMMDD` is in the calendar. */
function isDay(digits: string): boolean {
  const iso = `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`
  const day = new Date(`${iso}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(iso)
}
