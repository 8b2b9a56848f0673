/** The host app asks its user about messages; what the user answers stays with the host app. */
import { target } from '#target'
import type { Funding } from '@/core/api/orders'
import { messagesApi, type MessageTemplates } from '@/core/api/messages'
import { client } from './session'

/**
 * The templates of the person's school. None where the host app asks nothing, and where they
 * cannot be found out: a payment does not wait for messages.
 */
export async function loadTemplates(): Promise<MessageTemplates['items']> {
  if (!target.askForMessages) return []
  const told = await client.call(messagesApi.templates({}))
  return told.ok ? told.value.items : []
}

/** Must begin in a tap. It settles in bounded time, whatever the person answers. */
export async function askForMessages(
  items: MessageTemplates['items'],
  funding: Funding,
): Promise<void> {
  const ids = items.find((item) => item.funding === funding)?.template_ids ?? []
  if (ids.length > 0) await target.askForMessages?.(ids)
}
