/** Asks about messages before a payment, in the tap that begins it. */
import { shallowRef } from 'vue'
import type { MessageTemplates } from '@/core/api/messages'
import type { HostApp } from '@/platform/apps'
import { askForMessages, loadTemplates } from '@/services/messages'

export function useMessages() {
  const templates = shallowRef<MessageTemplates['items']>([])

  async function load(): Promise<void> {
    templates.value = await loadTemplates()
  }

  function ask(payer: HostApp): Promise<void> {
    return askForMessages(templates.value, payer.funding)
  }

  return { load, ask }
}
