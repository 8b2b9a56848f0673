/** What a new query password must be, as far as it can be said before the server is asked. */

export type PasswordRule = 'six_digits' | 'six_digits_strong'

export interface Requirement {
  readonly text: string
  readonly met: boolean
}

const length = 6
const mostRepeats = 3

/** Each requirement with whether `password` meets it; nothing typed meets none. */
export function requirements(rule: PasswordRule, password: string, old: string): Requirement[] {
  const isSix = /^\d{6}$/.test(password)
  const always = [
    { text: `${length} 位数字`, met: isSix },
    { text: '与原密码不同', met: isSix && password !== old },
  ]
  if (rule === 'six_digits') return always
  return [
    ...always,
    { text: '不是连续的数字，如 123456、654321', met: isSix && !isRun(password) },
    {
      text: `同一个数字不超过 ${mostRepeats} 次`,
      met: isSix && greatestCount(password) <= mostRepeats,
    },
  ]
}

export function isAcceptable(rule: PasswordRule, password: string, old: string): boolean {
  return requirements(rule, password, old).every(({ met }) => met)
}

/** Whether each digit is one more, or each one less, than the digit before it. */
function isRun(digits: string): boolean {
  return '0123456789'.includes(digits) || '9876543210'.includes(digits)
}

function greatestCount(digits: string): number {
  const counts = [...digits].map((digit) => digits.split(digit).length - 1)
  return Math.max(0, ...counts)
}
