// A student's journey in a real browser, against a running server with its sandbox: find the
// school, bind, change the initial password, top up ¥50, pay ¥12.50 at a till with the network off,
// give an order up, read the statement, change the password, pass a gate and open a door (`doors.mjs`),
// report the card as lost and find it again (`loss.mjs`), unbind, bind again, come with Alipay too and top up there (`alipay.mjs`), have money
// given back (`refunds.mjs`), and look in through the web portal, with the code of the phone after
// strangers used up the attempts there, and report the card as lost there.
//
//   ONECARD_URL     where the H5 client and the API are, such as http://127.0.0.1:8080/; the sandbox
//                   that it names has a till of the school
//   E2E_STUDENT_NO  a person of the school 云南艺术学院 (ynart) who was never bound
//   E2E_PASSWORD    that person's initial query password
//   E2E_STAFF       two members of staff of the school, as JSON: login, password and printed secret of
//                   one who may ask for refunds and of one who may approve them
//   E2E_CONSOLE     four more who never signed in: of the card office, finance, an auditor, an admin
//   E2E_SHOTS       optional: a folder for screenshots
//   CHROMIUM        optional: the browser, by default /usr/bin/chromium
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { alipaySteps } from './alipay.mjs'
import { consoleSteps } from './console.mjs'
import { doorSteps } from './doors.mjs'
import { lossAtPortal, lossSteps } from './loss.mjs'
import { refundSteps, whatIsLeftAfterRefunds } from './refunds.mjs'

const school = '云南艺术学院'
const schoolCode = 'ynart'
/** What it calls its own number. */
const idLabel = '学工号'
/** A well-formed ID number but for its last digit; nobody's. */
const wrongIdNumber = '990101200402290011'
/** Neither in a row nor of one digit. */
const [secondPassword, thirdPassword] = ['271828', '314159']
/** After a top-up of ¥50 and a meal of ¥12.50. */
const whatIsLeft = '电子账户 ¥37.50'
const stepTimeoutMs = 15_000

const { ONECARD_URL, E2E_STUDENT_NO, E2E_PASSWORD, E2E_STAFF, E2E_CONSOLE, E2E_SHOTS, CHROMIUM } =
  process.env
if (!ONECARD_URL || !E2E_STUDENT_NO || !E2E_PASSWORD || !E2E_STAFF || !E2E_CONSOLE) {
  console.error(
    'ONECARD_URL, E2E_STUDENT_NO, E2E_PASSWORD, E2E_STAFF and E2E_CONSOLE must be set',
  )
  process.exit(2)
}
const appUrl = new URL('./', ONECARD_URL).href
const [staff, deskStaff] = [E2E_STAFF, E2E_CONSOLE].map((members) =>
  JSON.parse(members).map((member) => ({ school: schoolCode, ...member })),
)

/** The server, and the sandbox that it names itself. */
async function origins() {
  const response = await fetch(new URL('api/v1/client', appUrl), {
    signal: AbortSignal.timeout(stepTimeoutMs),
  })
  assert.equal(response.status, 200, 'GET /api/v1/client')
  const { environment, wechat } = await response.json()
  assert.equal(environment, 'sandbox', 'the journey needs a sandbox')
  const [server, sandbox] = [appUrl, wechat.sign_in_url].map((url) => new URL(url).origin)
  return { server, sandbox }
}

const launch = {
  executablePath: CHROMIUM || '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
}
const profile = mkdtempSync(join(tmpdir(), 'onecard-e2e-'))
const context = await chromium.launchPersistentContext(profile, {
  ...launch,
  viewport: { width: 375, height: 812 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
  locale: 'zh-CN',
  timezoneId: 'Asia/Shanghai',
})
context.setDefaultTimeout(stepTimeoutMs)
const page = context.pages()[0] ?? (await context.newPage())

/** Of this page alone: the till keeps its network. */
const network = await context.newCDPSession(page)
let wasOffline = false

async function setOffline(offline) {
  wasOffline ||= offline
  const unlimited = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 }
  await network.send('Network.emulateNetworkConditions', { offline, ...unlimited })
}

