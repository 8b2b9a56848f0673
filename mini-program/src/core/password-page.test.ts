import { expect, it } from 'vitest'
import { passwordPage } from './password-page'

it.each([
  [true, true, false, '请先修改查询密码'],
  [true, false, false, '请先修改查询密码'],
  [false, true, false, '修改查询密码'],
  [false, false, true, '修改查询密码'],
])('due %s, online %s: at the counter only %s', (isDue, isOnline, isCounterOnly, title) => {
  expect(passwordPage(isDue, isOnline)).toMatchObject({ isCounterOnly, title })
})

it('names both passwords that must be changed', () => {
  const { detail } = passwordPage(true, true)
  expect(detail).toContain('初始密码')
  expect(detail).toContain('一次性密码')
})
