/** Signing in, staying signed in, and signing out. */
import { absentable, count, type Decoded, nothing, object, text } from '../decode'
import { post, takes } from '../request'
import { binding } from './bindings'

const tokens = object({
  access_token: text,
  expires_in: count,
  refresh_token: text,
  binding: absentable(binding),
})

const portalCode = object({ code: text, valid_until: text })

export type PortalCode = Decoded<typeof portalCode>
export type Tokens = Decoded<typeof tokens>

/** The login code of a host app. */
interface LoginRequest {
  readonly code: string
  /** The mini-program that the code is for. */
  readonly app_id?: string
}

export interface PortalRequest {
  readonly school: string
  readonly id_value: string
  readonly query_password: string
  /** What the owner's phone shows, where others used up the attempts. */
  readonly portal_code?: string
}

interface RefreshRequest {
  readonly refresh_token: string
}

export const sessionsApi = {
  signInWithWechat: post('/api/v1/auth/wechat/login', tokens, takes<{ body: LoginRequest }>()),
  signInWithAlipay: post('/api/v1/auth/alipay/login', tokens, takes<{ body: LoginRequest }>()),
  signInToPortal: post('/api/v1/auth/portal/login', tokens, takes<{ body: PortalRequest }>()),
  portalCode: post('/api/v1/me/portal-codes', portalCode),
  refresh: post('/api/v1/auth/refresh', tokens, takes<{ body: RefreshRequest }>()),
  signOut: post('/api/v1/auth/logout', nothing, takes<{ body: RefreshRequest }>()),
}
