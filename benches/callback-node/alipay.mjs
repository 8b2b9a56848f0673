// Alipay's notification: checked, and brought into the form that is stored.

const YUAN = /^(\d{1,9})\.(\d{2})$/

/** What the message says, if it is Alipay's and about us; else nothing. */
export function open({ alipay }, { body }) {
  const told = parameters(body.toString('utf8'))
  if (!told || told.sign_type !== 'RSA2' || !alipay.sdk.checkNotifySignV2(told)) return undefined
  if (told.app_id !== alipay.appId || told.seller_id !== alipay.sellerId) return undefined
  if (told.notify_type !== 'trade_status_sync' || told.trade_status !== 'TRADE_SUCCESS') return undefined
  const [fen, back] = [fenOf(told.total_amount), fenOf(told.refund_fee ?? '0.00')]
  // A message about a refund looks like one about the payment.
  if (!(fen > 0) || back !== 0 || !told.notify_id) return undefined
  return {
    provider: 'alipay',
    id: told.notify_id,
    body,
    merchant: told.seller_id,
    app: told.app_id,
    number: told.out_trade_no,
    transaction: told.trade_no,
    fen,
    payers: [told.buyer_open_id, told.buyer_id],
    paidAt: Date.parse(`${told.gmt_payment.replace(' ', 'T')}+08:00`) * 1000,
  }
}

/** The parameters of a form; nothing if one comes twice. */
function parameters(text) {
  const told = Object.create(null)
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in told) return undefined
    told[name] = value
  }
  return told
}

/** Without floating point. */
function fenOf(yuan) {
  const parts = YUAN.exec(yuan)
  return parts ? Number(parts[1]) * 100 + Number(parts[2]) : Number.NaN
}
