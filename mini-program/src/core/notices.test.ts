import { expect, it } from 'vitest'
import { dismissedIds, remaining, withDismissed } from './notices'

const notice = (id: string) => ({ id, kind: 'binding', text: id, at: '2026-11-21T00:00:00Z' })

it('shows what was not put away', () => {
  const all = [notice('a'), notice('b')]
  expect(remaining(all, null)).toEqual(all)
  expect(remaining(all, withDismissed(null, 'a'))).toEqual([notice('b')])
  expect(remaining(all, withDismissed(withDismissed(null, 'a'), 'b'))).toEqual([])
})

it('remembers each once, and not without end', () => {
  let stored: string | null = null
  for (let number = 0; number < 500; number += 1) stored = withDismissed(stored, `n${number}`)
  stored = withDismissed(stored, 'n499')
  expect(dismissedIds(stored)).toHaveLength(100)
  expect(dismissedIds(stored).slice(-2)).toEqual(['n498', 'n499'])
})