const complaints = []
const requests = []
page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`))
page.on('console', (message) => {
  const loud = message.type() === 'error' || message.type() === 'warning'
  // The browser reports every refusal of the server; those of a wrong password, and of the portal that
  // strangers locked, are wanted. It reports every request without a network, too.
  const lost = /ERR_INTERNET_DISCONNECTED/.test(message.text())
  const wanted = /status of 42[29]/.test(message.text()) || (lost && wasOffline)
  if (loud && !wanted) complaints.push(`console ${message.type()}: ${message.text()}`)
})
page.on('request', (request) => requests.push(request.url()))

const button = (name) => page.getByRole('button', { name, exact: typeof name === 'string' })
const heading = (name) => page.getByRole('heading', { name })
const balance = (name) => page.getByRole('listitem', { name })

const field = (name) => page.getByRole('textbox', { name, exact: true })
const radio = (name, state = {}) => page.getByRole('radio', { name, exact: true, ...state })
const alert = (text) => page.getByRole('alert').filter({ hasText: text })
const shown = (text) => page.getByText(text).filter({ visible: true })

const grouped = () => shown(/^(\d{4} ){4}\d{4}$/)

/** The digits on the code page, once they were asked for. */
async function readCode() {
  return (await grouped().innerText()).replace(/\s/g, '')
}

/** The sandbox's till of the school, in a tab of its own. */
async function openTill() {
  const tab = await context.newPage()
  await tab.goto(`${(await origins()).sandbox}/till?school=${schoolCode}`)
  const press = (name) => tab.getByRole('button', { name, exact: true }).click()
  return {
    page: tab,
    result: tab.getByRole('status'),
    form: tab.getByRole('button', { name: '收款', exact: true }),
    answers: tab.locator('#log li'),
    async scan(code) {
      await tab.getByLabel('金额').fill('12.50')
      await tab.getByLabel('付款码').fill(code)
      await press('收款')
    },
    takeBack: () => press('撤销上一笔'),
    async typePassword(password) {
      await tab.getByLabel('查询密码').fill(password)
      await press('确定')
    },
  }
}

let till
let usedCode = ''
let portalCode = ''
let shots = 0

async function shoot(name, of = page) {
  if (!E2E_SHOTS) return
  mkdirSync(E2E_SHOTS, { recursive: true })
  shots += 1
  const file = `${String(shots).padStart(2, '0')}-${name}.png`
  await of.screenshot({ path: join(E2E_SHOTS, file), animations: 'disabled' })
}

/** Strangers guess at the portal until it is locked. */
async function lockPortal() {
  const { server } = await origins()
  const body = JSON.stringify({ school: schoolCode, id_value: E2E_STUDENT_NO, query_password: '0' })
  const headers = { 'content-type': 'application/json' }
  for (let status = 401; status === 401; ) {
    const answer = await fetch(`${server}/api/v1/auth/portal/login`, { method: 'POST', headers, body })
    status = answer.status
    assert.ok([401, 429].includes(status), `the portal answered ${status}`)
  }
}

/** Pages that were left stay in the document, out of sight. */
async function goHome() {
  await page.goto(appUrl)
  await page.reload()
}

async function openFromHome(name) {
  await goHome()
  await button(name).click()
}

async function agree() {
  const boxes = page.getByRole('checkbox')
  await boxes.first().waitFor()
  for (const box of await boxes.all()) await box.click()
}

async function bindWith(password) {
  await field(idLabel).fill(E2E_STUDENT_NO)
  await field('查询密码').fill(password)
  await agree()
  await button('绑定').click()
}

async function order(amount, password, funding = '微信支付') {
  await openFromHome('充值')
  await radio(`${amount} 元`).click()
  await radio(`${amount} 元`, { checked: true }).waitFor()
  await field('查询密码').fill(password)
  await button(`${funding} ¥${amount}`).click()
}

async function changePassword(from, to, repeated = to) {
  await field('原密码').fill(from)
  await field('新密码').fill(to)
  await field('再输一次新密码').fill(repeated)
  await button('修改').click()
}

/** No page is wider than the phone. */
async function staysInside() {
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(width <= 375, `the page is ${width} px wide`)
}

const tools = {
  alert,
  balance,
  bindWith,
  button,
  field,
  goHome,
  heading,
  openFromHome,
  order,
  radio,
  shoot,
  shown,
  whatIsLeft,
}

const steps = [
  [
    'home greets a stranger',
    async () => {
      await page.goto(appUrl)
      await heading('你的校园卡，都在这里').waitFor()
      await shoot('signed-out')
    },
  ],
  [
    'WeChat signs in on the sandbox page',
    async () => {
      await button('登录').click()
      await button('微信登录').click()
      await page.waitForURL(/\/sandbox\/wechat\/sign-in/)
      await shoot('sandbox-sign-in')
      await page.getByRole('button').first().click()
      await heading('选择学校').waitFor()
    },
  ],
  [
    'the school is found by what one remembers of its name',
    async () => {
      await radio(school).waitFor()
      await shoot('schools')
      await field('搜索学校').fill('没有这所')
      await shown('没有找到，请换个名字试试').waitFor()
      await field('搜索学校').fill('云艺')
      await shown('共 1 所学校').waitFor()
      await shoot('school-found')
      await radio(school).click()
      await heading(school).waitFor()
    },
  ],
  [
    'the form explains what is missing',
    async () => {
      await button('绑定').click()
      await alert('逐项勾选同意').waitFor()
      assert.equal(await page.getByRole('alert').count(), 3, 'one complaint for each field')
      await field(idLabel).and(page.locator(':focus')).waitFor()
      const { y } = await field(idLabel).boundingBox()
      assert.ok(y > 44 && y < 812, `the first is seen, at ${y}`)
      await shoot('binding-complaints')
      await radio('身份证号').click()
      await field('身份证号').fill(wrongIdNumber)
      await button('绑定').click()
      await alert('请检查是否输错一位').waitFor()
      await radio(idLabel).click()
    },
  ],
  [
    'a wrong password is refused without a word about what was wrong',
    async () => {
      await bindWith('000000')
      await alert('请核对每一项是否填对').waitFor()
      await shoot('binding-refused')
    },
  ],
  [
    'binding leads to the change of the initial password',
    async () => {
      await field('查询密码').fill(E2E_PASSWORD)
      await button('绑定').click()
      await heading('请先修改查询密码').waitFor()
      await goHome()
      await shown('你还在使用初始密码或一次性密码').waitFor()
      await shoot('must-change')
      assert.equal(await button('充值').count(), 0, 'no top-up before the change')
      await button('修改查询密码').first().click()
      await heading('请先修改查询密码').waitFor()
    },
  ],
  [
    'the rule is checked while one types',
    async () => {
      await changePassword(E2E_PASSWORD, '123456')
      await alert('新密码还不符合').waitFor()
      await page.getByRole('listitem', { name: /不是连续的数字.*未满足/ }).waitFor()
      await shoot('password-weak')
      await field('新密码').fill(secondPassword)
      await page.getByRole('listitem', { name: /不是连续的数字.*已满足/ }).waitFor()
      await alert('两次输入的新密码不一样').waitFor()
      await field('再输一次新密码').fill(secondPassword)
      await shoot('password-strong')
      await button('修改').click()
      await heading('查询密码已修改').waitFor()
    },
  ],
  [
    'the card is there, with nothing on it',
    async () => {
      await button('返回首页').click()
      await heading(school).waitFor()
      for (const name of ['卡余额', '过渡余额', '电子账户']) {
        await balance(`${name} ¥0.00`).waitFor()
      }
      await shoot('home-empty')
    },
  ],
  [
    'an amount beyond the limit, and a wrong password, are refused',
    async () => {
      await button('充值').click()
      await page.getByLabel('其他金额').fill('99999999')
      await button('确认充值').click()
      await alert('单笔不能超过').waitFor()
      await alert('请输入查询密码').waitFor()
      await order('50', '000000')
      await page.getByRole('alert').first().waitFor()
      await shoot('top-up-refused')
    },
  ],
  [
    '¥50 is paid at the cashier',
    async () => {
      await field('查询密码').fill(secondPassword)
      await button('微信支付 ¥50').click()
      await page.waitForURL(/\/sandbox\/wechat-pay\/cashier/)
      await button('确认支付').waitFor()
      await shoot('sandbox-cashier')
      await button('确认支付').click()
    },
  ],
  [
    'the order is fulfilled once the server says so',
    async () => {
      await heading('充值成功').waitFor()
      await shown('¥50.00').first().waitFor()
      await shoot('order')
    },
  ],
  [
    'the money is in the electronic account',
    async () => {
      await button('返回首页').click()
      await balance('电子账户 ¥50.00').waitFor()
      await balance('卡余额 ¥0.00').waitFor()
      await shoot('home')
    },
  ],
  [
    'the code is one tap from home, and its digits are hidden',
    async () => {
      await openFromHome('付款码')
      for (const name of ['付款码条形码', '付款码二维码']) {
        await page.getByRole('img', { name }).waitFor()
      }
      await staysInside()
      await shoot('code')
      assert.equal(await grouped().count(), 0, 'digits in sight')
    },
  ],
  [
    'without a network it is one tap from home, too',
    async () => {
      await setOffline(true)
      await page.goBack()
      await button('付款码').click()
      await shown('没有网络，码照常可用').waitFor()
      await shoot('code-offline')
      await button('显示数字').click()
      const before = await readCode()
      await button('换一个码').click()
      assert.notEqual(await readCode(), before, 'another code by hand')
    },
  ],
  [
    'a till takes ¥12.50 from the phone that is offline',
    async () => {
      till = await openTill()
      usedCode = await readCode()
      await till.scan(usedCode)
      await till.typePassword(secondPassword)
      await till.result.filter({ hasText: '¥12.50' }).waitFor()
      await shoot('till', till.page)
    },
  ],
  [
    'on line again, the phone says what was taken, and shows another code',
    async () => {
      await setOffline(false)
      await page.getByRole('status').filter({ hasText: '¥12.50 已付' }).waitFor()
      await shown('没有网络').waitFor({ state: 'hidden' })
      assert.notEqual(await readCode(), usedCode, 'the used code is gone')
      await shoot('code-used')
    },
  ],
  [
    'what the till takes back is not left standing as paid',
    async () => {
      await till.scan(await readCode())
      await till.typePassword(secondPassword)
      // The form is back once the second charge is answered; until then the till does nothing else.
      await till.form.waitFor()
      await till.takeBack()
      await page.getByRole('status').filter({ hasText: '¥12.50 已撤销，已退回' }).waitFor()
      assert.equal(await shown(/已付/).count(), 0, 'nothing says that it is paid')
      await shoot('code-taken-back')
    },
  ],
  [
    'the used code pays no second time',
    async () => {
      await till.scan(usedCode)
      await till.answers.filter({ hasText: 'code_used' }).first().waitFor({ state: 'attached' })
      await till.page.close()
    },
  ],
  [
    'the balance is lower by what was taken',
    async () => {
      await goHome()
      await balance(whatIsLeft).waitFor()
      await balance('过渡余额 ¥0.00').waitFor()
    },
  ],
  [
    'an order that was not paid is found again and given up',
    async () => {
      await order('100', secondPassword)
      await page.waitForURL(/\/sandbox\/wechat-pay\/cashier/)
      await openFromHome('查看订单')
      await button(/充值 ¥50.00，充值成功/).waitFor()
      await shoot('orders')
      await button(/充值 ¥100.00，待支付/).click()
      await heading('等待支付').waitFor()
      await shown(/请在 \d+ 分 \d+ 秒内支付/).waitFor()
      await shoot('order-unpaid')
      await button('继续支付').click()
      await page.waitForURL(/\/sandbox\/wechat-pay\/cashier/)
      await page.goBack()
      await openFromHome('查看订单')
      await button(/充值 ¥100.00，待支付/).click()
      await button('放弃订单').click()
      await button('确定放弃').click()
      await heading('订单已关闭').waitFor()
      await shoot('order-closed')
    },
  ],
  [
    'the statement tells it in a list, a picture and a file',
    async () => {
      await openFromHome('账单')
      await page.getByRole('listitem', { name: /\+50\.00 元/ }).waitFor()
      await page.getByRole('listitem', { name: /−12\.50 元/ }).first().waitFor()
      await page.getByRole('listitem', { name: /消费退回：第一食堂.*\+12\.50 元/ }).waitFor()
      await page.getByRole('img', { name: /收入 50\.00 元，支出 25\.00 元，退款 \+12\.50 元/ }).waitFor()
      await shoot('statement')
      await button('上个月').click()
      await page.getByRole('img', { name: /没有收支/ }).waitFor()
      await radio('消费').click()
      await page.getByRole('listitem', { name: /\+50\.00 元/ }).waitFor({ state: 'hidden' })
      await page.getByRole('listitem', { name: /第一食堂.*−12\.50 元/ }).first().waitFor()
      await radio('全部').click()
      await button('到：不限').click()
      await button('上个月').last().click()
      await button(/15日/).click()
      await heading('没有记录').waitFor()
      await button('不限日期').click()
      await button('从：不限').click()
      await shoot('calendar')
      await button(/^今天/).click()
      await page.getByRole('listitem', { name: /\+50\.00 元/ }).waitFor()
      await button('不限日期').click()
      const download = page.waitForEvent('download')
      await button('导出账单（CSV）').click()
      const csv = readFileSync(await (await download).path(), 'utf8')
      assert.ok(csv.startsWith('\ufeff'), 'spreadsheets need the byte order mark')
      assert.match(csv, /50\.00/)
      await shown('账单已下载').waitFor()
    },
  ],
  [
    'the password is changed, with the old one only',
    async () => {
      await openFromHome('修改查询密码')
      await changePassword('000000', thirdPassword)
      await page.getByRole('alert').first().waitFor()
      await changePassword(secondPassword, thirdPassword)
      await heading('查询密码已修改').waitFor()
    },
  ],
  ...doorSteps({ page, context, origins, school: schoolCode, tools, readCode }),
  ...lossSteps({ page, tools, password: thirdPassword }),
  [
    'unbinding says what it does, and does it',
    async () => {
      await openFromHome('解除绑定')
      await shown('卡片、余额和以前的账单都不变').waitFor()
      await shoot('unbinding')
      await field('查询密码').fill(thirdPassword)
      await button('解除绑定').click()
      await heading('还没有绑定校园卡').waitFor()
    },
  ],
  [
    'binding again brings everything back',
    async () => {
      await button('绑定校园卡').click()
      await heading(school).waitFor()
      await bindWith(thirdPassword)
      await balance(whatIsLeft).waitFor()
    },
  ],
  [
    'a notice is put away for good',
    async () => {
      const dismiss = button(/^知道了/)
      for (let left = await dismiss.count(); left > 0; left -= 1) await dismiss.first().click()
      await goHome()
      await balance(whatIsLeft).waitFor()
      assert.equal(await dismiss.count(), 0, 'notices that came back')
    },
  ],
  [
    'help is that of the own school',
    async () => {
      await button('帮助').click()
      await heading('帮助').waitFor()
      await shown(school).first().waitFor()
      await shoot('help')
    },
  ],
  [
    'large text stays within the screen',
    async () => {
      await goHome()
      await balance(whatIsLeft).waitFor()
      await page.getByRole('switch', { name: '大字模式' }).click()
      await page.locator('[role=switch][aria-checked=true]').waitFor()
      await staysInside()
      await shoot('large-text')
      for (const name of ['付款码', '身份码', '我的钥匙', '账单', '我的订单', /^挂失与解挂/, '修改查询密码', '解除绑定']) {
        await openFromHome(name)
        await heading(/./).first().waitFor()
        await page.getByRole('status', { name: '正在加载' }).waitFor({ state: 'hidden' })
        await staysInside()
      }
      await goHome()
      await page.getByRole('switch', { name: '大字模式' }).click()
    },
  ],
  ...alipaySteps({ page, tools, password: thirdPassword }),
  ...refundSteps({ page, context, origins, tools, staff }),
  [
    'the phone shows the code of the portal',
    async () => {
      await openFromHome('修改查询密码')
      await button('网页登录码').click()
      portalCode = await shown(/^\d{4} \d{4} \d{4}$/).innerText()
      await shoot('portal-code')
      await goHome()
    },
  ],
  [
    'the web portal shows, and moves no money, though strangers locked it',
    async () => {
      await lockPortal()
      await button('退出登录').click()
      await button('登录').click()
      await button('用学号和密码查询').click()
      await field(idLabel).fill(E2E_STUDENT_NO)
      await field('查询密码').fill(thirdPassword)
      await button('登录').click()
      await button('用手机上的网页登录码').click()
      await field('网页登录码').fill(portalCode)
      await shoot('portal-locked')
      await button('登录').click()
      await balance(whatIsLeftAfterRefunds).waitFor()
      await shown('网页登录只能查询和挂失').waitFor()
      assert.equal(await button('充值').count(), 0, 'no top-up in the portal')
      assert.equal(await button('付款码').count(), 0, 'no codes in the portal')
      await shoot('portal')
    },
  ],
  lossAtPortal({ tools, password: thirdPassword }),
  ...consoleSteps({ origins, staff: deskStaff, studentNo: E2E_STUDENT_NO, shots: E2E_SHOTS, launch }),
  [
    'nothing went wrong out of sight',
    async () => {
      const { server, sandbox } = await origins()
      const strangers = requests.filter((url) => {
        const { protocol, origin } = new URL(url)
        return protocol.startsWith('http') && ![server, sandbox].includes(origin)
      })
      assert.deepEqual(strangers, [], 'requests to other hosts')
      assert.deepEqual(complaints, [], 'complaints of the browser')
    },
  ],
]

let passed = 0
let failed = 0
for (const [name, run] of steps) {
  try {
    await run()
    passed += 1
    console.log(`ok      ${name}`)
  } catch (error) {
    failed += 1
    console.error(`FAILED  ${name}\n${error instanceof Error ? error.message : error}`)
    console.error(`at ${page.url().replace(/\?[^#]*/, '')}`)
    for (const complaint of complaints) console.error(complaint)
    await shoot('failed').catch(() => undefined)
    if (till && !till.page.isClosed()) await shoot('failed-till', till.page).catch(() => undefined)
    // Each step stands on the one before.
    break
  }
}

await context.close()
rmSync(profile, { recursive: true, force: true })
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
