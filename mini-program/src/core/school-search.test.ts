import { expect, it } from 'vitest'
import { findSchools } from './school-search'

const schools = [
  { code: 'csmzxy', name: '长沙民政职业技术学院' },
  { code: 'xnec', name: '咸宁职业技术学院' },
  { code: 'ynart', name: '云南艺术学院' },
  { code: 'yncjxy', name: '云南城市建设职业学院' },
]

it.each([
  ['', ['csmzxy', 'xnec', 'ynart', 'yncjxy']],
  ['  ', ['csmzxy', 'xnec', 'ynart', 'yncjxy']],
  ['云南', ['ynart', 'yncjxy']],
  ['云 艺', ['ynart']],
  ['职业学院', ['yncjxy', 'csmzxy', 'xnec']],
  ['XNEC', ['xnec']],
  ['ｙｎ', ['ynart', 'yncjxy']],
  ['艺云', []],
  ['北京', []],
])('%s', (typed, codes) => {
  expect(findSchools(schools, typed).map(({ code }) => code)).toEqual(codes)
})
