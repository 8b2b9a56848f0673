import { bindingCreated, type BindingRequest } from '@/core/api'
import { type Decoded, nothing } from '@/core/decode'
import type { ApiError } from '@/core/problem'
import type { Result } from '@/core/result'
import { forgetCodes } from './keyring'
import { enrolBeside } from './passcode'
import { client } from './session'

export async function bind(
  body: BindingRequest,
): Promise<Result<Decoded<typeof bindingCreated>, ApiError>> {
  const path = '/api/v1/bindings'
  const bound = await client.call({ method: 'POST', path, body }, bindingCreated)
  // Before the demanded change of the password the server gives no keys.
  if (bound.ok && !bound.value.must_change_password) await enrolBeside(body.query_password)
  return bound
}

export async function unbind(queryPassword: string): Promise<Result<null, ApiError>> {
  const body = { query_password: queryPassword }
  const path = '/api/v1/bindings/current/unbind'
  const unbound = await client.call({ method: 'POST', path, body }, nothing)
  if (unbound.ok) forgetCodes()
  return unbound
}

export async function changePassword(
  oldPassword: string,
  newPassword: string,
): Promise<Result<null, ApiError>> {
  const body = { old_password: oldPassword, new_password: newPassword }
  const path = '/api/v1/me/query-password'
  const changed = await client.call({ method: 'POST', path, body }, nothing)
  if (changed.ok) await enrolBeside(newPassword)
  return changed
}
