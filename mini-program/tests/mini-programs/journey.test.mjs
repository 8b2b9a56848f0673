// The compiled WeChat and Alipay outputs, tapped through without a phone: sign in, choose the
// school, bind, show the code with the network off, report the card as lost and find it again, and top
// up with the host app's payment. Needs the builds in dist/build.
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import {
  answers,
  binding,
  cardholder,
  chargeReversed,
  chipNumber,
  codeRefused,
  codeUsed,
  day,
  doors,
  first,
  grouped,
  idNumber,
  identity,
  logins,
  loss,
  lost,
  names,
  now,
  ok,
  openedDoor,
  openPage,
  order,
  ordered,
  orderPath,
  password,
  payments,
  refused,
  school,
  second,
  targets,
  time,
  unknownOpening,
} from './world.mjs'

const called = (seen, name) => seen.calls.filter(([call]) => call === name).map(([, what]) => what)
const requests = (seen) => called(seen, 'request').map(({ name }) => name)
const has = (given, wanted) => {
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((name) => [name, given[name]])), wanted)
}
const shows = (seen, text) => assert.ok(seen.text.includes(text), `"${text}" in: ${seen.text}`)

/** What the school of the person sends to payers. */
const templates = ok({
  items: [
    { funding: 'wechat_pay', template_ids: ['t1', 't2'] },
    { funding: 'alipay', template_ids: ['t3'] },
  ],
})

const phoneAnswers = {
  'GET /api/v1/me/phone': ok({
    phone: { number_masked: '138****8000', consented_at: time(now) },
    consent: { version: '1', text: '用途' },
  }),
  'POST /api/v1/me/phone/remove': { status: 204, body: '', signedIn: true },
}

