/** Sign-in, payment and the clipboard as the mini-program runtimes do them. */
import { err, ok, type Result } from '@/core/result'
import { settle } from './settle'
import type { Kept } from './target'

const signInTimeoutMs = 10_000
/** A person reads the dialogue; no payment waits longer for it. */
const consentTimeoutMs = 60_000
const clipboardTimeoutMs = 5_000
/** The page waits no longer for the payment dialogue; the order's page then asks the server. */
const paymentTimeoutMs = 60_000
/** After the return from the dialogue, its answer comes at once or never. */
const returnGraceMs = 3_000

export function requestCode(
  options: UniApp.LoginOptions,
): Promise<Result<string, 'refused' | 'timed_out'>> {
  return settle<Result<string, 'refused' | 'timed_out'>>(
    signInTimeoutMs,
    err('timed_out'),
    (done) => {
      uni.login({
        ...options,
        success: ({ code }) => done(code ? ok(code) : err('refused')),
        fail: () => done(err('refused')),
      })
    },
  )
}

/** What the framework has no types for. */
interface Returns {
  onAppShow?(listener: () => void): void
  offAppShow?(listener: () => void): void
}

/**
 * Lets the person pay. It settles when the dialogue answers, a moment after the person has come
 * back from it, or after a minute, whichever is first: some versions of the apps never answer.
 */
export async function showPayment(options: UniApp.RequestPaymentOptions): Promise<void> {
  const { onAppShow, offAppShow } = uni as Returns
  let end = (): void => undefined
  const hearReturn = (): void => void setTimeout(() => end(), returnGraceMs)
  onAppShow?.(hearReturn)
  await settle<void>(paymentTimeoutMs, undefined, (done) => {
    end = () => done()
    uni.requestPayment({ ...options, complete: () => done() })
  })
  offAppShow?.(hearReturn)
}

/** What the framework has no types for; old versions of the apps do not have it. */
interface Subscriptions {
  requestSubscribeMessage?(options: Subscription): void
}

/** WeChat's name of the templates, and Alipay's. */
type Templates =
  | { readonly tmplIds: readonly string[] }
  | { readonly entityIds: readonly string[] }
type Subscription = Templates & { readonly complete: () => void }

/** Asks about messages. The page goes on whatever is answered, and if nothing ever is. */
export function askForMessages(templates: Templates): Promise<void> {
  return settle<void>(consentTimeoutMs, undefined, (done) => {
    const { requestSubscribeMessage } = uni as unknown as Subscriptions
    if (requestSubscribeMessage === undefined) return done()
    requestSubscribeMessage({ ...templates, complete: () => done() })
  })
}

export function copyText(_fileName: string, text: string): Promise<Kept> {
  return settle<Kept>(clipboardTimeoutMs, 'failed', (done) => {
    uni.setClipboardData({
      data: text,
      showToast: false,
      success: () => done('copied'),
      fail: () => done('failed'),
    })
  })
}
