import { expect, it } from 'vitest'
import { loadState } from './load-state'

it.each([
  ['nothing yet', { hasValue: false, hasFailed: false }, 'loading'],
  ['a first attempt that failed', { hasValue: false, hasFailed: true }, 'failed'],
  ['a value', { hasValue: true, hasFailed: false }, 'loaded'],
  ['a value whose refresh failed', { hasValue: true, hasFailed: true }, 'loaded'],
  ['a list without items', { hasValue: true, hasFailed: false, isEmpty: true }, 'empty'],
  ['no list yet', { hasValue: false, hasFailed: false, isEmpty: true }, 'loading'],
] as const)('%s', (_name, loadable, state) => {
  expect(loadState(loadable)).toBe(state)
})
