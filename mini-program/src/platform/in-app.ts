/** Sign-in, payment and the clipboard as the mini-program runtimes do them. */
import { err, ok, type Result } from '@/core/result'
import { settle } from './settle'
import type { Kept } from './target'

const signInTimeoutMs = 10_000
const clipboardTimeoutMs = 5_000
/** As long as a person may look at the payment dialogue. */
const paymentTimeoutMs = 600_000

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

export function showPayment(options: UniApp.RequestPaymentOptions): Promise<void> {
  return settle<void>(paymentTimeoutMs, undefined, (done) => {
    uni.requestPayment({ ...options, complete: () => done() })
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
