import { expect, it } from 'vitest'
import type { Page } from '@/core/api/page'
import type { ApiError } from '@/core/problem'
import { err, ok, type Result } from '@/core/result'
import { mostItems, usePages } from './use-pages'

type Answer = Result<Page<number>, ApiError>

/** A server whose answers come when the test says so. */
class SlowServer {
  readonly asked: (string | null)[] = []
  private readonly waiting: ((answer: Answer) => void)[] = []

  readonly load = (cursor: string | null): Promise<Answer> => {
    this.asked.push(cursor)
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  async answer(items: number[], next: string | null): Promise<void> {
    await this.give(ok({ items, next_cursor: next }))
  }

  async give(answer: Answer): Promise<void> {
    this.waiting.shift()?.(answer)
    await new Promise((resolve) => setTimeout(resolve))
  }
}

it('goes on where the last page ended, and ends', async () => {
  const server = new SlowServer()
  const list = usePages(server.load)
  void list.restart()
  expect(list.items.value).toBeNull()
  await server.answer([1, 2], 'b')
  expect(list.hasMore.value).toBe(true)
  void list.more()
  void list.more()
  await server.answer([3], null)
  expect(list.items.value).toEqual([1, 2, 3])
  expect(list.hasMore.value).toBe(false)
  await list.more()
  expect(server.asked).toEqual([null, 'b'])
})

it('lets the answer to an older question go', async () => {
  const server = new SlowServer()
  const list = usePages(server.load)
  void list.restart()
  void list.restart()
  await server.answer([1], 'old')
  expect(list.items.value).toBeNull()
  await server.answer([2], null)
  expect(list.items.value).toEqual([2])
  expect(list.loading.value).toBe(false)
})

it('keeps what it has when a page does not come, and may try again', async () => {
  const server = new SlowServer()
  const list = usePages(server.load)
  void list.restart()
  await server.answer([1], 'b')
  void list.more()
  await server.give(err({ kind: 'timed_out' }))
  expect(list.error.value).toEqual({ kind: 'timed_out' })
  expect(list.items.value).toEqual([1])
  void list.more()
  await server.answer([2], null)
  expect(list.error.value).toBeNull()
  expect(list.items.value).toEqual([1, 2])
})

it('does not grow without end', async () => {
  const list = usePages((cursor) => {
    const items = Array.from({ length: 200 }, (_, index) => index)
    return Promise.resolve(ok({ items, next_cursor: `${cursor ?? ''}x` }))
  })
  await list.restart()
  for (let page = 0; page < 20; page += 1) await list.more()
  expect(list.items.value).toHaveLength(mostItems)
  expect(list.isFull.value).toBe(true)
})
