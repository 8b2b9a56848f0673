import { expect, it } from 'vitest'
import { isAcceptable, type PasswordRule, requirements } from './password-rule'

const table: [PasswordRule, string, boolean][] = [
  ['six_digits', '123456', true],
  ['six_digits', '111111', true],
  ['six_digits', '12345', false],
  ['six_digits', '1234567', false],
  ['six_digits', '12345X', false],
  ['six_digits', '１２３４５６', false],
  ['six_digits', '', false],
  ['six_digits', '271828', false],
  ['six_digits_strong', '012345', false],
  ['six_digits_strong', '456789', false],
  ['six_digits_strong', '987654', false],
  ['six_digits_strong', '543210', false],
  ['six_digits_strong', '234561', true],
  ['six_digits_strong', '135790', true],
  ['six_digits_strong', '890123', true],
  ['six_digits_strong', '111111', false],
  ['six_digits_strong', '121113', false],
  ['six_digits_strong', '112112', false],
  ['six_digits_strong', '121213', true],
  ['six_digits_strong', '112233', true],
  ['six_digits_strong', '271828', false],
  ['six_digits_strong', '', false],
]

it.each(table)('%s: %s is %s', (rule, password, acceptable) => {
  expect(isAcceptable(rule, password, '271828')).toBe(acceptable)
})

it('names each requirement, and none is met by nothing', () => {
  expect(requirements('six_digits', '', '')).toHaveLength(2)
  const strong = requirements('six_digits_strong', '', '')
  expect(strong).toHaveLength(4)
  expect(strong.filter(({ met }) => met)).toEqual([])
})
