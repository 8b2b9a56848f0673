import type { Pay } from '@/core/api/orders'
import { wechat } from './apps'
import { object, text } from '@/core/decode'
import { askForMessages, copyText, requestCode, showPayment } from './in-app'
import { lightScreen, restoreScreen } from './screen'
import type { Target } from './target'

interface FontSetting {
  readonly fontSizeScaleFactor?: number
}

/** What the framework has no types for; older versions of WeChat do not have it. */
interface Captures {
  setVisualEffectOnCapture?(options: { visualEffect: 'hidden' | 'none' }): void
}

function hideFromCaptures(visualEffect: 'hidden' | 'none'): void {
  const { setVisualEffectOnCapture } = uni as Captures
  if (setVisualEffectOnCapture !== undefined) setVisualEffectOnCapture({ visualEffect })
}

/** The code is another than the login's; there is none if the person did not agree. */
const phoneCode = object({ code: text })

async function show(pay: Pay): Promise<void> {
  if (pay.provider !== 'wechat_pay') return
  await showPayment({
    provider: 'wxpay',
    // Only other platforms of the framework read this one.
    orderInfo: '',
    timeStamp: pay.time_stamp,
    nonceStr: pay.nonce_str,
    package: pay.package,
    signType: pay.sign_type,
    paySign: pay.pay_sign,
  })
}

export const target: Target = {
  apps: [wechat],
  appId: () => uni.getAccountInfoSync().miniProgram.appId,
  apiBaseUrl: import.meta.env.VITE_API_BASE_URL,
  signIn: { kind: 'in_app', requestCode: () => requestCode({ provider: 'weixin' }) },
  payment: { kind: 'in_app', show },
  askForMessages: (tmplIds) => askForMessages({ tmplIds }),
  phoneProof: (told) => phoneCode(told)?.code ?? null,
  hasPortal: false,
  keepText: copyText,
  showScreen: () => {
    lightScreen()
    hideFromCaptures('hidden')
  },
  restoreScreen: () => {
    restoreScreen()
    hideFromCaptures('none')
  },
  textScale: () => (uni.getAppBaseInfo() as FontSetting).fontSizeScaleFactor ?? 1,
  start: () => undefined,
}
