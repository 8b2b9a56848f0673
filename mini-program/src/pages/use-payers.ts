/** The apps that can pay on a page, and the one that is chosen. */
import { ref, shallowRef } from 'vue'
import type { HostApp } from '@/platform/apps'
import { loadPayers, usualPayer } from '@/services/orders'

export function usePayers() {
  const usual = usualPayer()
  const payers = shallowRef<readonly HostApp[]>([usual])
  const payer = shallowRef(usual)
  /** The name of the app that was to pay, where it is not the one signed in with. */
  const otherApp = ref('')

  async function load(): Promise<void> {
    payers.value = await loadPayers()
    const isOffered = payers.value.some(({ id }) => id === payer.value.id)
    const first = payers.value[0]
    if (!isOffered && first !== undefined) choose(first)
  }

  function choose(app: HostApp): void {
    payer.value = app
    otherApp.value = app.id === usual.id ? '' : app.name
  }

  return { payers, payer, otherApp, load, choose }
}
