/** The messages that a school sends to payers, which a host app asks its user about. */
import { type Decoded, list, object, text } from '../decode'
import { get } from '../request'

const templates = object({
  items: list(object({ funding: text, template_ids: list(text) })),
})

export type MessageTemplates = Decoded<typeof templates>

export const messagesApi = {
  templates: get('/api/v1/messages/templates', templates),
}
