import { target } from '#target'
import { phoneApi, type PhoneView } from '@/core/api/phone'
import type { ApiError } from '@/core/problem'
import type { Result } from '@/core/result'
import { client } from './session'

/** Whether the host app can tell a phone number here. */
export function canTellPhone(): boolean {
  return target.phoneProof !== null
}

/** What the button gave that hands over a phone number; null if the person did not agree. */
export function phoneProof(detail: unknown): string | null {
  return target.phoneProof === null ? null : target.phoneProof(detail)
}

export function loadPhone(): Promise<Result<PhoneView, ApiError>> {
  return client.call(phoneApi.load({}))
}

/** @param version of the text that the person has agreed to */
export function tellPhone(proof: string, version: string): Promise<Result<PhoneView, ApiError>> {
  return client.call(phoneApi.tell({ body: { proof, consent_version: version } }))
}

export function removePhone(): Promise<Result<null, ApiError>> {
  return client.call(phoneApi.remove({}))
}
