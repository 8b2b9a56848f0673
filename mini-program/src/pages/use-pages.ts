/** A list that grows as a person reads on. */
import { computed, ref, shallowRef } from 'vue'
import type { Page } from '@/core/api/page'
import { loadState } from '@/core/load-state'
import type { ApiError } from '@/core/problem'
import type { Result } from '@/core/result'

/** More than anybody scrolls through; a narrower filter finds what is older. */
export const mostItems = 1_000

type Load<T> = (cursor: string | null) => Promise<Result<Page<T>, ApiError>>

export function usePages<T>(load: Load<T>) {
  /** Null until the first page has come. */
  const items = shallowRef<readonly T[] | null>(null)
  const cursor = ref<string | null>(null)
  const loading = ref(false)
  const error = ref<ApiError | null>(null)
  /** Rises with each restart: an answer to an older question is let go. */
  let listNumber = 0

  const isFull = computed(() => (items.value?.length ?? 0) >= mostItems)
  const state = computed(() =>
    loadState({
      hasValue: items.value !== null,
      hasFailed: error.value !== null,
      isEmpty: items.value?.length === 0,
    }),
  )
  const hasMore = computed(() => cursor.value !== null && !isFull.value)

  /** From the first page on. What is shown stays until the new page has come. */
  async function restart(): Promise<void> {
    listNumber += 1
    await ask(null)
  }

  async function more(): Promise<void> {
    if (!loading.value && hasMore.value) await ask(cursor.value)
  }

  async function ask(after: string | null): Promise<void> {
    const number = listNumber
    loading.value = true
    const page = await load(after)
    if (number !== listNumber) return
    loading.value = false
    error.value = page.ok ? null : page.error
    if (!page.ok) return
    items.value = [...(after === null ? [] : (items.value ?? [])), ...page.value.items]
    cursor.value = page.value.next_cursor
  }

  return { items, loading, error, state, hasMore, isFull, restart, more }
}
