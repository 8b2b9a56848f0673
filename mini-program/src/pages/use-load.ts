/** Something that a page loads: its value, its latest error, and another attempt. */
import { computed, ref, shallowRef } from 'vue'
import { loadState } from '@/core/load-state'
import type { ApiError } from '@/core/problem'
import type { Result } from '@/core/result'

type Load<T> = () => Promise<Result<T, ApiError>>

export function useLoad<T>(fetch: Load<T>, isEmpty: (value: T) => boolean = () => false) {
  /** Null until the first attempt succeeds. A refresh that fails leaves it as it is. */
  const value = shallowRef<T | null>(null)
  /** Null while the latest attempt is not known to have failed. */
  const error = ref<ApiError | null>(null)
  const loading = ref(false)
  /** Increases with each attempt: the answer to an earlier one is dropped. */
  let attempts = 0

  const state = computed(() => {
    const current = value.value
    return loadState({
      hasValue: current !== null,
      hasFailed: error.value !== null,
      isEmpty: current !== null && isEmpty(current),
    })
  })

  /** Resolves to null when a later attempt has begun in the meantime. */
  async function load(): Promise<Result<T, ApiError> | null> {
    attempts += 1
    const attempt = attempts
    loading.value = true
    const result = await fetch()
    if (attempt !== attempts) return null
    loading.value = false
    error.value = result.ok ? null : result.error
    if (result.ok) value.value = result.value
    return result
  }

  return { value, error, loading, state, load }
}
