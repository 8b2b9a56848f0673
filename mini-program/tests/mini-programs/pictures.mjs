// Draws pages of the compiled Alipay output in Chromium: node tests/mini-programs/pictures.mjs DIR
// The templates, scripts and styles are those of the build; the bar above them, fonts and widths are
// Chromium's. CHROMIUM: the browser, by default /usr/bin/chromium.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { answers, doors, openPage, order, ordered, orderPath, password, payments, ok } from './world.mjs'

const [dir] = process.argv.slice(2)
if (!dir) {
  console.error('usage: node tests/mini-programs/pictures.mjs DIR')
  process.exit(2)
}
const dist = fileURLToPath(new URL('../../dist/build/mp-alipay', import.meta.url))
const read = (name) => readFileSync(join(dist, name), 'utf8')

/** What the host app brings along for its own elements; a component has no box of its own there. */
const base = `
  * { box-sizing: border-box; }
  html { height: 100%; }
  body { margin: 0; padding-top: 44px; }
  main, main :not(wx-view, wx-text, wx-button, wx-image, wx-input, img, input) { display: contents; }
  wx-view, wx-button { display: block; }
  wx-button { text-align: center; }
  wx-text { white-space: pre-line; }
  wx-image { display: inline-block; }
  wx-image > img { display: block; width: 100%; height: 100%; }
  wx-image[mode=aspectFit] > img { object-fit: contain; }
  wx-input { display: flex; }
  wx-input > input { flex: 1; width: 0; padding: 0; border: 0; background: none; font: inherit;
    color: inherit; }
  .bar { position: fixed; z-index: 9; inset: 0 0 auto; height: 44px; background: var(--paper);
    font-size: 17px; font-weight: 600; line-height: 44px; text-align: center; }
`

function dataOf(src) {
  if (!src.startsWith('/static/')) return src
  return `data:image/svg+xml;base64,${Buffer.from(read(src.slice(1))).toString('base64')}`
}

/** The document without the elements' own behaviour: pictures and fields are put into them. */
function documentOf({ html, styles }, page) {
  const { defaultTitle } = JSON.parse(read(`${page}.json`))
  const shown = html
    .replace(/(<wx-image\b[^>]*\bsrc=")([^"]*)("[^>]*>)/g, (_, before, src, after) => {
      return `${before}${after}<img alt="" src="${dataOf(src)}">`
    })
    .replace(/<wx-input\b([^>]*)>/g, (whole, attributes) => {
      const value = /\bvalue="([^"]*)"/.exec(attributes)?.[1] ?? ''
      const type = attributes.includes('password="true"') ? 'password' : 'text'
      return `${whole}<input type="${type}" value="${value}">`
    })
  const own = read('app.acss').replace(/\bpage(?=[{:])/g, 'body')
  return `<!doctype html><meta charset="utf-8"><style>${base}</style>${styles}<style>${own}</style>
    <body><div class="bar">${defaultTitle}</div>${shown}</body>`
}

const payment = payments.alipay
const fulfilled = { ...answers, [orderPath]: ok(order('fulfilled')) }
const scenes = [
  { name: 'alipay-home', page: 'pages/index/index' },
  { name: 'alipay-code', page: 'pages/code/index' },
  { name: 'alipay-loss', page: 'pages/loss/index' },
  {
    name: 'alipay-keys',
    page: 'pages/keys/index',
    options: { answers: { ...answers, 'GET /api/v1/me/doors': ok(doors) } },
  },
  {
    name: 'alipay-top-up',
    page: 'pages/top-up/index',
    options: { answers: ordered(payment) },
    acts: [
      ['type', { label: '其他金额（元）', value: '50' }],
      ['type', { label: '查询密码', value: password }],
    ],
  },
  {
    name: 'alipay-order',
    page: 'pages/order/index',
    options: { answers: fulfilled, query: { id: 'o1', paying: '1' } },
  },
]

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
const tab = await browser.newPage({
  viewport: { width: 375, height: 812 },
  deviceScaleFactor: 2,
})
const storage = { 'onecard.session': '{"accessToken":"a","refreshToken":"r","app":"alipay"}' }
for (const { name, page, options = {}, acts = [] } of scenes) {
  const { ask, opened, close } = openPage('alipay', { ...storage }, page, options)
  await opened
  for (const [act, argument] of acts) await ask(act, argument)
  const { drawn } = await ask('draw')
  close()
  await tab.setContent(documentOf(drawn, page))
  await tab.screenshot({ path: join(dir, `${name}.png`), animations: 'disabled' })
  console.log(`${name}.png`)
}
await browser.close()
