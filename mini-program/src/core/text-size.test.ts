import { expect, it } from 'vitest'
import { chosenScale, clampScale, isLargeScale, largeScale } from './text-size'

it.each([
  [0.8, 1],
  [1, 1],
  [1.25, 1.25],
  [2, 1.5],
  [Number.NaN, 1],
  [Number.POSITIVE_INFINITY, 1],
])('a host factor of %d becomes %d', (factor, scale) => {
  expect(clampScale(factor)).toBe(scale)
})

it('knows what was chosen', () => {
  expect(chosenScale('large')).toBe(largeScale)
  expect(chosenScale('standard')).toBe(1)
  expect(chosenScale('other')).toBeNull()
  expect(chosenScale(null)).toBeNull()
  expect(isLargeScale(largeScale)).toBe(true)
  expect(isLargeScale(1)).toBe(false)
})
