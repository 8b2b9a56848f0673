import { target } from '#target'
import type { Request } from '@/core/client'
import type { Reply } from '@/core/problem'
import { settle } from './settle'

const timeoutMs = 10_000
/** The platform's own time-out comes first; this one is for a platform that forgets. */
const lastResortMs = timeoutMs + 2_000

export function send(request: Request): Promise<Reply> {
  return settle<Reply>(lastResortMs, { kind: 'timed_out' }, (done) => {
    uni.request({
      url: target.apiBaseUrl + request.path,
      method: request.method,
      header: { ...request.headers, ...contentType(request) },
      ...(request.body === undefined ? {} : { data: JSON.stringify(request.body) }),
      timeout: timeoutMs,
      // As text: each platform has its own idea of what to do with JSON that is none.
      dataType: 'text',
      success: ({ statusCode, data, header }) => done(answered(statusCode, data, header)),
      fail: (failure: unknown) => done(failed(failure)),
    })
  })
}

function contentType(request: Request): Record<string, string> {
  return request.body === undefined ? {} : { 'Content-Type': 'application/json' }
}

function answered(status: number, data: unknown, headers: unknown): Reply {
  const body = typeof data === 'string' ? data : JSON.stringify(data)
  return { kind: 'answered', status, body, retryAfter: secondsIn(headers) }
}

/** Of `Retry-After`, in whichever case the platform hands headers on. Dates are not used. */
function secondsIn(headers: unknown): number | null {
  const entries = Object.entries((headers ?? {}) as Record<string, unknown>)
  const value = entries.find(([name]) => name.toLowerCase() === 'retry-after')?.[1]
  const text = Array.isArray(value) ? String(value[0]) : String(value ?? '')
  return /^\d{1,6}$/.test(text) ? Number(text) : null
}

/** What platforms tell on failure. Alipay counts an HTTP status of 400 and above as one. */
interface Failure {
  readonly errMsg?: string
  readonly errorMessage?: string
  readonly error?: number
  readonly status?: number
  readonly data?: unknown
  readonly headers?: unknown
}

const alipayTimeOut = 13

function failed(failure: unknown): Reply {
  const { errMsg = '', errorMessage = '', error, status, data, headers } = (failure ??
    {}) as Failure
  if (typeof status === 'number' && status >= 400) return answered(status, data ?? '', headers)
  const timedOut = error === alipayTimeOut || /time(d )?-?out/i.test(errMsg + errorMessage)
  return { kind: timedOut ? 'timed_out' : 'unreachable' }
}
