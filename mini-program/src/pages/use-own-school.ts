/** The person's own school, for pages that are about the binding. */
import { computed } from 'vue'
import { goHome } from '@/platform/navigation'
import { loadOwnSchool } from '@/services/schools'
import { useLoad } from './use-load'

export function useOwnSchool() {
  const { value: own, error, loading, state, load: fetch } = useLoad(loadOwnSchool)
  const school = computed(() => own.value?.school ?? null)

  async function load(): Promise<void> {
    const loaded = await fetch()
    const isUnbound = loaded?.ok === true && loaded.value === null
    const isSignedOut = loaded?.ok === false && loaded.error.kind === 'signed_out'
    if (!isUnbound && !isSignedOut) return
    // Home offers to sign in or to bind; nothing is shown as failed until it opens.
    error.value = null
    goHome()
  }

  return { own, school, error, loading, state, load }
}
