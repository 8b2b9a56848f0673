// The student's first journey in a real browser, against a running server with its sandbox:
// sign in, bind, top up ¥50, see it on the card.
//
//   ONECARD_URL     where the H5 client and the API are, such as http://127.0.0.1:8080/
//   E2E_STUDENT_NO  a person of the school 咸宁职业技术学院 (xnec) who is not bound yet
//   E2E_PASSWORD    that person's query password
//   E2E_SHOTS       optional: a folder for screenshots
//   CHROMIUM        optional: the browser, by default /usr/bin/chromium
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const school = '咸宁职业技术学院'
const stepTimeoutMs = 15_000

const { ONECARD_URL, E2E_STUDENT_NO, E2E_PASSWORD, E2E_SHOTS, CHROMIUM } = process.env
if (!ONECARD_URL || !E2E_STUDENT_NO || !E2E_PASSWORD) {
  console.error('ONECARD_URL, E2E_STUDENT_NO and E2E_PASSWORD must be set')
  process.exit(2)
}
const appUrl = new URL('./', ONECARD_URL).href

/** Origins that the journey may speak to: the server, and the sandbox it names itself. */
async function allowedOrigins() {
  const response = await fetch(new URL('api/v1/client', appUrl), {
    signal: AbortSignal.timeout(stepTimeoutMs),
  })
  assert.equal(response.status, 200, 'GET /api/v1/client')
  const { environment, wechat } = await response.json()
  assert.equal(environment, 'sandbox', 'the journey needs a sandbox')
  const urls = [appUrl, wechat.sign_in_url, wechat.cashier_url]
  return new Set(urls.map((url) => new URL(url).origin))
}

const profile = mkdtempSync(join(tmpdir(), 'onecard-e2e-'))
const context = await chromium.launchPersistentContext(profile, {
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
  viewport: { width: 375, height: 812 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
  locale: 'zh-CN',
  timezoneId: 'Asia/Shanghai',
})
context.setDefaultTimeout(stepTimeoutMs)
const page = context.pages()[0] ?? (await context.newPage())

const complaints = []
const requests = []
page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`))
page.on('console', (message) => {
  const loud = message.type() === 'error' || message.type() === 'warning'
  if (loud) complaints.push(`console ${message.type()}: ${message.text()}`)
})
page.on('request', (request) => requests.push(request.url()))

const button = (name) => page.getByRole('button', { name, exact: true })
const heading = (name) => page.getByRole('heading', { name })
const balance = (name) => page.getByRole('listitem', { name })

async function shoot(name) {
  if (!E2E_SHOTS) return
  mkdirSync(E2E_SHOTS, { recursive: true })
  await page.screenshot({ path: join(E2E_SHOTS, `${name}.png`), animations: 'disabled' })
}

const steps = [
  [
    'home greets a stranger',
    async () => {
      await page.goto(appUrl)
      await heading('你的校园卡，都在这里').waitFor()
      await shoot('1-signed-out')
    },
  ],
  [
    'WeChat signs in on the sandbox page',
    async () => {
      await button('登录').click()
      await button('微信登录').click()
      await page.waitForURL(/\/sandbox\/wechat\/sign-in/)
      await shoot('2-sandbox-sign-in')
      await page.getByRole('button').first().click()
      await page.getByLabel('查询密码').waitFor()
    },
  ],
  [
    'the form explains what is missing',
    async () => {
      await button('绑定').click()
      await page.getByRole('alert').filter({ hasText: '请先阅读并同意' }).waitFor()
      assert.equal(await page.getByRole('alert').count(), 3, 'one complaint for each field')
      await shoot('3-binding-complaints')
    },
  ],
  [
    'binding leads to the card with nothing on it',
    async () => {
      await page.getByRole('textbox', { name: /学号/ }).fill(E2E_STUDENT_NO)
      await page.getByLabel('查询密码').fill(E2E_PASSWORD)
      await page.getByRole('checkbox').click()
      await shoot('4-binding')
      await button('绑定').click()
      await heading(school).waitFor()
      for (const name of ['卡余额', '过渡余额', '电子账户']) {
        await balance(`${name} ¥0.00`).waitFor()
      }
      await shoot('5-home-empty')
    },
  ],
  [
    'an amount beyond the limit is refused on the page',
    async () => {
      await button('充值').click()
      await page.getByLabel('其他金额').fill('99999999')
      await button('确认充值').click()
      await page.getByRole('alert').filter({ hasText: '单笔不能超过' }).waitFor()
    },
  ],
  [
    '¥50 is paid at the cashier',
    async () => {
      await page.getByRole('radio', { name: '50 元', exact: true, checked: false }).click()
      await page.getByRole('radio', { name: '50 元', exact: true, checked: true }).waitFor()
      await page.waitForFunction(
        (field) => field instanceof HTMLInputElement && field.value === '50',
        await page.getByLabel('其他金额').elementHandle(),
      )
      await shoot('6-top-up')
      await button('微信支付 ¥50').click()
      await page.waitForURL(/\/sandbox\/wechat-pay\/cashier/)
      await button('确认支付').waitFor()
      await shoot('7-sandbox-cashier')
      await button('确认支付').click()
    },
  ],
  [
    'the order is fulfilled once the server says so',
    async () => {
      await heading('充值成功').waitFor()
      await page.getByText('¥50.00').waitFor()
      await shoot('8-order')
    },
  ],
  [
    'the money is in the electronic account',
    async () => {
      await button('返回首页').click()
      await balance('电子账户 ¥50.00').waitFor()
      await balance('卡余额 ¥0.00').waitFor()
      await shoot('9-home')
    },
  ],
  [
    'large text stays within the screen',
    async () => {
      await page.getByRole('switch', { name: '大字模式' }).click()
      await page.locator('[role=switch][aria-checked=true]').waitFor()
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth)
      assert.ok(overflow <= 375, `the page is ${overflow} px wide`)
      await shoot('10-large-text')
    },
  ],
  [
    'nothing went wrong out of sight',
    async () => {
      const origins = await allowedOrigins()
      const strangers = requests.filter((url) => {
        const { protocol, origin } = new URL(url)
        return protocol.startsWith('http') && !origins.has(origin)
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
    // Each step stands on the one before.
    break
  }
}

await context.close()
rmSync(profile, { recursive: true, force: true })
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