for (const target of Object.keys(targets)) {
  describe(`the compiled output for ${target}`, { concurrency: false }, () => {
    const enrolments = 'POST /api/v1/passcode/enrolments'
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
      const { ask: leave } = await visit('pages/schools/index', { query: { for: 'binding' } })
      const left = await leave('tap', { text: '返回' })
      assert.deepEqual(called(left, 'reLaunch').map(({ url }) => url), ['/pages/index/index'])
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
      const scrolled = await ask('pause')
      const tops = called(scrolled, 'pageScrollTo').map(({ scrollTop }) => scrollTop)
      assert.deepEqual(tops, [1_500 - 900 - 60], 'to what is wrong')
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

    it('takes a payment back that the till has given back', async () => {
      const items = [codeUsed, chargeReversed]
      const told = { ...answers, 'GET /api/v1/events': ok({ items, next_after: 9 }) }
      const { ask } = await visit('pages/code/index', { answers: told })
      let seen = await ask('look')
      for (let looks = 0; looks < 100 && !seen.text.includes('已撤销'); looks += 1) {
        seen = await ask('look')
      }
      shows(seen, '¥12.50 已撤销，已退回第一食堂')
      assert.ok(!seen.text.includes('已付'), seen.text)
    })

    it('is named by the code that it shows', async () => {
      const { seen, ask } = await visit('pages/code/index', { answers: {}, query: { purpose: 'id' } })
      shows(seen, '身份码请对准门禁或阅览室的扫码口')
      const other = await ask('tap', { text: '付款码' })
      const titles = called(other, 'setNavigationBarTitle').map(({ title }) => title)
      assert.deepEqual(titles, ['身份码', '付款码'])
    })

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
      shows(seen, '另一台设备已启用付款码和身份码')
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

    const home = (world) => visit('pages/index/index', { answers: { ...answers, ...world } })

    it('leads from home to the identity code in one tap', async () => {
      const { ask } = await home({})
      const [{ url }] = called(await ask('tap', { text: '身份码' }), 'navigateTo')
      assert.equal(url, '/pages/code/index?purpose=id')
    })

    it('offers keys to who has any', async () => {
      for (const [list, has] of [
        [doors, true],
        [{ doors: [], blocked: null }, false],
      ]) {
        const { ask, seen } = await home({ 'GET /api/v1/me/doors': ok(list) })
        let looked = seen
        for (let looks = 0; looks < 20 && !looked.text.includes('我的钥匙'); looks += 1) {
          looked = await ask('look')
        }
        assert.equal(looked.text.includes('我的钥匙'), has)
      }
    })

    it('opens a door once it is confirmed, and asks about a lock that has not answered', async () => {
      const told = {
        ...answers,
        'GET /api/v1/me/doors': ok(doors),
        'POST /api/v1/me/doors/d1/open': ok(unknownOpening),
      }
      const { ask, seen } = await visit('pages/keys/index', { answers: told })
      shows(seen, '东区 3 栋 402 室')
      const chosen = await ask('tap', { text: '东区 3 栋 402 室' })
      assert.ok(!requests(chosen).some((name) => name.endsWith('/open')), 'not before it is confirmed')
      const asked = await ask('tap', { text: '确认开门' })
      shows(asked, '门锁未答复，请看门是否已开')
      const sent = called(asked, 'request').filter(({ name }) => name.endsWith('/open'))
      assert.equal(sent.length, 1)
      await ask('change', {
        answers: { ...told, 'GET /api/v1/me/doors/openings/o1': ok(openedDoor) },
      })
      let looked = await ask('look')
      for (const end = Date.now() + 10_000; Date.now() < end && !looked.text.includes('门已打开'); ) {
        looked = await ask('look')
      }
      shows(looked, '门已打开')
      const opens = requests(looked).filter((name) => name.endsWith('/open'))
      assert.equal(opens.length, 1, 'it is not opened again')
    })

    it('claims nothing where the server did not answer, and says why no door opens', async () => {
      const told = { ...answers, 'GET /api/v1/me/doors': ok(doors) }
      const { ask } = await visit('pages/keys/index', { answers: told })
      await ask('tap', { text: '东区 3 栋 402 室' })
      shows(await ask('tap', { text: '确认开门' }), '没有收到答复，请看门是否已开')
      const blocked = { code: 'account_lost', title: '校园卡已挂失，不能开门' }
      const stopped = { ...answers, 'GET /api/v1/me/doors': ok({ ...doors, blocked }) }
      const { ask: askOther, seen } = await visit('pages/keys/index', { answers: stopped })
      shows(seen, '校园卡已挂失，不能开门')
      shows(seen, '挂失期间钥匙都不能用')
      assert.ok(!seen.text.includes('选择要开的门'))
      const other = await askOther('tap', { text: '东区 3 栋 402 室' })
      assert.ok(!other.text.includes('确认开门') && !other.text.includes('请站在门前再开'))
      const found = await askOther('tap', { text: '挂失与解挂' })
      assert.deepEqual(called(found, 'navigateTo').map(({ url }) => url), ['/pages/loss/index'])
    })

    it('says what to do about a lock that is off line, and names the room once', async () => {
      const reason = { code: 'offline', title: '门锁不在线' }
      const opening = { ...openedDoor, state: 'refused', reason, title: reason.title }
      const told = {
        ...answers,
        'GET /api/v1/me/doors': ok(doors),
        'POST /api/v1/me/doors/d1/open': ok(opening),
      }
      const { ask } = await visit('pages/keys/index', { answers: told })
      await ask('tap', { text: '东区 3 栋 402 室' })
      const seen = await ask('tap', { text: '确认开门' })
      shows(seen, '门锁不在线再按也打不开。请刷实体校园卡')
      assert.equal(seen.text.split('402 室').length, 2, seen.text)
    })

    const [reports, cancel] = ['/api/v1/card/loss-reports', '/api/v1/card/loss-reports/cancel']
    const about = (state) => ({ ...answers, [`GET ${reports}`]: ok(state) })
    const keysIn = ({ storage: kept }) => 'onecard.enrolment' in kept
    /** Looks until the page shows it. */
    const until = async (ask, sentence) => {
      let seen = await ask('look')
      for (let looks = 0; looks < 100 && !seen.text.includes(sentence); looks += 1) {
        seen = await ask('look')
      }
      shows(seen, sentence)
      return seen
    }

    it('leads from home to the loss report, and says there how the card stands', async () => {
      const { body, ...rest } = answers['GET /api/v1/me']
      const card = { ...body.card, status: 'lost' }
      const told = { ...answers, 'GET /api/v1/me': { ...rest, body: { ...body, card } } }
      for (const [world, state] of [
        [answers, '正常'],
        [told, '已挂失'],
      ]) {
        const { ask, seen } = await visit('pages/index/index', { answers: world })
        shows(seen, `挂失与解挂${state}`)
        assert.equal(seen.text.includes('查看挂失'), state === '已挂失')
        const tapped = await ask('tap', { text: '挂失与解挂' })
        assert.deepEqual(called(tapped, 'navigateTo').map(({ url }) => url), ['/pages/loss/index'])
      }
    })

    it('reports the card with what the school asks for, once it is confirmed', async () => {
      const world = { ...about(loss), [`POST ${reports}`]: { ...ok(lost), status: 201 } }
      const options = { storage: { ...storage }, answers: world }
      const { ask, seen } = await visit('pages/loss/index', options)
      for (const text of ['校园卡状态正常', '实体卡停用', chipNumber, '不用抄写或截图']) {
        shows(seen, text)
      }
      shows(await ask('tap', { text: '挂失' }), '请输入身份证号')
      await ask('tap', { text: '损坏' })
      await ask('type', { label: '身份证号', value: idNumber })
      await ask('type', { label: '查询密码', value: password })
      const asked = await ask('tap', { text: '挂失' })
      shows(asked, '确认挂失这张校园卡？')
      shows(asked, '立即生效。实体卡停用')
      assert.ok(!requests(asked).includes(`POST ${reports}`), 'not before it is confirmed')
      const told = await ask('tap', { text: '确认挂失' })
      const sent = called(told, 'request').find(({ name }) => name === `POST ${reports}`)
      assert.deepEqual(sent.body, {
        query_password: password,
        id_number: idNumber,
        chip_number: chipNumber,
        reason: 'damaged',
      })
      shows(told, '挂失成功')
      shows(told, '已挂失，')
      assert.ok(!keysIn(told), 'the keys are gone')
    })

    it('takes the report back, with the number of the reported card', async () => {
      const world = { ...about(lost), [`POST ${cancel}`]: ok(loss) }
      const options = { storage: { ...storage }, answers: world }
      const { ask, seen } = await visit('pages/loss/index', options)
      shows(seen, '校园卡状态已挂失，')
      assert.ok(!keysIn(seen), 'reported elsewhere, the keys are gone here too')
      shows(await ask('tap', { text: '找到了，解挂' }), '挂失的那张卡的号码')
      await ask('type', { label: '身份证号', value: idNumber })
      await ask('type', { label: '查询密码', value: password })
      const told = await ask('tap', { text: '解挂' })
      const sent = called(told, 'request').find(({ name }) => name === `POST ${cancel}`)
      assert.deepEqual(sent.body, {
        query_password: password,
        id_number: idNumber,
        chip_number: chipNumber,
      })
      shows(told, '解挂成功')
      shows(told, '校园卡状态正常')
    })

    const known = { chip_number: null, report_fields: [], cancel_fields: [] }
    const alone = { ...loss, ...known }
    /** Reports with the password alone, and confirms. */
    async function report(world) {
      const options = { storage: { ...storage }, answers: { ...about(alone), ...world } }
      const { ask, seen } = await visit('pages/loss/index', options)
      assert.ok(!seen.text.includes('身份证号') && !seen.text.includes('芯片卡号'))
      await ask('type', { label: '查询密码', value: password })
      await ask('tap', { text: '挂失' })
      return { ask, seen: await ask('tap', { text: '确认挂失' }) }
    }

    for (const [status, code, sentence] of [
      [422, 'password_wrong', '请重新输入'],
      [429, 'too_many_tries', '需要等一会儿'],
      [403, 'counter_only', '学校不在网上办理这一项'],
    ]) {
      it(`says that nothing was reported after ${code}`, async () => {
        const { seen } = await report({ [`POST ${reports}`]: refused(status, code) })
        shows(seen, code)
        shows(seen, sentence)
        shows(seen, '校园卡状态正常')
        assert.ok(keysIn(seen), 'the codes stay')
      })
    }

    it('does not claim to know what no answer came to, and looks again', async () => {
      const { ask, seen } = await report({})
      shows(seen, '不知道是否已挂失')
      assert.ok(!seen.text.includes('成功'))
      await ask('change', { answers: {} })
      shows(await ask('tap', { text: '再看一次' }), '网络连接失败')
      await ask('change', { answers: about({ ...lost, ...known }) })
      const looked = await ask('tap', { text: '再看一次' })
      shows(looked, '校园卡状态已挂失，')
      assert.ok(!looked.text.includes('不知道'))
      assert.ok(!keysIn(looked), 'the keys are gone')
    })

    it('sends to the counter where the school has it done there', async () => {
      for (const state of [
        { ...alone, report_fields: null },
        { ...alone, status: 'lost', cancel_fields: null },
        { ...loss, chip_number: null },
      ]) {
        const options = { storage: { ...storage }, answers: about(state) }
        const { seen } = await visit('pages/loss/index', options)
        shows(seen, '请持有效证件到服务窗口办理')
        shows(seen, '带学生证到一卡通中心挂失。')
        assert.equal(seen.text.split('查询密码').length, 2, 'no form: only what it stops names it')
      }
    })

    it('shows no code of a card that is lost, but the way to find it', async () => {
      const world = { ...answers, [enrolments]: refused(422, 'account_lost') }
      const fresh = { 'onecard.session': storage['onecard.session'] }
      const { ask, seen } = await visit('pages/code/index', { storage: fresh, answers: world })
      shows(seen, '校园卡已挂失')
      assert.ok(!seen.text.includes('点按显示数字'), 'no code')
      const tapped = await ask('tap', { text: '挂失与解挂' })
      assert.deepEqual(called(tapped, 'navigateTo').map(({ url }) => url), ['/pages/loss/index'])
      await ask('hide')
      await ask('change', { answers: { ...answers, [enrolments]: refused(422, 'password_required') } })
      shows(await ask('show'), '在这部手机上启用')
      await ask('change', { answers })
      await ask('type', { label: '查询密码', value: password })
      shows(await ask('tap', { text: '启用' }), '点按显示数字')
    })

    for (const [name, event] of [
      ['it is reported on another phone', { id: 9, kind: 'loss_reported', at: time(now) }],
      ['a till says so', { ...codeRefused, reason: 'account_lost' }],
    ]) {
      it(`takes the code off the screen at once when ${name}`, async () => {
        const options = { storage: { ...storage }, answers: {} }
        const { ask, seen } = await visit('pages/code/index', options)
        shows(seen, '点按显示数字')
        const told = {
          ...answers,
          'GET /api/v1/events': ok({ items: [event], next_after: 9 }),
          [enrolments]: refused(422, 'account_lost'),
        }
        await ask('change', { answers: told })
        const stopped = await until(ask, '付款码和身份码已停用')
        assert.ok(!stopped.text.includes('点按显示数字'), 'no code')
        assert.ok(!keysIn(stopped), 'the keys are gone')
      })
    }

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

    it('asks about messages in the tap, before anything is ordered', async () => {
      const told = { ...ordered(payment), 'GET /api/v1/messages/templates': templates }
      const { seen } = await topUp({ answers: told })
      const ids = { weapp: { tmplIds: ['t1', 't2'] }, alipay: { entityIds: ['t3'] } }[target]
      has(called(seen, 'requestSubscribeMessage')[0], ids)
      const order = seen.calls.map(([call, given]) => given?.name ?? call)
      const asked = order.indexOf('requestSubscribeMessage')
      assert.ok(asked < order.indexOf('POST /api/v1/orders'), order.join(', '))
      assert.equal(called(seen, payment.call).length, 1)
      assert.deepEqual(led(seen), toOrder)
    })

    it('shows the phone number masked, and deletes it', async () => {
      const { ask, seen } = await visit('pages/phone/index', { answers: phoneAnswers })
      shows(seen, '138****8000')
      shows(seen, '更换为现在的手机号')
      const removed = await ask('tap', { text: '删除手机号' })
      shows(removed, '手机号已删除')
      assert.ok(!removed.text.includes('138****8000'))
      assert.ok(requests(removed).includes('POST /api/v1/me/phone/remove'))
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
      const { funding } = payments[target]
      const own = { payment_id: 'p1', funding, surplus: false, credited: false }
      const refund = { ...own, amount_fen: 1_000, created_at: time(now) }
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

    it('says who an order was paid with, and where the money of a second payment is', async () => {
      const { funding, name } = payments[target]
      const second = { payment_id: 'p2', funding, surplus: true, credited: false }
      const refund = { ...second, id: 'r1', amount_fen: 5_000, created_at: time(now) }
      const settled = order('fulfilled', {
        payments: [1, 2].map(() => ({ funding, state: 'paid' })),
        refunds: [{ ...refund, state: 'done', done_at: time(now) }],
      })
      const told = { ...answers, [orderPath]: ok(settled) }
      const { seen } = await visit('pages/order/index', { answers: told, query: { id: 'o1' } })
      shows(seen, `支付方式 ${name}`)
      shows(seen, `多付了 ¥50.00，已原路退回${names[target]}，没有记入余额`)
    })
  })
}
