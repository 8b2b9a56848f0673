import { describe, expect, it } from 'vitest'
import { nothing, object, text } from './decode'
import {
  type ApiError,
  concernsOnly,
  errorMessage,
  fieldMessage,
  isOutcomeUnknown,
  problemCode,
  readReply,
  type Reply,
  requestId,
  retryAfter,
} from './problem'

const named = object({ name: text })

const answered = (status: number, body: unknown, wait: number | null = null): Reply => ({
  kind: 'answered',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  retryAfter: wait,
  date: null,
})

const invalid = answered(422, {
  type: 'about:blank',
  title: '请检查填写的内容',
  status: 422,
  code: 'invalid_fields',
  request_id: 'r-1',
  errors: [{ pointer: '/id_value', detail: '学号应为 7 位数字' }],
})

function errorOf(reply: Reply) {
  const read = readReply(reply, named)
  if (read.ok) throw new Error('expected an error')
  return read.error
}

describe('readReply', () => {
  it('gives the decoded value', () => {
    expect(readReply(answered(200, { name: '林', more: 1 }), named)).toEqual({
      ok: true,
      value: { name: '林' },
    })
  })

  it('takes an empty body where none is promised', () => {
    expect(readReply(answered(204, ''), nothing)).toEqual({ ok: true, value: null })
  })

  it.each<[string, Reply, string]>([
    ['a page of a proxy', answered(502, '<html>Bad Gateway</html>'), '系统繁忙，请稍后再试'],
    ['a wrong shape', answered(200, { nom: '林' }), '服务返回异常，请稍后再试'],
    ['an empty body', answered(200, ''), '服务返回异常，请稍后再试'],
    ['JSON null', answered(200, 'null'), '服务返回异常，请稍后再试'],
    ['a problem without a title', answered(400, { code: 'x' }), '服务返回异常，请稍后再试'],
    ['no network', { kind: 'unreachable' }, '网络连接失败，请检查网络后重试'],
    ['a time-out', { kind: 'timed_out' }, '网络较慢，请求超时，请重试'],
    ['a server that saw no request', answered(408, ''), '网络较慢，请求超时，请重试'],
    ['a problem document', invalid, '请检查填写的内容'],
  ])('%s becomes a sentence', (_name, reply, sentence) => {
    expect(errorMessage(errorOf(reply))).toBe(sentence)
  })

  it('has a sentence for an ended session', () => {
    expect(errorMessage({ kind: 'signed_out' })).toBe('登录已失效，请重新登录')
    expect(errorMessage({ kind: 'host_app_only' })).toContain('小程序')
  })
})

it('knows code and wait of a problem, and that others have none', () => {
  const problem = { title: '请稍后再试', code: 'too_many_tries' }
  const slowed = errorOf(answered(429, problem, 90))
  expect(problemCode(slowed)).toBe('too_many_tries')
  expect(retryAfter(slowed)).toBe(90)
  expect(retryAfter(errorOf(answered(429, problem)))).toBe(0)
  expect(problemCode({ kind: 'timed_out' })).toBe('')
  expect(problemCode(null)).toBe('')
  expect(retryAfter({ kind: 'timed_out' })).toBe(0)
})

describe('fields', () => {
  it('finds the complaint by its pointer', () => {
    const error = errorOf(invalid)
    expect(fieldMessage(error, '/id_value')).toBe('学号应为 7 位数字')
    expect(fieldMessage(error, '/name')).toBe('')
    expect(fieldMessage(null, '/id_value')).toBe('')
    expect(requestId(error)).toBe('r-1')
  })

  it('knows whether a general notice is due', () => {
    const error = errorOf(invalid)
    expect(concernsOnly(error, ['/id_value', '/name'])).toBe(true)
    expect(concernsOnly(error, ['/name'])).toBe(false)
    expect(concernsOnly({ kind: 'unreachable' }, ['/name'])).toBe(false)
    const plain = errorOf(answered(409, { title: '已绑定', code: 'already_bound', request_id: '' }))
    expect(concernsOnly(plain, ['/name'])).toBe(false)
  })
})

const problem = (status: number): ApiError => ({
  kind: 'problem',
  status,
  document: { title: '题', code: 'x', request_id: null, errors: null },
  retryAfter: null,
})

it.each<[ApiError, boolean]>([
  [{ kind: 'unreachable' }, true],
  [{ kind: 'timed_out' }, true],
  [{ kind: 'unreadable', status: 200 }, true],
  [{ kind: 'unreadable', status: 502 }, true],
  [problem(500), true],
  [problem(503), true],
  [problem(422), false],
  [problem(429), false],
  [{ kind: 'signed_out' }, false],
  [{ kind: 'host_app_only' }, false],
])('after %j it is not known whether it was done: %s', (error, unknown) => {
  expect(isOutcomeUnknown(error)).toBe(unknown)
})
