// The compiled WeChat and Alipay outputs, tapped through without a phone: sign in, choose the
// school, bind, show the code with the network off, and top up with the host app's payment. Needs the
// builds in dist/build.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const local = (path) => fileURLToPath(new URL(path, import.meta.url))
const targets = { weapp: 'mp-weixin', alipay: 'mp-alipay' }
const names = { weapp: '微信', alipay: '支付宝' }
/** What each app is asked for, and what the server is told of it. */
const logins = {
  weapp: { call: 'login', asked: { provider: 'weixin' }, path: 'wechat', appId: 'wx0' },
  alipay: {
    call: 'getAuthCode',
    asked: { scopes: 'auth_base' },
    path: 'alipay',
    appId: '2021000000000000',
  },
}
const payments = {
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
const [first, second, identity] = JSON.parse(readFileSync(fixture, 'utf8')).codes
const now = first.unix_seconds * 1_000
const grouped = (code) => code.match(/.{4}/g).join(' ')
const base64 = (hex) => Buffer.from(hex, 'hex').toString('base64')
const keys = (prefix, { otp_key, handle_key }) => ({
  prefix,
  otp_key: base64(otp_key),
  handle_key: base64(handle_key),
})
const time = (ms) => new Date(ms).toISOString()
const day = 86_400_000

const password = '271828'
const school = { code: 'ynart', name: '云南艺术学院' }
const cardholder = { name_masked: '**梅', student_no: '20241001001', kind: 'student' }
const binding = { school, cardholder, must_change_password: false }
const money = {
  card_balance_fen: 0,
  transition_balance_fen: 0,
  e_account_balance_fen: 5_000,
  total_fen: 5_000,
}

const codeUsed = {
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

const codeRefused = {
  ...codeUsed,
  id: 8,
  kind: 'code_refused',
  reason: 'limit_meal',
  amount_fen: 3_100,
  generation: 1,
}

const ok = (body, signedIn = true) => ({ status: 200, body, signedIn })
const login = ok({ access_token: 'a', refresh_token: 'r', expires_in: 900, binding: null }, false)
const refused = (status, code) => ({ status, body: { title: code, code, status } })
const answers = {
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
      top_up: { min_fen: 1, max_fen: 50_000, choices_fen: [], password_required: true },
      help: [],
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
  'GET /api/v1/me': ok({
    identity: { platform: 'wechat' },
    binding,
    card: { status: 'normal', ...money },
    notices: [],
    pending: { orders: 0 },
    passcode: { generation: 1, expires_at: time(now + 30 * day) },
  }),
}

const order = (state, more = {}) => ({
  id: 'o1',
  state,
  amount_fen: 5_000,
  created_at: time(now),
  expires_at: time(now + 1_800_000),
  payments: [],
  ...more,
})
const orderPath = 'GET /api/v1/orders/o1'
const ordered = ({ pay, funding }) => ({
  ...answers,
  'POST /api/v1/orders': ok(order('awaiting_payment', { pay, payments: [{ funding, state: 'open' }] })),
  'POST /api/v1/orders/o1/payments': ok({ payment_id: 'p2', pay }),
})

/** A page in a process of its own. */
function openPage(target, storage, page, options = {}) {
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

const called = (seen, name) => seen.calls.filter(([call]) => call === name).map(([, what]) => what)
const requests = (seen) => called(seen, 'request').map(({ name }) => name)
const has = (given, wanted) => {
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((name) => [name, given[name]])), wanted)
}
const shows = (seen, text) => assert.ok(seen.text.includes(text), `"${text}" in: ${seen.text}`)

for (const target of Object.keys(targets)) {
  describe(`the compiled output for ${target}`, { concurrency: false }, () => {
    let storage = {}
    const pages = []
    const visit = async (page, options) => {
      const opened = openPage(target, storage, page, options)
      pages.push(opened)
      return { ...opened, seen: await opened.opened }
    }
    after(() => pages.forEach((page) => page.close()))

    it('signs in with the host app', async () => {
      const { ask } = await visit('pages/sign-in/index')
      const seen = await ask('tap', { text: `${names[target]}登录` })
      assert.deepEqual(called(seen, 'redirectTo').map(({ url }) => url), ['/pages/binding/index'])
      const { call, asked, path, appId } = logins[target]
      has(called(seen, call)[0], asked)
      const [sent] = called(seen, 'request')
      assert.equal(sent.name, `POST /api/v1/auth/${path}/login`)
      assert.deepEqual(sent.body, { code: 'login-code', app_id: appId })
      storage = seen.storage
    })

    it('chooses the school', async () => {
      const { ask } = await visit('pages/schools/index', { query: { for: 'binding' } })
      const seen = await ask('tap', { text: school.name })
      assert.match(called(seen, 'redirectTo')[0].url, /^\/pages\/binding\/index/)
      storage = seen.storage
    })

    it('binds, and gets keys with the password just typed', async () => {
      const { ask } = await visit('pages/binding/index', { query: { school: school.code } })
      await ask('type', { label: '学工号', value: cardholder.student_no })
      await ask('type', { label: '查询密码', value: password })
      const unagreed = await ask('tap', { text: '绑定' })
      shows(unagreed, '逐项勾选同意')
      await ask('tap', { text: '我已阅读并同意使用条款' })
      const seen = await ask('tap', { text: '绑定' })
      assert.deepEqual(called(seen, 'reLaunch').map(({ url }) => url), ['/pages/index/index'])
      const enrolment = called(seen, 'request').find(({ name }) => name.endsWith('/enrolments'))
      assert.equal(enrolment.body.query_password, password)
      storage = seen.storage
    })

    it('leads from home to the code in one tap, also without a network', async () => {
      const { ask, seen } = await visit('pages/index/index', { answers: {} })
      shows(seen, '暂时无法加载')
      const tapped = await ask('tap', { text: '付款码' })
      assert.deepEqual(called(tapped, 'navigateTo').map(({ url }) => url), ['/pages/code/index'])
    })

    it('shows the code of the vectors without a network, and the next one', async () => {
      const { ask, seen } = await visit('pages/code/index', { answers: {} })
      shows(seen, '点按显示数字')
      assert.ok(!seen.text.includes(grouped(first.code)), 'hidden at first')
      shows(await ask('tap', { text: '点按显示数字' }), grouped(first.code))
      shows(await ask('look'), '没有网络，码照常可用')
      const next = await ask('tap', { text: '换一个码' })
      shows(next, grouped(second.code))
      assert.deepEqual([...new Set(requests(next))], ['GET /api/v1/events'])
      storage = next.storage
    })

    for (const [does, event, sentence] of [
      ['took', codeUsed, '¥12.50 已付第一食堂'],
      ['refused', codeRefused, '超过每餐消费限额¥31.00 未付，第一食堂'],
    ]) {
      it(`tells on line what the till ${does}, and shows the next code`, async () => {
        const { 'onecard.used-codes': _used, ...fresh } = storage
        const { ask } = await visit('pages/code/index', { storage: fresh, answers: {} })
        shows(await ask('tap', { text: '点按显示数字' }), grouped(first.code))
        const used = ok({ items: [event], next_after: 8 })
        const told = { ...answers, 'GET /api/v1/events': used }
        await ask('change', { answers: told })
        let seen = await ask('look')
        for (let looks = 0; looks < 100 && !seen.text.includes(sentence); looks += 1) {
          seen = await ask('look')
        }
        shows(seen, sentence)
        shows(seen, grouped(second.code))
      })
    }

    it('does not bring a code back that was passed over, and gives the screen back', async () => {
      const { ask } = await visit('pages/code/index', { answers: {} })
      shows(await ask('tap', { text: '点按显示数字' }), grouped(second.code))
      shows(await ask('tap', { text: '身份码' }), '请对准门禁')
      shows(await ask('tap', { text: '点按显示数字' }), grouped(identity.code))
      const hidden = await ask('hide')
      const values = called(hidden, 'setScreenBrightness').map((to) => to.value ?? to.brightness)
      assert.deepEqual(values, [1, 0.3])
      const awake = called(hidden, 'setKeepScreenOn').map(({ keepScreenOn }) => keepScreenOn)
      assert.deepEqual(awake, [true, false])
    })

    for (const [days, sentence] of [
      [8, '请联网一次'],
      [31, '请联网更新'],
    ]) {
      it(`says ${sentence} after ${days} days without a network`, async () => {
        const { seen } = await visit('pages/code/index', { answers: {}, now: now + days * day })
        shows(seen, sentence)
        assert.ok(!seen.text.includes('点按显示数字'), 'no code')
      })
    }

    it('says when the clock is off, and shows the code of the server’s time', async () => {
      const { 'onecard.used-codes': _used, ...fresh } = storage
      const world = { storage: fresh, now: now + 600_000, serverNow: now }
      const { ask } = await visit('pages/code/index', world)
      shows(await ask('look'), '手机时间不准')
      shows(await ask('tap', { text: '点按显示数字' }), grouped(first.code))
    })

    it('asks for the password on a device that is new to the server', async () => {
      const fresh = { 'onecard.session': storage['onecard.session'] }
      const enrolments = 'POST /api/v1/passcode/enrolments'
      const unknown = { ...answers, [enrolments]: refused(422, 'password_required') }
      const { ask, seen } = await visit('pages/code/index', { storage: fresh, answers: unknown })
      shows(seen, '在这部手机上启用')
      await ask('change', { answers })
      await ask('type', { label: '查询密码', value: password })
      shows(await ask('tap', { text: '启用' }), '点按显示数字')
    })

    it('gives way to another phone, and takes its place again only with the password', async () => {
      const phone = { generation: 2, expires_at: time(now + 29 * day) }
      const { body, ...rest } = answers['GET /api/v1/me']
      const told = { ...answers, 'GET /api/v1/me': { ...rest, body: { ...body, passcode: phone } } }
      const { ask } = await visit('pages/code/index', { answers: told, now: now + 600_000 })
      let seen = await ask('look')
      for (let looks = 0; looks < 100 && !seen.text.includes('另一台设备'); looks += 1) {
        seen = await ask('look')
      }
      shows(seen, '另一台设备已启用付款码')
      assert.ok(!seen.text.includes('点按显示数字'), 'no code')
      assert.ok(!requests(seen).some((name) => name.endsWith('/enrolments')), 'not by itself')
      await ask('type', { label: '查询密码', value: password })
      shows(await ask('tap', { text: '启用' }), '点按显示数字')
    })

    it('shows a code of the server where the device may have no keys', async () => {
      const fresh = { 'onecard.session': storage['onecard.session'] }
      const made = {
        'POST /api/v1/passcode/enrolments': refused(403, 'enrolment_not_offered'),
        'GET /api/v1/passcode/pay': ok({ code: second.code, refresh_after_ms: 12_000 }),
      }
      const { ask } = await visit('pages/code/index', { storage: fresh, answers: made })
      shows(await ask('tap', { text: '点按显示数字' }), grouped(second.code))
    })

    const payment = payments[target]

    /** Fills in the form, and presses. */
    async function topUp(options) {
      const { ask } = await visit('pages/top-up/index', { answers: ordered(payment), ...options })
      await ask('type', { label: '其他金额（元）', value: '50' })
      await ask('type', { label: '查询密码', value: password })
      return { ask, seen: await ask('tap', { text: `${payment.name} ¥50` }) }
    }
    const led = (seen) => called(seen, 'redirectTo').map(({ url }) => url)
    const toOrder = ['/pages/order/index?id=o1&paying=1']

    it('pays in the host app, and leads to the order', async () => {
      const { seen } = await topUp()
      const sent = called(seen, 'request').find(({ name }) => name === 'POST /api/v1/orders')
      has(sent.body, { funding: payment.funding, amount_fen: 5_000, query_password: password })
      assert.equal(called(seen, payment.call).length, 1)
      has(called(seen, payment.call)[0], payment.asked)
      assert.deepEqual(led(seen), toOrder)
      assert.ok(!seen.text.includes('支付方式'), 'no choice inside an app')
    })

    it('leads to the order within a minute when the payment never answers', async () => {
      const { ask, seen } = await topUp({ dialogue: 'none' })
      assert.equal(called(seen, payment.call).length, 1)
      assert.deepEqual(led(seen), [])
      assert.deepEqual(led(await ask('wait')), toOrder)
    })

    it('leads to the order soon after the return from a payment that does not answer', async () => {
      const { ask } = await topUp({ dialogue: 'none' })
      let seen = await ask('comeBack')
      assert.deepEqual(led(seen), [])
      for (let looks = 0; looks < 300 && led(seen).length === 0; looks += 1) seen = await ask('look')
      assert.deepEqual(led(seen), toOrder)
    })

    it('is confirming until the server says that the order is paid', async () => {
      const told = (state) => ({ ...answers, [orderPath]: ok(order(state)) })
      const query = { id: 'o1', paying: '1' }
      const world = { answers: told('awaiting_payment'), query }
      const { ask, seen: first } = await visit('pages/order/index', world)
      shows(first, '正在确认支付结果')
      await ask('change', { answers: told('fulfilled') })
      let seen = first
      for (let looks = 0; looks < 100 && !seen.text.includes('充值成功'); looks += 1) {
        seen = await ask('look')
      }
      shows(seen, '充值成功')
      assert.deepEqual(called(seen, payment.call), [])
    })

    it('goes on with an order of its own payment, and changes to it from another', async () => {
      const other = target === 'weapp' ? payments.alipay : payments.weapp
      for (const [begun, label] of [
        [payment, '继续支付'],
        [other, `换用${payment.name}`],
      ]) {
        const open = order('awaiting_payment', { payments: [{ funding: begun.funding, state: 'open' }] })
        const told = { ...ordered(payment), [orderPath]: ok(open) }
        const { ask, seen } = await visit('pages/order/index', {
          answers: told,
          query: { id: 'o1' },
        })
        shows(seen, '等待支付')
        assert.ok(!seen.text.includes(`换用${other.name}`), 'only the host app pays')
        const tapped = await ask('tap', { text: label })
        has(called(tapped, payment.call)[0], payment.asked)
        const sent = called(tapped, 'request').find(({ name }) => name.endsWith('/payments'))
        assert.deepEqual(sent.body, { funding: payment.funding })
        shows(tapped, '正在确认支付结果')
      }
    })

    it('shows what went back of an order', async () => {
      const refund = { amount_fen: 1_000, created_at: time(now) }
      const refunds = [
        { ...refund, id: 'r1', state: 'done', done_at: time(now) },
        { ...refund, id: 'r2', amount_fen: 500, state: 'sent' },
        { ...refund, id: 'r3', amount_fen: 700, state: 'failed' },
      ]
      const back = order('refunding', { refunds })
      const list = { 'GET /api/v1/orders': ok({ items: [back], next_cursor: null }) }
      const told = { ...answers, ...list, [orderPath]: ok(back) }
      const { seen } = await visit('pages/order/index', { answers: told, query: { id: 'o1' } })
      for (const text of ['正在退款', '¥15.00 将原路退回', '退款处理中', '已原路退回', '请咨询一卡通中心']) {
        shows(seen, text)
      }
      const { seen: listed } = await visit('pages/orders/index', { answers: told })
      shows(listed, '退款中 ¥15.00')
    })
  })
}
