// The console of staff, in a browser of its own: used without scripts, then looked at by axe.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'
import { code } from './staff.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const chinese = { locale: 'zh-CN', timezoneId: 'Asia/Shanghai' }
/** A page with everything it loads, as it is sent. */
const mostBytes = 60 * 1024
/** How each page is looked at. */
const looks = [
  { width: 1280, colorScheme: 'light' },
  { width: 375, colorScheme: 'light' },
  { width: 375, colorScheme: 'dark' },
  { width: 320, colorScheme: 'light' },
]
/** Impacts of findings that fail. */
const grave = ['moderate', 'serious', 'critical']
/** At most so many rows of a list are opened. */
const opened = 1

/** Signs in for the first time, as the slip says, and keeps an own secret. */
async function enter(page, server, { school, login, password, printed }) {
  await page.goto(`${server}/staff/sign-in`)
  await page.getByLabel('学校').selectOption(school)
  await page.getByLabel('账号').fill(login)
  await page.getByLabel('密码', { exact: true }).fill(password)
  await page.getByLabel('动态验证码', { exact: true }).fill(code(printed))
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await page.getByRole('heading', { name: '设置您自己的验证器' }).waitFor()
  const own = (await page.locator('code').first().innerText()).replace(/\s/g, '')
  await page.getByLabel('新密码', { exact: true }).fill(`${password}, mine`)
  await page.getByLabel('再次输入新密码').fill(`${password}, mine`)
  await page.getByLabel('验证器显示的验证码').fill(code(own))
  await page.getByRole('button', { name: '完成并登录' }).click()
  await page.getByRole('heading', { name: '请保存您的恢复码' }).waitFor()
  await page.getByRole('link', { name: '我已保存，继续' }).click()
  // Where the work of the role begins.
  await page.getByRole('heading', { level: 1, name: /今日待办|记录|工作人员/ }).waitFor()
}

/** What is wrong with the page that is shown. */
async function faults(page) {
  const { pathname } = new URL(page.url())
  const found = []
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1,
  )
  if (wide) found.push(`${pathname} scrolls sideways`)
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run())
  for (const { id, impact, nodes } of violations) {
    if (grave.includes(impact)) found.push(`${pathname} ${impact} ${id}: ${nodes[0].html}`)
  }
  return found
}

/** Presses Tab until this has the focus, which must be seen. */
async function tabTo(page, target) {
  const most = 200
  for (let nth = 0; nth < most; nth += 1) {
    await page.keyboard.press('Tab')
    const seen = await target.evaluate((element) => {
      if (element !== document.activeElement) return undefined
      const { top, bottom } = element.getBoundingClientRect()
      const isOutlined = getComputedStyle(element).outlineStyle !== 'none'
      return isOutlined && bottom > 0 && top < window.innerHeight
    })
    if (seen === undefined) continue
    assert.ok(seen, 'the focus is hidden')
    return
  }
  assert.fail(`${target} cannot be reached by Tab`)
}

/** Goes to a link or a button by Tab, and presses Enter. */
async function enterAt(page, target) {
  await tabTo(page, target)
  await page.keyboard.press('Enter')
  await page.waitForLoadState()
}

/** Every page that the menu leads to, and what its first rows lead to. */
async function pagesOf(page, server) {
  await page.goto(`${server}/staff`)
  const hrefs = async (within) =>
    page.locator(within).evaluateAll((links) => links.map((link) => link.getAttribute('href')))
  const menu = [...new Set(await hrefs('header nav a'))]
  const all = new Set(menu)
  for (const path of menu) {
    await page.goto(server + path)
    const rows = (await hrefs('main tbody tr td:first-child a')).slice(0, opened)
    const acts = await hrefs('main a.act')
    for (const to of [...rows, ...acts]) if (to?.startsWith('/staff')) all.add(to)
  }
  return [...all]
}

async function look(context, server) {
  const page = await context.newPage()
  const found = []
  page.on('console', (message) => {
    if (message.type() === 'error') found.push(`${page.url()} ${message.text()}`)
  })
  let bytes = 0
  page.on('response', async (response) => {
    const { responseBodySize, responseHeadersSize } = await response.request().sizes()
    bytes += responseBodySize + responseHeadersSize
  })
  const paths = await pagesOf(page, server)
  for (const path of paths) {
    for (const { width, colorScheme } of looks) {
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ colorScheme })
      bytes = 0
      const answer = await page.goto(server + path, { waitUntil: 'networkidle' })
      if (answer.status() >= 400) found.push(`${path} answered ${answer.status()}`)
      if (bytes > mostBytes) found.push(`${path} is ${bytes} bytes`)
      found.push(...(await faults(page)).map((fault) => `${fault} (${width} px, ${colorScheme})`))
    }
  }
  await page.close()
  return { found, paths }
}

