// One callback: checked, stored, and only then answered. Answers [status, message].
import { Aes, Formatter, Rsa } from 'wechatpay-axios-plugin'

const WINDOW_SECONDS = 300
const SIGNATURE_TYPE = 'WECHATPAY2-SHA256-RSA2048'
const REFUSED = [401, 'refused']

export async function receive(settings, store, request) {
  if (request.params.school !== settings.school) return [404, 'no such callback']
  let message
  try {
    message = open(settings, request)
  } catch {
    // Not JSON, or sealed under another key.
    return REFUSED
  }
  if (!message) return REFUSED
  if (!store) return [204]
  try {
    await store.settle(settings, message)
    return [204]
  } catch (error) {
    console.error('a callback was not settled', error)
    return [500, 'try again']
  }
}

/** What the message says, if it is WeChat Pay's and about us; else nothing. */
function open(settings, request) {
  const body = signedBody(settings, request)
  if (body === undefined) return undefined
  const { id, event_type: event, resource } = JSON.parse(body)
  if (event !== 'TRANSACTION.SUCCESS' || resource.original_type !== 'transaction') return undefined
  if (resource.algorithm !== 'AEAD_AES_256_GCM') return undefined
  const { ciphertext, nonce, associated_data: aad } = resource
  const paid = JSON.parse(Aes.AesGcm.decrypt(ciphertext, settings.apiV3Key, nonce, aad ?? ''))
  const ours = paid.mchid === settings.mchId && paid.appid === settings.appId
  const { total, currency } = paid.amount
  const sound = Number.isSafeInteger(total) && total > 0 && currency === 'CNY'
  if (!ours || !sound || paid.trade_state !== 'SUCCESS') return undefined
  return { id, paid, body: request.body }
}

/** The body as text, once its signature and its time are right. */
function signedBody(settings, { headers, body }) {
  const key = settings.keys.get(headers['wechatpay-serial'])
  const timestamp = headers['wechatpay-timestamp']
  if (!key || headers['wechatpay-signature-type'] !== SIGNATURE_TYPE) return undefined
  const apart = Math.abs(Date.now() / 1000 - Number(timestamp))
  if (!(apart <= WINDOW_SECONDS)) return undefined
  const text = body.toString('utf8')
  const signed = Formatter.response(timestamp, headers['wechatpay-nonce'], text)
  return Rsa.verify(signed, headers['wechatpay-signature'], key) ? text : undefined
}
