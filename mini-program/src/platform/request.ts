import { target } from '#target'
import { parseTime } from '@/core/calendar'
import type { Request } from '@/core/request'
import type { Reply } from '@/core/problem'
import { settle } from './settle'

const usualMs = 10_000
/** The platform's own time-out comes first; the last resort is for a platform that forgets. */
const lastResortMs = 2_000

export function send(request: Request): Promise<Reply> {
  const timeout = request.patience?.waitMs ?? usualMs
  return settle<Reply>(timeout + lastResortMs, { kind: 'timed_out' }, (done) => {
    const task = uni.request({
      url: target.apiBaseUrl + request.path,
      method: request.method,
      header: { ...request.headers, ...contentType(request) },
      ...(request.body === undefined ? {} : { data: JSON.stringify(request.body) }),
      timeout,
      // As text: each platform has its own idea of what to do with JSON that is none.
      dataType: 'text',
      success: ({ statusCode, data, header }) => done(answered(statusCode, data, header)),
      fail: (failure: unknown) => done(failed(failure)),
    })
    request.patience?.onSent(() => task.abort())
  })
}

function contentType(request: Request): Record<string, string> {
  return request.body === undefined ? {} : { 'Content-Type': 'application/json' }
}

function answered(status: number, data: unknown, headers: unknown): Reply {
  const body = typeof data === 'string' ? data : JSON.stringify(data)
  const wait = headerIn(headers, 'retry-after')
  // A date as a wait is not used.
  const retryAfter = /^\d{1,6}$/.test(wait) ? Number(wait) : null
  return { kind: 'answered', status, body, retryAfter, date: parseTime(headerIn(headers, 'date')) }
}

/** An empty text without it. Platforms hand names on in any case, and values as lists too. */
function headerIn(headers: unknown, wanted: string): string {
  const entries = Object.entries((headers ?? {}) as Record<string, unknown>)
  const value = entries.find(([name]) => name.toLowerCase() === wanted)?.[1]
  return Array.isArray(value) ? String(value[0]) : String(value ?? '')
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
