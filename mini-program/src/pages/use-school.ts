/** The school that a page is about: of its address, or the one chosen last. */
import { onLoad } from '@dcloudio/uni-app'
import { problemCode } from '@/core/problem'
import { replace } from '@/platform/navigation'
import { chosenSchool, forgetSchool, loadSchool } from '@/services/schools'
import { useLoad } from './use-load'

export function useSchool(wish: 'binding' | 'portal' | 'help') {
  let code = ''
  const { value: school, error, loading, state, load: fetch } = useLoad(() => loadSchool(code))

  function pick(): void {
    replace({ route: 'schools', query: { for: wish } })
  }

  async function load(): Promise<void> {
    const loaded = await fetch()
    if (loaded?.ok === false && problemCode(loaded.error) === 'school_not_found') forgetAndPick()
  }

  /** For a school that was chosen once and no longer exists. */
  function forgetAndPick(): void {
    forgetSchool()
    pick()
  }

  onLoad((query) => {
    code = String(query?.['school'] ?? '') || (chosenSchool() ?? '')
    if (code === '') pick()
    else void load()
  })

  return { school, error, loading, state, load, pick, forgetAndPick }
}
