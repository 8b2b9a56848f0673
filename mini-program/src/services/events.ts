/** What happens to the person, as it happens: one question that the server holds for a while. */
import { type Event, eventPage } from '@/core/api'
import { readPosition } from '@/core/events'
import { type ApiError, isOutOfReach } from '@/core/problem'
import { ok, type Result } from '@/core/result'
import { loadClientInfo } from './auth'
import { eventsPosition } from './keyring'
import { client } from './session'

/** Whether the server answers at all; it does so at once. */
export async function isReachable(): Promise<boolean> {
  const info = await loadClientInfo()
  return info.ok || !isOutOfReach(info.error)
}

/** The server answers within 25 s, with what there is. */
const waitMs = 32_000

/**
 * What happened since the last answer; on the first question, only from when on to listen.
 *
 * @param onSent gets the way to give the question up
 */
export async function nextEvents(
  onSent: (giveUp: () => void) => void,
): Promise<Result<readonly Event[], ApiError>> {
  const after = readPosition(eventsPosition.load(), Date.now())
  const query = after === null ? '' : `?after=${encodeURIComponent(after)}`
  const page = await client.call(
    {
      method: 'GET',
      path: `/api/v1/events${query}`,
      headers: { Accept: 'application/json' },
      patience: { waitMs, onSent },
    },
    eventPage,
  )
  if (!page.ok) return page
  const position = { after: String(page.value.next_after), at: Date.now() }
  eventsPosition.save(JSON.stringify(position))
  return ok(page.value.items)
}
