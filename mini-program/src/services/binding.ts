import { bindingCreated, type BindingRequest } from '@/core/api'
import { type Decoded, nothing } from '@/core/decode'
import type { ApiError } from '@/core/problem'
import type { Result } from '@/core/result'
import { client } from './session'

export function bind(
  body: BindingRequest,
): Promise<Result<Decoded<typeof bindingCreated>, ApiError>> {
  return client.call({ method: 'POST', path: '/api/v1/bindings', body }, bindingCreated)
}

export function unbind(queryPassword: string): Promise<Result<null, ApiError>> {
  const body = { query_password: queryPassword }
  return client.call({ method: 'POST', path: '/api/v1/bindings/current/unbind', body }, nothing)
}

export function changePassword(
  oldPassword: string,
  newPassword: string,
): Promise<Result<null, ApiError>> {
  const body = { old_password: oldPassword, new_password: newPassword }
  return client.call({ method: 'POST', path: '/api/v1/me/query-password', body }, nothing)
}