/** @param staff logins that have not signed in: card office, finance, auditor, admin */
export function consoleSteps({ origins, staff, studentNo, shots, launch }) {
  let browser
  const desks = []
  const shoot = async (page, name) => {
    if (shots) await page.screenshot({ path: `${shots}/console-${name}.png`, fullPage: true })
  }
  return [
    [
      'staff sign in to the console without scripts',
      async () => {
        const { server } = await origins()
        browser = await chromium.launch(launch)
        for (const member of staff) {
          const context = await browser.newContext({ ...chinese, javaScriptEnabled: false })
          const page = await context.newPage()
          await enter(page, server, member)
          desks.push({ context, page })
        }
      },
    ],
    [
      'a refund is asked for and approved by two persons without scripts',
      async () => {
        const { server } = await origins()
        const [office, finance, auditor] = desks.map(({ page }) => page)
        await office.goto(`${server}/staff/people`)
        await office.getByLabel('学号、姓名或手机号').fill(studentNo)
        await office.getByRole('button', { name: '查找' }).click()
        assert.ok(!office.url().includes(studentNo), 'no person in an address')
        await office.locator('main tbody a').first().click()
        await office.getByRole('heading', { level: 1 }).filter({ hasText: studentNo }).waitFor()
        await shoot(office, 'person')
        await office.goto(`${server}/staff/orders?state=fulfilled`)
        await office.locator('main tbody a').first().click()
        await office.getByRole('link', { name: /申请退款/ }).first().click()
        await office.getByRole('radio', { name: '部分', exact: true }).check()
        await office.getByLabel(/金额/).fill('0.01')
        await office.getByLabel(/原因|理由/).fill('多充了一分')
        await office.getByRole('button', { name: /申请/ }).click()
        await office.getByText('申请已提交，由另一人复核后生效').waitFor()
        await finance.goto(`${server}/staff/approvals`)
        await finance.locator('main tbody a').first().click()
        await finance.getByRole('button', { name: '通过' }).click()
        await finance.getByText('已通过').first().waitFor()
        await shoot(finance, 'approved')
        await auditor.goto(`${server}/staff/audit?kind=approvals`)
        await auditor.getByRole('cell', { name: /多充了一分/ }).first().waitFor()
        await shoot(auditor, 'audit')
      },
    ],
    [
      'a refund is asked for and rejected by keyboard alone, on a narrow screen',
      async () => {
        const { server } = await origins()
        const narrow = { viewport: { width: 375, height: 700 } }
        const at = async ({ context }) => {
          const storageState = await context.storageState()
          const own = await browser.newContext({ ...chinese, ...narrow, storageState })
          return own.newPage()
        }
        const [office, finance] = await Promise.all(desks.slice(0, 2).map(at))
        await office.goto(`${server}/staff/orders?state=fulfilled`)
        await enterAt(office, office.locator('main tbody a').first())
        await enterAt(office, office.getByRole('link', { name: /申请退款/ }).first())
        // The arrows choose among radio buttons.
        await tabTo(office, office.getByRole('radio', { name: /全部/ }))
        await office.keyboard.press('ArrowDown')
        await tabTo(office, office.getByLabel(/金额/))
        await office.keyboard.type('1.234')
        await tabTo(office, office.getByLabel(/理由/))
        await office.keyboard.type('只用键盘')
        await office.keyboard.press('Enter')
        await office.getByRole('alert').waitFor()
        assert.match(await office.title(), /^错误：/)
        assert.deepEqual(await faults(office), [])
        // The summary leads to the field; what was typed is still there.
        await enterAt(office, office.getByRole('alert').getByRole('link').first())
        const amount = office.getByLabel(/金额/)
        assert.ok(await amount.evaluate((field) => field === document.activeElement))
        assert.equal(await office.getByLabel(/理由/).inputValue(), '只用键盘')
        await office.keyboard.press('ControlOrMeta+A')
        await office.keyboard.type('0.01')
        await office.keyboard.press('Enter')
        await office.getByText('申请已提交，由另一人复核后生效').waitFor()
        await finance.goto(`${server}/staff/approvals`)
        await enterAt(finance, finance.locator('main tbody a').first())
        await tabTo(finance, finance.getByLabel(/驳回的理由/))
        await finance.keyboard.type('不用退')
        await enterAt(finance, finance.getByRole('button', { name: '驳回' }))
        await finance.getByText('已驳回').first().waitFor()
        await Promise.all([office, finance].map((page) => page.context().close()))
      },
    ],
    [
      'every page of the console passes axe, narrow and wide, light and dark',
      async () => {
        const { server } = await origins()
        const found = []
        const seen = new Set()
        for (const { context } of desks) {
          const looking = await browser.newContext({ ...chinese, storageState: await context.storageState() })
          const { found: faulty, paths } = await look(looking, server)
          found.push(...faulty)
          for (const path of paths) seen.add(path)
          await looking.close()
        }
        await browser.close()
        assert.ok(seen.size > 20, `${seen.size} pages`)
        assert.deepEqual(found, [])
        console.log(`        ${seen.size} pages`)
      },
    ],
  ]
}
