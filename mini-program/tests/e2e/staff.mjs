// Members of staff, who ask and decide by JSON here, with password and authenticator app.
import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const stepSeconds = 30

function bytesOf(base32) {
  const bits = [...base32].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

/** The six digits of now, as RFC 6238 has them. */
export function code(secret) {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000 / stepSeconds)))
  const mac = createHmac('sha1', bytesOf(secret)).update(counter).digest()
  const number = mac.readUInt32BE(mac[mac.length - 1] & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}

/** @param printed the secret that `onecard staff add` printed */
export async function signIn(server, { school, login, password, printed }) {
  const post = async (path, body, headers = {}) => {
    const response = await fetch(`${server}/api/v1/staff${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    assert.ok(response.ok, `staff${path} answered ${response.status}: ${await response.clone().text()}`)
    return response.json()
  }
  const enter = (secret, chosen = {}) =>
    post('/auth/login', { school, login, password, totp: code(secret), ...chosen })
  // The printed secret signs nobody in: it is replaced by one of their own, and so is the password.
  const offered = await enter(printed)
  assert.equal(offered.must_enrol_factor, true)
  const { access_token: token } = await enter(offered.secret, { new_password: `${password}, chosen` })
  const authorization = { authorization: `Bearer ${token}` }
  return {
    ask: (refund) =>
      post('/refunds', refund, { ...authorization, 'idempotency-key': randomUUID() }),
    approve: ({ id }) => post(`/refunds/${id}/approve`, { reason: '已核对' }, authorization),
  }
}
