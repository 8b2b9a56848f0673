/** Why a till took nothing, told to the person whose code it read. */

const byReason: Readonly<Record<string, string>> = {
  password_required: '请在收款机上输入密码',
  password_wrong: '密码不正确，请重新扫码',
  challenge_invalid: '密码输入超时，请重新扫码',
  balance_insufficient: '余额不足，请先充值',
  limit_meal: '超过每餐消费限额',
  limit_day: '超过每日消费限额',
  account_lost: '校园卡已挂失',
  account_dormant: '校园卡已冻结，请到服务窗口恢复',
  account_expired: '校园卡已过有效期',
  account_closed: '校园卡已注销',
  account_in_debt: '账户有欠款，请先充值',
  code_clock_skew: '手机时间不准，请校准后重新扫码',
}

const byDoor: Readonly<Record<string, string>> = {
  right_missing: '没有这里的权限，请联系辅导员',
  right_not_now: '现在不在开放时间',
  code_used: '此码已用过，请换一个码',
  code_wrong_purpose: '这里不收这种码',
}

/** @param reason why a door stayed closed; null where it does not say */
export function doorReasonText(reason: string | null): string {
  return byDoor[reason ?? ''] ?? byReason[reason ?? ''] ?? '没有通行，原因请看门禁'
}

/** @param reason the problem code that the till was told */
export function reasonText(reason: string): string {
  return byReason[reason] ?? '没有付成，原因请看收款机'
}
