import { expect, it } from 'vitest'
import { idNumberComplaint, normalIdNumber } from './id-number'

it.each([
  // The two examples of the standard.
  ['11010519491231002X', ''],
  ['440524188001010014', ''],
  ['990101200402290010', ''],
  ['110105194912310038', ''],
  ['', '18 位'],
  ['1101051949123100', '18 位'],
  ['X1010519491231002X', '18 位'],
  ['110105194912310021', '输错一位'],
  ['110105194902300020', '出生日期'],
  ['990101200302290013', '出生日期'],
])('%s: %s', (number, complaint) => {
  const said = idNumberComplaint(number)
  if (complaint === '') expect(said).toBe('')
  else expect(said).toContain(complaint)
})

it('finds every single wrong digit', () => {
  const good = '11010519491231002X'
  for (let place = 0; place < 17; place += 1) {
    for (const digit of '0123456789') {
      if (digit === good[place]) continue
      const other = good.slice(0, place) + digit + good.slice(place + 1)
      expect(idNumberComplaint(other), other).not.toBe('')
    }
  }
})

it('takes numbers as people type them', () => {
  expect(normalIdNumber(' 110105 19491231 002x ')).toBe('11010519491231002X')
  expect(normalIdNumber('１１０１０５１９４９１２３１００２ｘ')).toBe('11010519491231002X')
})
