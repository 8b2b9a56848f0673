// WeChat Pay's callback: checked, and brought into the form that is stored.
import { Aes, Formatter, Rsa } from 'wechatpay-axios-plugin'

const WINDOW_SECONDS = 300
const SIGNATURE_TYPE = 'WECHATPAY2-SHA256-RSA2048'

/** What the message says, if it is WeChat Pay's and about us; else nothing. */
export function open(settings, { headers, body }) {
  const text = signedBody(settings, headers, body)
  if (text === undefined) return undefined
  const { id, event_type: event, resource } = JSON.parse(text)
  if (event !== 'TRANSACTION.SUCCESS' || resource.original_type !== 'transaction') return undefined
  if (resource.algorithm !== 'AEAD_AES_256_GCM') return undefined
  const { ciphertext, nonce, associated_data: aad } = resource
  const paid = JSON.parse(Aes.AesGcm.decrypt(ciphertext, settings.apiV3Key, nonce, aad ?? ''))
  const ours = paid.mchid === settings.mchId && paid.appid === settings.appId
  const { total, currency } = paid.amount
  const sound = Number.isSafeInteger(total) && total > 0 && currency === 'CNY'
  if (!ours || !sound || paid.trade_state !== 'SUCCESS') return undefined
  return {
    provider: 'wechat_pay',
    id,
    body,
    merchant: paid.mchid,
    app: paid.appid,
    number: paid.out_trade_no,
    transaction: paid.transaction_id,
    fen: total,
    payers: [paid.payer.openid],
    paidAt: Date.parse(paid.success_time) * 1000,
  }
}

/** The body as text, once its signature and its time are right. */
function signedBody(settings, headers, body) {
  const key = settings.keys.get(headers['wechatpay-serial'])
  const timestamp = headers['wechatpay-timestamp']
  if (!key || headers['wechatpay-signature-type'] !== SIGNATURE_TYPE) return undefined
  const apart = Math.abs(Date.now() / 1000 - Number(timestamp))
  if (!(apart <= WINDOW_SECONDS)) return undefined
  const text = body.toString('utf8')
  const signed = Formatter.response(timestamp, headers['wechatpay-nonce'], text)
  return Rsa.verify(signed, headers['wechatpay-signature'], key) ? text : undefined
}
