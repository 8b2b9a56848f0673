import { expect, it } from 'vitest'
import type { ApiError } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import { useLoad } from './use-load'

type Answer = Result<string, ApiError>
const timedOut = err({ kind: 'timed_out' } as const)

/** Requests that the test answers in any order. */
function requests() {
  const waiting: ((answer: Answer) => void)[] = []
  const fetch = () => new Promise<Answer>((resolve) => waiting.push(resolve))
  return { waiting, fetch }
}

it('goes from loading to loaded', async () => {
  const { waiting, fetch } = requests()
  const { value, error, loading, state, load } = useLoad(fetch)
  expect([state.value, loading.value]).toEqual(['loading', false])
  const loaded = load()
  expect([state.value, loading.value]).toEqual(['loading', true])
  waiting[0]?.(ok('a'))
  expect(await loaded).toEqual(ok('a'))
  expect([state.value, loading.value]).toEqual(['loaded', false])
  expect([value.value, error.value]).toEqual(['a', null])
})

it('stays failed while a retry is under way', async () => {
  const { waiting, fetch } = requests()
  const { error, loading, state, load } = useLoad(fetch)
  const failed = load()
  waiting[0]?.(timedOut)
  await failed
  expect([state.value, error.value]).toEqual(['failed', { kind: 'timed_out' }])
  const retried = load()
  expect([state.value, loading.value]).toEqual(['failed', true])
  waiting[1]?.(ok('a'))
  await retried
  expect([state.value, error.value]).toEqual(['loaded', null])
})

it('keeps the value when a refresh fails', async () => {
  const answers: Answer[] = [ok('a'), timedOut]
  const { value, error, state, load } = useLoad(() => Promise.resolve(answers.shift() ?? timedOut))
  await load()
  await load()
  expect([state.value, value.value]).toEqual(['loaded', 'a'])
  expect(error.value).toEqual({ kind: 'timed_out' })
})

it('drops the answer to an earlier attempt', async () => {
  const { waiting, fetch } = requests()
  const { value, loading, load } = useLoad(fetch)
  const [first, second] = [load(), load()]
  waiting[0]?.(ok('old'))
  expect(await first).toBeNull()
  expect([value.value, loading.value]).toEqual([null, true])
  waiting[1]?.(ok('new'))
  await second
  expect([value.value, loading.value]).toEqual(['new', false])
})

it('tells an empty value from one with items', async () => {
  const { state, load } = useLoad(
    () => Promise.resolve(ok('')),
    (text) => text === '',
  )
  await load()
  expect(state.value).toBe('empty')
})
