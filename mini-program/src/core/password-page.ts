/** What the page of the query password says. */
export interface PasswordPage {
  /** The school changes passwords at the counter, and none is due here. */
  readonly isCounterOnly: boolean
  readonly title: string
  readonly detail: string
}

/** A change that is due is made here at every school: the slip came from the counter. */
export function passwordPage(isDue: boolean, isOnline: boolean): PasswordPage {
  if (isDue) {
    return {
      isCounterOnly: false,
      title: '请先修改查询密码',
      detail: '你还在使用初始密码或纸条上的一次性密码，修改后才能继续使用',
    }
  }
  return {
    isCounterOnly: !isOnline,
    title: '修改查询密码',
    detail: '充值、解除绑定时要用到查询密码',
  }
}
