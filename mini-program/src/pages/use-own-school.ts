/** The person's own school, for pages that are about the binding. */
import { computed, ref, shallowRef } from 'vue'
import { type ApiError, errorMessage } from '@/core/problem'
import { goHome } from '@/platform/navigation'
import { loadOwnSchool, type OwnSchool } from '@/services/schools'

export function useOwnSchool() {
  const own = shallowRef<OwnSchool | null>(null)
  const error = ref<ApiError | null>(null)
  const loading = ref(false)
  const school = computed(() => own.value?.school ?? null)
  const sentence = computed(() => (error.value === null ? '' : errorMessage(error.value)))

  async function load(): Promise<void> {
    loading.value = true
    const loaded = await loadOwnSchool()
    loading.value = false
    // Signed out or not bound: home has the way on.
    if (loaded.ok ? loaded.value === null : loaded.error.kind === 'signed_out') return goHome()
    error.value = loaded.ok ? null : loaded.error
    if (loaded.ok) own.value = loaded.value
  }

  return { own, school, error, sentence, loading, load }
}
