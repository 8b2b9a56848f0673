import { expect, it } from 'vitest'
import { grouped } from './portal-code'

it.each([
  ['', ''],
  ['123', '123'],
  ['1234', '1234'],
  ['123456789012', '1234 5678 9012'],
])('groups %s', (code, shown) => {
  expect(grouped(code)).toBe(shown)
})
