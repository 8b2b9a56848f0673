/** The apps that people sign in with and pay in. */
import type { Funding } from '@/core/api/orders'

export interface HostApp {
  /** As in the path of the login, and in what the server tells of itself. */
  readonly id: 'wechat' | 'alipay'
  readonly name: string
  readonly funding: Funding
  readonly fundingName: string
}

export const wechat: HostApp = {
  id: 'wechat',
  name: '微信',
  funding: 'wechat_pay',
  fundingName: '微信支付',
}

export const alipay: HostApp = {
  id: 'alipay',
  name: '支付宝',
  funding: 'alipay',
  fundingName: '支付宝支付',
}

const apps: readonly HostApp[] = [wechat, alipay]

/** Where money goes back to: `微信`; empty for what is paid elsewhere. */
export function appOfFunding(funding: string): string {
  return apps.find((app) => app.funding === funding)?.name ?? ''
}

/** `微信支付`; of several ways, all. Empty for what is paid elsewhere. */
export function fundingNames(fundings: readonly string[]): string {
  const named = apps.filter((app) => fundings.includes(app.funding))
  return named.map(({ fundingName }) => fundingName).join('、')
}
