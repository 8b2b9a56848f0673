/** What happens to the person, as it happens: one question that the server holds for a while. */
import { type Event, eventsApi } from '@/core/api/events'
import { readPosition, writtenPosition } from '@/core/events'
import { type ApiError, isOutOfReach } from '@/core/problem'
import type { Request } from '@/core/request'
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
export function nextEvents(
  onSent: (giveUp: () => void) => void,
): Promise<Result<readonly Event[], ApiError>> {
  return ask({ patience: { waitMs, onSent } })
}

/** From now on nothing is missed, although nobody may listen for days. */
export async function beginListening(): Promise<void> {
  if (readPosition(eventsPosition.load()) === null) await ask({})
}

type How = Pick<Request, 'patience'>

async function ask(how: How): Promise<Result<readonly Event[], ApiError>> {
  const from = eventsPosition.load()
  const query = { after: readPosition(from) }
  const headers = { Accept: 'application/json' }
  const page = await client.call(eventsApi.list({ query, headers, ...how }))
  if (!page.ok) return page
  // Whoever signed out meanwhile leaves no position for the next person.
  if (eventsPosition.load() === from) {
    eventsPosition.save(writtenPosition(String(page.value.next_after)))
  }
  return ok(page.value.items)
}
