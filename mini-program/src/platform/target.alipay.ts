import type { Pay } from '@/core/api/orders'
import { copyText, requestCode, showPayment } from './in-app'
import { lightScreen, restoreScreen } from './screen'
import type { Target } from './target'

async function show(pay: Pay): Promise<void> {
  if (pay.provider !== 'alipay') return
  // The framework hands `orderInfo` to my.tradePay as `tradeNO`.
  await showPayment({ provider: 'alipay', orderInfo: pay.trade_no })
}

export const target: Target = {
  identity: 'alipay',
  identityName: '支付宝',
  appId: () => null,
  funding: 'alipay',
  fundingName: '支付宝',
  apiBaseUrl: import.meta.env.VITE_API_BASE_URL,
  signIn: { kind: 'in_app', requestCode: () => requestCode({ scopes: 'auth_base' }) },
  payment: { kind: 'in_app', show },
  hasPortal: false,
  keepText: copyText,
  showScreen: lightScreen,
  restoreScreen,
  textScale: () => 1,
  start: () => undefined,
}
