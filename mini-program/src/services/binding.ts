import { type BindingCreated, type BindingRequest, bindingsApi } from '@/core/api/bindings'
import type { ApiError } from '@/core/problem'
import type { Result } from '@/core/result'
import { forgetCodes } from './keyring'
import { enrolBeside } from './passcode'
import { client } from './session'

export async function bind(body: BindingRequest): Promise<Result<BindingCreated, ApiError>> {
  const bound = await client.call(bindingsApi.create({ body }))
  // Before the demanded change of the password the server gives no keys.
  if (bound.ok && !bound.value.must_change_password) await enrolBeside(body.query_password)
  return bound
}

export async function unbind(queryPassword: string): Promise<Result<null, ApiError>> {
  const body = { query_password: queryPassword }
  const unbound = await client.call(bindingsApi.end({ body }))
  if (unbound.ok) forgetCodes()
  return unbound
}

export async function changePassword(
  oldPassword: string,
  newPassword: string,
): Promise<Result<null, ApiError>> {
  const body = { old_password: oldPassword, new_password: newPassword }
  const changed = await client.call(bindingsApi.changePassword({ body }))
  if (changed.ok) await enrolBeside(newPassword)
  return changed
}
