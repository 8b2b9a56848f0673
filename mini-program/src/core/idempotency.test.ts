import { expect, it } from 'vitest'
import { intentFor } from './idempotency'

it('keeps the key for a retry of the same wish', () => {
  const first = intentFor(null, '5000', Math.random)
  expect(intentFor(first, '5000', Math.random)).toBe(first)
})

it('makes a new key for another wish, and once the first was granted', () => {
  const first = intentFor(null, '5000', Math.random)
  expect(intentFor(first, '10000', Math.random).key).not.toBe(first.key)
  expect(intentFor(null, '5000', Math.random).key).not.toBe(first.key)
})

it.each([() => 0, () => 0.999999, Math.random])('is 32 visible ASCII characters', (chance) => {
  expect(intentFor(null, 'w', chance).key).toMatch(/^[0-9a-f]{32}$/)
})
