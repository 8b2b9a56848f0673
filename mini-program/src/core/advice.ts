/** What a person can do about an error: the second sentence, after the server's own title. */
import { type ApiError, problemCode } from './problem'

const byCode: Readonly<Record<string, string>> = {
  binding_refused:
    '请核对每一项是否填对。初始密码见输入框下的说明；忘记密码请带身份证到一卡通中心重置',
  too_many_tries: '为了保护账户，连续输错后需要等一会儿再试',
  too_many_enrolments: '现在的付款码还能用；换手机请明天再试，或使用实体卡',
  already_bound:
    '每人在同一平台只能绑定一次。请先在原来的账号上解除绑定，或带身份证到一卡通中心办理',
  consent_outdated: '说明有更新，已换成新的文字，请重新阅读并逐项同意',
  school_not_found: '请重新选择学校',
  portal_unavailable: '这所学校请在小程序中查询',
  sign_in_refused: '请核对号码和密码；忘记密码请带身份证到一卡通中心重置',
  login_blocked: '请联系所用应用的客服，或带身份证到一卡通中心办理',
  login_unavailable: '请过一会儿再登录',
  not_bound: '请先绑定校园卡',
  password_wrong: '请重新输入；忘记密码请带身份证到一卡通中心重置',
  password_required: '请输入查询密码',
  pin_weak: '请换一个不容易猜到的密码',
  pin_default_must_change: '修改查询密码后才能使用其他功能',
  password_change_offline_only: '请带身份证和校园卡到一卡通中心或自助机修改',
  portal_read_only: '网页登录只能查询和挂失，请在小程序中办理',
  account_lost: '先解挂，再用查询密码重新启用',
  counter_only: '学校不在网上办理这一项',
  field_missing: '学校要求的内容见上面的表单，请填好再提交',
  loss_not_reported: '不用解挂，现在的状态见上方',
  codes_used_up: '下一组码马上就来',
  doors_not_offered: '请刷实体校园卡，或找宿管开门',
  door_not_found: '门的权限可能刚有变动，请返回重选；有疑问请联系辅导员',
  opening_under_way: '刚才那一次还在进行。门没有开的话，等一会儿再开',
  too_many_openings: '急需进门请刷实体校园卡，或找宿管',
  amount_out_of_range: '请换一个金额',
  funding_unavailable: '请换一种支付方式，或咨询一卡通中心',
  payer_not_bound: '绑定之后再来付款，或换一种支付方式',
  payer_of_other_app: '请从本校的小程序进入',
  provider_refused: '没有扣款；请稍后再试，一直不行请把编号告诉一卡通中心',
  provider_unavailable: '没有扣款，稍后可以直接再试，不会重复下单',
  order_not_payable: '订单已支付或已关闭，请看最新状态',
  idempotency_key_reused: '请返回后重新操作',
}

/** The person is not known where the payment would be made. */
const notPayer = ['payer_not_bound', 'payer_of_other_app']

/**
 * An empty text where the title says all there is to say.
 *
 * @param otherApp the name of the app that was to pay, where it is not the one signed in with
 */
export function adviceFor(error: ApiError, otherApp = ''): string {
  if (otherApp !== '' && notPayer.includes(problemCode(error))) {
    return `请先在${otherApp}中登录并绑定校园卡，再用${otherApp}付款；也可以换一种支付方式`
  }
  switch (error.kind) {
    case 'problem':
      return byCode[problemCode(error)] ?? (error.status >= 500 ? later : '')
    case 'unreadable':
      return error.status >= 500 ? later : ''
    case 'unreachable':
      return '填写的内容还在，连上网络后可以直接重试'
    case 'timed_out':
      return '填写的内容还在，可以直接重试'
    case 'signed_out':
    case 'host_app_only':
      return ''
  }
}

const later = '不是你的问题，稍后再试即可；一直不行请把编号告诉一卡通中心'
