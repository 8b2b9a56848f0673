import { bindingCreated, type BindingRequest } from '@/core/api'
import type { Decoded } from '@/core/decode'
import type { ApiError } from '@/core/problem'
import type { Result } from '@/core/result'
import { client } from './session'

export function bind(
  body: BindingRequest,
): Promise<Result<Decoded<typeof bindingCreated>, ApiError>> {
  return client.call({ method: 'POST', path: '/api/v1/bindings', body }, bindingCreated)
}
