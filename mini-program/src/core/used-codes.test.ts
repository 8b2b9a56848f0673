import { expect, it } from 'vitest'
import { nextSub, noneUsed, readUsed, type UsedCodes, withUsed } from './used-codes'

/** Uses codes in turn: purpose, step, sub-counter. */
const using = (...codes: (readonly ['pay' | 'id', number, number])[]): UsedCodes =>
  codes.reduce((used, [purpose, tick, sub]) => withUsed(used, purpose, tick, sub), noneUsed)

it.each<[string, UsedCodes, 'pay' | 'id', number, number | null]>([
  ['nothing used', noneUsed, 'pay', 7, 0],
  ['the first used', using(['pay', 7, 0]), 'pay', 7, 1],
  ['told twice', using(['pay', 7, 0], ['pay', 7, 0]), 'pay', 7, 1],
  ['told late, out of turn', using(['pay', 7, 2], ['pay', 7, 0]), 'pay', 7, 3],
  ['one in the middle: those before it are gone too', using(['pay', 7, 1]), 'pay', 7, 2],
  ['all used', using(['pay', 7, 3]), 'pay', 7, null],
  ['more than there are', using(['pay', 7, 9]), 'pay', 7, null],
  ['used for the other purpose', using(['id', 7, 3]), 'pay', 7, 0],
  ['used in the step before', using(['pay', 6, 3]), 'pay', 7, 0],
  [
    'news of long ago, more than is kept',
    using(['pay', 70, 1], ...Array.from({ length: 20 }, (_, tick) => ['pay', tick, 0] as const)),
    'pay',
    70,
    2,
  ],
  ['a clock that goes back', using(['pay', 6, 1], ['pay', 7, 0]), 'pay', 6, 2],
])('%s', (_name, used, purpose, tick, sub) => {
  expect(nextSub(used, purpose, tick)).toBe(sub)
  expect(nextSub(readUsed(JSON.stringify(used)), purpose, tick), 'written and read').toBe(sub)
})

it('never shows a code twice, whatever is used and however time goes', () => {
  let used = noneUsed
  let seed = 1
  const gone = new Set<string>()
  for (let round = 0; round < 2_000; round += 1) {
    seed = (seed * 48_271) % 2_147_483_647
    const tick = 1_000 + Math.floor(round / 5) - (seed % 3)
    const sub = nextSub(used, 'pay', tick)
    if (sub === null) continue
    expect(gone).not.toContain(`${tick}/${sub}`)
    gone.add(`${tick}/${sub}`)
    used = withUsed(used, 'pay', tick, sub)
  }
  expect(used.pay.length).toBeLessThanOrEqual(8)
})

it.each([null, '', '{', 'null', '{"pay":[]}', '{"pay":[{"tick":-1,"next":1}],"id":[]}'])(
  'takes %j for nothing used',
  (text) => expect(readUsed(text)).toEqual(noneUsed),
)
