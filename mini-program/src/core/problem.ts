/** Everything that can be wrong with a call, and what to tell a person about it. */
import { absentable, type Decoded, type Decoder, list, object, text } from './decode'
import { err, ok, type Result } from './result'

/** What the platform's network call ended with. It always ends. */
export type Reply =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly body: string
      /** What the header `Retry-After` says, in seconds; null without it. */
      readonly retryAfter: number | null
      /** The server's time in the header `Date`, in milliseconds since 1970; null without it. */
      readonly date: number | null
    }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'timed_out' }

export const problemDocument = object({
  title: text,
  code: text,
  request_id: absentable(text),
  errors: absentable(list(object({ pointer: text, detail: text }))),
})

type ProblemDocument = Decoded<typeof problemDocument>

export type ApiError =
  | {
      readonly kind: 'problem'
      readonly status: number
      readonly document: ProblemDocument
      readonly retryAfter: number | null
    }
  | { readonly kind: 'unreadable'; readonly status: number }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'timed_out' }
  | { readonly kind: 'signed_out' }
  /** A browser outside the sandbox cannot do it; the mini-program can. */
  | { readonly kind: 'host_app_only' }

export function readReply<T>(reply: Reply, decode: Decoder<T>): Result<T, ApiError> {
  if (reply.kind !== 'answered') return err({ kind: reply.kind })
  const body = readText(reply)
  if (!body.ok) return body
  const value = decode(parseJson(body.value))
  return value === undefined ? err({ kind: 'unreadable', status: reply.status }) : ok(value)
}

/** The body of a good answer as it is. */
export function readText(reply: Reply): Result<string, ApiError> {
  if (reply.kind !== 'answered') return err({ kind: reply.kind })
  const { status, body, retryAfter } = reply
  if (status >= 200 && status <= 299) return ok(body)
  // The server gave up on a connection before a request came: nothing was read.
  if (status === 408) return err({ kind: 'timed_out' })
  const document = problemDocument(parseJson(body))
  if (document === undefined) return err({ kind: 'unreadable', status })
  return err({ kind: 'problem', status, document, retryAfter })
}

/** The network is at fault, or nobody answers at the other end. */
export function isOutOfReach(error: ApiError): boolean {
  return error.kind === 'unreachable' || error.kind === 'timed_out'
}

/** A sentence to show. The server's own title is Chinese and meant to be shown. */
export function errorMessage(error: ApiError): string {
  switch (error.kind) {
    case 'problem':
      return error.document.title
    case 'unreadable':
      return error.status >= 500 ? '系统繁忙，请稍后再试' : '服务返回异常，请稍后再试'
    case 'unreachable':
      return '网络连接失败，请检查网络后重试'
    case 'timed_out':
      return '网络较慢，请求超时，请重试'
    case 'signed_out':
      return '登录已失效，请重新登录'
    case 'host_app_only':
      return '请在微信或支付宝中打开小程序完成'
  }
}

/** The server's stable code of the problem, or an empty text. */
export function problemCode(error: ApiError | null): string {
  return error?.kind === 'problem' ? error.document.code : ''
}

/** Seconds that the server wants to be left alone, or 0. */
export function retryAfter(error: ApiError): number {
  return error.kind === 'problem' ? (error.retryAfter ?? 0) : 0
}

/** The number under which the server's log knows this failure. */
export function requestId(error: ApiError): string {
  return error.kind === 'problem' ? (error.document.request_id ?? '') : ''
}

/** The complaint about one field, by JSON pointer (`/id_value`), or an empty text. */
export function fieldMessage(error: ApiError | null, pointer: string): string {
  if (error?.kind !== 'problem') return ''
  return error.document.errors?.find((entry) => entry.pointer === pointer)?.detail ?? ''
}

/** True when every complaint is about one of these fields, so that no general notice is due. */
export function concernsOnly(error: ApiError, pointers: readonly string[]): boolean {
  if (error.kind !== 'problem') return false
  const entries = error.document.errors ?? []
  return entries.length > 0 && entries.every((entry) => pointers.includes(entry.pointer))
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // Not JSON: a proxy's error page, or an empty body. The decoder refuses `undefined`.
    return undefined
  }
}

/** Whether the server may have done it all the same: only its refusal says that it did not. */
export function isOutcomeUnknown(error: ApiError): boolean {
  switch (error.kind) {
    case 'unreachable':
    case 'timed_out':
    case 'unreadable':
      return true
    case 'problem':
      return error.status >= 500
    case 'signed_out':
    case 'host_app_only':
      return false
  }
}
