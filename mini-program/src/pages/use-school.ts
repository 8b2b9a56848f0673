/** The school that a page is about: of its address, or the one chosen last. */
import { computed, ref, shallowRef } from 'vue'
import { onLoad } from '@dcloudio/uni-app'
import type { SchoolDetail } from '@/core/api'
import { type ApiError, errorMessage, problemCode } from '@/core/problem'
import { replace } from '@/platform/navigation'
import { chosenSchool, forgetSchool, loadSchool } from '@/services/schools'

export function useSchool(wish: 'binding' | 'portal' | 'help') {
  const school = shallowRef<SchoolDetail | null>(null)
  const error = ref<ApiError | null>(null)
  const loading = ref(false)
  const sentence = computed(() => (error.value === null ? '' : errorMessage(error.value)))
  let code = ''

  function pick(): void {
    replace({ route: 'schools', query: { for: wish } })
  }

  async function load(): Promise<void> {
    loading.value = true
    const loaded = await loadSchool(code)
    loading.value = false
    error.value = loaded.ok ? null : loaded.error
    if (loaded.ok) school.value = loaded.value
    else if (problemCode(loaded.error) === 'school_not_found') forgetAndPick()
  }

  /** A school that was chosen once and is no more. */
  function forgetAndPick(): void {
    forgetSchool()
    pick()
  }

  onLoad((query) => {
    code = String(query?.['school'] ?? '') || (chosenSchool() ?? '')
    if (code === '') pick()
    else void load()
  })

  return { school, error, sentence, loading, load, pick, forgetAndPick }
}
