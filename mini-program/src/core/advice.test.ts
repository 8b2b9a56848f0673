import { expect, it } from 'vitest'
import { adviceFor } from './advice'
import type { ApiError } from './problem'

const problem = (code: string, status = 422): ApiError => ({
  kind: 'problem',
  status,
  document: { title: '题', code, request_id: 'r', errors: null },
  retryAfter: null,
})

it.each<[string, ApiError, RegExp]>([
  ['a refused binding', problem('binding_refused'), /核对.*重置/],
  ['too many tries', problem('too_many_tries', 429), /等/],
  ['bound already', problem('already_bound', 409), /解除绑定/],
  ['an old consent', problem('consent_outdated', 409), /重新阅读/],
  ['no such school', problem('school_not_found', 404), /选择学校/],
  ['a wrong password', problem('password_wrong'), /重新输入/],
  ['the counter only', problem('password_change_offline_only', 403), /一卡通中心/],
  ['the portal', problem('portal_read_only', 403), /小程序/],
  ['a lost card', problem('account_lost'), /解挂/],
  ['a report at the counter only', problem('counter_only', 403), /不在网上/],
  ['a field that the school asks for', problem('field_missing'), /填好/],
  ['a card that is not reported', problem('loss_not_reported', 409), /不用解挂/],
  ['a failure of the server', problem('internal', 500), /稍后/],
  ['no network', { kind: 'unreachable' }, /网络/],
  ['a slow network', { kind: 'timed_out' }, /重试/],
])('%s has a way on', (_name, error, words) => {
  expect(adviceFor(error)).toMatch(words)
})

it('names the app where one has to sign in before it can pay', () => {
  for (const code of ['payer_not_bound', 'payer_of_other_app']) {
    const advice = adviceFor(problem(code, 409), '支付宝')
    expect(advice).toContain('请先在支付宝中登录并绑定校园卡')
  }
  expect(adviceFor(problem('payer_of_other_app', 409))).toBe('请从本校的小程序进入')
  expect(adviceFor(problem('funding_unavailable'), '支付宝')).toContain('请换一种支付方式')
})

it('does not tell which factor was wrong', () => {
  expect(adviceFor(problem('binding_refused'))).not.toMatch(/密码错误|学号不存在|姓名不符/)
})

it('adds nothing where there is nothing to add', () => {
  expect(adviceFor(problem('something_new'))).toBe('')
  expect(adviceFor({ kind: 'signed_out' })).toBe('')
})
