/** The binding of a person to a card, and its query password. */
import { bool, type Decoded, nothing, object, text } from '../decode'
import { post, takes } from '../request'
import { type IdKind, school } from './schools'

const cardholder = object({ name_masked: text, student_no: text, kind: text })

export const binding = object({ school, cardholder, must_change_password: bool })

const bindingCreated = object({ cardholder, must_change_password: bool })

export type Binding = Decoded<typeof binding>
export type BindingCreated = Decoded<typeof bindingCreated>

export interface BindingRequest {
  readonly school: string
  readonly id_kind: IdKind
  readonly id_value: string
  readonly name?: string
  readonly query_password: string
  readonly consent: { readonly version: string; readonly items: readonly string[] }
}

interface UnbindRequest {
  readonly query_password: string
}

interface PasswordChange {
  readonly old_password: string
  readonly new_password: string
}

export const bindingsApi = {
  create: post('/api/v1/bindings', bindingCreated, takes<{ body: BindingRequest }>()),
  end: post('/api/v1/bindings/current/unbind', nothing, takes<{ body: UnbindRequest }>()),
  changePassword: post('/api/v1/me/query-password', nothing, takes<{ body: PasswordChange }>()),
}
