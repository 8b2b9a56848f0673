import type { Pay } from '@/core/api/orders'
import { alipay } from './apps'
import { object, text } from '@/core/decode'
import { askForMessages, copyText, requestCode, showPayment } from './in-app'
import { lightScreen, restoreScreen } from './screen'
import type { Target } from './target'

/** What the framework has no types for; old versions of Alipay do not have it. */
interface OwnId {
  getAppIdSync?(): { readonly appId: string }
}

function appId(): string | null {
  const { getAppIdSync } = uni as OwnId
  return getAppIdSync === undefined ? null : getAppIdSync().appId
}

/** The framework splits what my.getPhoneNumber gives: encrypted where it succeeded, and signed. */
const signedPhone = object({ encryptedData: text, sign: text })

function phoneProof(told: unknown): string | null {
  const signed = signedPhone(told)
  if (signed === undefined) return null
  return JSON.stringify({ response: signed.encryptedData, sign: signed.sign })
}

async function show(pay: Pay): Promise<void> {
  if (pay.provider !== 'alipay') return
  // The framework hands `orderInfo` to my.tradePay as `tradeNO`.
  await showPayment({ provider: 'alipay', orderInfo: pay.trade_no })
}

export const target: Target = {
  apps: [alipay],
  appId,
  apiBaseUrl: import.meta.env.VITE_API_BASE_URL,
  // `auth_base` asks the person nothing.
  signIn: { kind: 'in_app', requestCode: () => requestCode({ scopes: 'auth_base' }) },
  payment: { kind: 'in_app', show },
  askForMessages: (entityIds) => askForMessages({ entityIds }),
  phoneProof,
  hasPortal: false,
  keepText: copyText,
  showScreen: lightScreen,
  restoreScreen,
  textScale: () => 1,
  start: () => undefined,
}
