import { type Doors, doorsApi, type Opening } from '@/core/api/doors'
import { isSameWish, type WishedOpening } from '@/core/doors'
import { newKey } from '@/core/idempotency'
import { type ApiError, isOutcomeUnknown } from '@/core/problem'
import type { Result } from '@/core/result'
import { client } from './session'

/** The attempt that was begun and not answered yet; see `core/doors`. */
let wished: WishedOpening | null = null

export function loadDoors(): Promise<Result<Doors, ApiError>> {
  return client.call(doorsApi.list({}))
}

/** Asks for a door once. Whoever asks again soon after a lost answer gets the same attempt. */
export async function openDoor(door: string): Promise<Result<Opening, ApiError>> {
  const now = Date.now()
  if (wished === null || !isSameWish(wished, door, now)) {
    wished = { intent: { key: newKey(Math.random), wish: door }, at: now }
  }
  const headers = { 'Idempotency-Key': wished.intent.key }
  const answer = await client.call(doorsApi.open({ path: { door }, headers }))
  if (answer.ok || !isOutcomeUnknown(answer.error)) wished = null
  return answer
}

/** An attempt as it stands; the server asks the lock about one of which nobody knows. */
export function loadOpening(id: string): Promise<Result<Opening, ApiError>> {
  return client.call(doorsApi.load({ path: { id } }))
}
