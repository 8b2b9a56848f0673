// What the compiled outputs are shown: a server's answers, a student's phone, and pages in processes
// of their own. Needs the builds in dist/build.
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const local = (path) => fileURLToPath(new URL(path, import.meta.url))
export const targets = { weapp: 'mp-weixin', alipay: 'mp-alipay' }
export const names = { weapp: '微信', alipay: '支付宝' }
/** What each app is asked for, and what the server is told of it. */
export const logins = {
  weapp: { call: 'login', asked: { provider: 'weixin' }, path: 'wechat', appId: 'wx0' },
  alipay: {
    call: 'getAuthCode',
    asked: { scopes: 'auth_base' },
    path: 'alipay',
    appId: '2021000000000000',
  },
}
export const payments = {
  weapp: {
    call: 'requestPayment',
    funding: 'wechat_pay',
    name: '微信支付',
    pay: {
      provider: 'wechat_pay',
      time_stamp: '1',
      nonce_str: 'n',
      package: 'prepay_id=1',
      sign_type: 'RSA',
      pay_sign: 's',
    },
    asked: {
      timeStamp: '1',
      nonceStr: 'n',
      package: 'prepay_id=1',
      signType: 'RSA',
      paySign: 's',
    },
  },
  alipay: {
    call: 'tradePay',
    funding: 'alipay',
    name: '支付宝支付',
    pay: { provider: 'alipay', trade_no: '2026112922001400001' },
    asked: { tradeNO: '2026112922001400001' },
  },
}
const answerTimeoutMs = 30_000

// The server's tests read the same file. Two codes of one step, then the identity code.
const fixture = local('../../../tests/fixtures/passcode.json')
export const [first, second, identity] = JSON.parse(readFileSync(fixture, 'utf8')).codes
export const now = first.unix_seconds * 1_000
export const grouped = (code) => code.match(/.{4}/g).join(' ')
const base64 = (hex) => Buffer.from(hex, 'hex').toString('base64')
const keys = (prefix, { otp_key, handle_key }) => ({
  prefix,
  otp_key: base64(otp_key),
  handle_key: base64(handle_key),
})
export const time = (ms) => new Date(ms).toISOString()
export const day = 86_400_000

export const password = '271828'
export const school = { code: 'ynart', name: '云南艺术学院' }
export const cardholder = { name_masked: '**梅', student_no: '20241001001', kind: 'student' }
export const binding = { school, cardholder, must_change_password: false }
const money = {
  card_balance_fen: 0,
  transition_balance_fen: 0,
  e_account_balance_fen: 5_000,
  total_fen: 5_000,
}

/** A school that asks for everything, and takes reports back the same way. */
export const chipNumber = '0A1B2C3D'
export const idNumber = '990101200402290010'
export const loss = {
  status: 'normal',
  reported_at: null,
  chip_number: chipNumber,
  report_fields: ['id_number', 'chip_number'],
  cancel_fields: ['id_number', 'chip_number'],
  stops: 'card_and_codes',
}
export const lost = { ...loss, status: 'lost', reported_at: time(now) }

/** A room of the dormitory, and what became of opening it. */
export const doors = {
  doors: [{ id: 'd1', name: '402 室', place: '东区 3 栋', opens_at: null }],
  blocked: null,
}
export const openedDoor = {
  id: 'o1',
  door_id: 'd1',
  state: 'opened',
  reason: null,
  title: '门已打开',
}
export const unknownOpening = {
  ...openedDoor,
  state: 'unknown',
  title: '门锁未答复，请看门是否已开',
}

export const codeUsed = {
  id: 7,
  kind: 'code_used',
  at: time(now),
  charge_id: 'c',
  amount_fen: 1_250,
  merchant_name: '第一食堂',
  balance_fen: 3_750,
  purpose: 'pay',
  tick: now / 1_000 / first.step_seconds,
  sub: 0,
}

export const chargeReversed = {
  id: 8,
  kind: 'charge_reversed',
  at: time(now),
  charge_id: 'c',
  amount_fen: 1_250,
  merchant_name: '第一食堂',
  balance_fen: 5_000,
}

export const codeRefused = {
  ...codeUsed,
  id: 8,
  kind: 'code_refused',
  reason: 'limit_meal',
  amount_fen: 3_100,
  generation: 1,
}

export const ok = (body, signedIn = true) => ({ status: 200, body, signedIn })
const login = ok({ access_token: 'a', refresh_token: 'r', expires_in: 900, binding: null }, false)
export const refused = (status, code) => ({ status, body: { title: code, code, status } })
export const answers = {
  'POST /api/v1/auth/wechat/login': login,
  'POST /api/v1/auth/alipay/login': login,
  'GET /api/v1/client': ok(
    { environment: 'production', wechat: { app_id: '', sign_in_url: null, cashier_url: null } },
    false,
  ),
  'GET /api/v1/schools': ok({ items: [school], next_cursor: null }, false),
  'GET /api/v1/schools/ynart': ok(
    {
      ...school,
      binding: {
        id_kinds: ['student_no'],
        id_label: '学工号',
        id_hint: '',
        id_pattern: null,
        name_required: false,
        password_hint: '',
      },
      password: { change_online: true, must_change: false, rule: 'six_digits', hint: '' },
      portal: true,
      consent: { version: '1', items: ['terms'], text: '说明' },
      top_up: { min_fen: 1, max_fen: 50_000, choices_fen: [5_000, 10_000], password_required: true },
      help: [{ title: '卡丢了怎么办', text: '带学生证到一卡通中心挂失。' }],
    },
    false,
  ),
  'POST /api/v1/bindings': ok({ cardholder, must_change_password: false }),
  'POST /api/v1/passcode/enrolments': ok({
    generation: 1,
    step_seconds: first.step_seconds,
    server_time: time(now),
    expires_at: time(now + 30 * day),
    pay: keys('80', first),
    id: keys('81', identity),
  }),
  'GET /api/v1/events': ok({ items: [], next_after: 6 }),
  'GET /api/v1/card/loss-reports': ok(loss),
  'GET /api/v1/me': ok({
    identity: { platform: 'wechat' },
    binding,
    card: { status: 'normal', ...money },
    notices: [],
    pending: { orders: 0 },
    passcode: { generation: 1, expires_at: time(now + 30 * day) },
  }),
}

export const order = (state, more = {}) => ({
  id: 'o1',
  state,
  amount_fen: 5_000,
  created_at: time(now),
  expires_at: time(now + 1_800_000),
  payments: [],
  ...more,
})
export const orderPath = 'GET /api/v1/orders/o1'
export const ordered = ({ pay, funding }) => ({
  ...answers,
  'POST /api/v1/orders': ok(order('awaiting_payment', { pay, payments: [{ funding, state: 'open' }] })),
  'POST /api/v1/orders/o1/payments': ok({ payment_id: 'p2', pay }),
})

/** A page in a process of its own. */
export function openPage(target, storage, page, options = {}) {
  const child = fork(local('page.cjs'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ask = (act, argument = {}) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${act}: no answer`)), answerTimeoutMs)
      child.once('message', (answer) => {
        clearTimeout(timer)
        if (answer.error === undefined) resolve(answer)
        else reject(new Error(answer.error))
      })
      child.send({ act, ...argument })
    })
  const dist = local(`../../dist/build/${targets[target]}`)
  const world = { target, dist, page, storage, query: {}, answers, now, code: 'login-code' }
  const opened = ask('open', { ...world, ...options })
  return { ask, opened, close: () => child.disconnect() }
}
