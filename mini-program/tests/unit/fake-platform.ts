/** A platform whose server answers what a test says, and which writes down what it was asked. */
import { vi } from 'vitest'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

type Options = UniApp.RequestOptions

/** Puts the platform in place. `answer` is asked for each request; null is a lost answer. */
export function fakePlatform(answer: (asked: Asked) => Answer | null) {
  const asked: Asked[] = []
  const stored = new Map<string, string>()
  const relaunched: string[] = []
  vi.stubGlobal('getCurrentPages', () => [{ route: 'pages/index/index' }])
  vi.stubGlobal('uni', {
    request: (options: Options) => {
      const request = read(options)
      asked.push(request)
      const given = answer(request)
      if (given === null) return options.fail?.({ errMsg: 'request:fail' })
      const data = typeof given.body === 'string' ? given.body : JSON.stringify(given.body)
      const rest = { header: {}, cookies: [], errMsg: '' }
      return options.success?.({ statusCode: given.status, data, ...rest })
    },
    getStorageSync: (key: string) => stored.get(key) ?? '',
    setStorageSync: (key: string, value: string) => stored.set(key, value),
    removeStorageSync: (key: string) => stored.delete(key),
    reLaunch: ({ url }: { url: string }) => relaunched.push(url),
  })
  stored.set('onecard.session', JSON.stringify({ accessToken: 'a', refreshToken: 'r' }))
  return { asked, stored, relaunched }
}

function read({ method = 'GET', url, data, header }: Options): Asked {
  const body: unknown = typeof data === 'string' ? JSON.parse(data) : null
  return { method, path: url, body, headers: header as Record<string, string> }
}

export function problem(status: number, code: string): Answer {
  return { status, body: { title: '不行', code, request_id: 'r' } }
}
