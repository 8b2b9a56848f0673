import { err, ok, type Result } from './result'
import { halfWidth } from './text'

declare const signedBrand: unique symbol
declare const fenBrand: unique symbol

/** A whole number of fen (1/100 yuan): a change, or a balance that may be below zero. */
export type SignedFen = number & { readonly [signedBrand]: true }

/** A non-negative number of fen. Neither kind goes beyond `Number.MAX_SAFE_INTEGER`. */
export type Fen = SignedFen & { readonly [fenBrand]: true }

export type MoneyError =
  | { readonly kind: 'empty' }
  | { readonly kind: 'not_a_number' }
  | { readonly kind: 'negative' }
  | { readonly kind: 'too_many_decimals' }
  | { readonly kind: 'overflow' }
  | { readonly kind: 'below_minimum'; readonly minimum: Fen }
  | { readonly kind: 'above_maximum'; readonly maximum: Fen }

export interface Limits {
  readonly minimum: Fen
  readonly maximum: Fen
}

export function isSignedFen(value: unknown): value is SignedFen {
  return typeof value === 'number' && Number.isSafeInteger(value)
}

export function isFen(value: unknown): value is Fen {
  return isSignedFen(value) && value >= 0
}

export function sumOf(amounts: readonly Fen[]): Fen {
  return amounts.reduce<number>((sum, amount) => sum + amount, 0) as Fen
}

/** Fen as yuan with two decimals and grouped thousands: 123450 → `1,234.50`. No sign. */
export function yuanText(amount: SignedFen): string {
  const digits = String(Math.abs(amount)).padStart(3, '0')
  const yuan = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',')
  return `${yuan}.${digits.slice(-2)}`
}

/** A balance: `¥1,234.50`, or `−¥1.20` below zero. */
export function balanceText(amount: SignedFen): string {
  return `${amount < 0 ? '−' : ''}¥${yuanText(amount)}`
}

/** A change of a balance, always with its sign: `+50.00`, `−12.50`. */
export function changeText(amount: SignedFen): string {
  return `${amount < 0 ? '−' : '+'}${yuanText(amount)}`
}

/** As `yuanText`, without `.00`: for amounts that are offered, not accounted for. */
export function shortYuanText(amount: Fen): string {
  return yuanText(amount).replace(/\.00$/, '')
}

/** Reads what a person typed as yuan, such as `50`, `50.5` or `５０．５`. */
export function parseYuan(typed: string): Result<Fen, MoneyError> {
  const text = halfWidth(typed).replace(/。/g, '.').trim()
  if (text === '') return err({ kind: 'empty' })
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text)
  const [, sign = '', yuan = '', decimals = ''] = match ?? []
  if (match === null || yuan + decimals === '') return err({ kind: 'not_a_number' })
  if (sign === '-') return err({ kind: 'negative' })
  if (decimals.length > 2) return err({ kind: 'too_many_decimals' })
  // The digits are joined, never multiplied: 0.29 * 100 is not 29 in floating point.
  const fen = Number(yuan + decimals.padEnd(2, '0'))
  return isFen(fen) ? ok(fen) : err({ kind: 'overflow' })
}

export function withinLimits(amount: Fen, limits: Limits): Result<Fen, MoneyError> {
  if (amount < limits.minimum) return err({ kind: 'below_minimum', minimum: limits.minimum })
  if (amount > limits.maximum) return err({ kind: 'above_maximum', maximum: limits.maximum })
  return ok(amount)
}

export function moneyMessage(error: MoneyError): string {
  switch (error.kind) {
    case 'empty':
      return '请输入金额'
    case 'not_a_number':
      return '请输入数字金额，例如 50 或 50.5'
    case 'negative':
      return '金额不能为负数'
    case 'too_many_decimals':
      return '金额最多两位小数'
    case 'overflow':
      return '金额过大'
    case 'below_minimum':
      return `单笔不能低于 ${yuanText(error.minimum)} 元`
    case 'above_maximum':
      return `单笔不能超过 ${yuanText(error.maximum)} 元`
  }
}
