/**
 * One page of a compiled mini-program, in a process of its own: the output takes the globals.
 * The parent opens it, acts on it, and asks what is to be seen; see `journey.test.mjs`.
 */
'use strict'
const { rmSync } = require('node:fs')
const { join, resolve } = require('node:path')
const { JSDOM } = require('jsdom')
const { adapter, translate } = require('./alipay.cjs')
const { holdLongTimers, makePhone, setClock } = require('./phone.cjs')

const windowKeys = [
  'document',
  'Event',
  'CustomEvent',
  'HTMLElement',
  'Node',
  'Element',
  'MutationObserver',
  'TouchEvent',
  'requestAnimationFrame',
]

let host
let instance
let given
let made
let passTime

function makeWindow() {
  const { window } = new JSDOM('<!doctype html><body></body>', {
    pretendToBeVisual: true,
    url: 'https://page.invalid/',
  })
  const globals = { window, ...Object.fromEntries(windowKeys.map((key) => [key, window[key]])) }
  for (const [key, value] of Object.entries(globals)) {
    Object.defineProperty(global, key, { value, configurable: true, writable: true })
  }
}

/** Takes what the output registers: pages are components to the runtime that shows them. */
function takeRegistrations(target) {
  const register = global.Component
  const { Event } = require('miniprogram-exparser')
  global.App = (app) => {
    global.getApp = () => app
  }
  if (target === 'weapp') {
    // There the framework makes its pages by `Component` too; it only wants to see a `Page`.
    global.Page = () => undefined
    return
  }
  global.Component = adapter(register, () => instance, Event.triggerEvent)
  global.Page = (options) => {
    const attached = function attached() {
      instance = this
      this.$page = this
      // Alipay calls it before it makes the page's components.
      options.onLoad.call(this, given.query)
    }
    return register({ ...options, methods: options, lifetimes: { attached } })
  }
}

function rootOf({ target, dist }) {
  if (target === 'weapp') return resolve(dist)
  const root = translate(resolve(dist))
  process.on('exit', () => rmSync(root, { recursive: true, force: true }))
  return root
}

async function open(options) {
  given = options
  setClock(() => given.now)
  passTime = holdLongTimers()
  makeWindow()
  const simulate = require('miniprogram-simulate')
  made = makePhone(options.target, options)
  global[options.target === 'weapp' ? 'wx' : 'my'] = made.phone
  global.getCurrentPages = () => [{ route: options.page }]
  takeRegistrations(options.target)
  const root = rootOf(options)
  require(join(root, 'app.js'))
  global.getApp().onLaunch?.({ path: options.page })
  const id = simulate.load(join(root, options.page), { rootPath: root, compiler: 'official' })
  const shown = simulate.render(id)
  host = global.document.createElement('div')
  global.document.body.appendChild(host)
  shown.attach(host)
  instance = shown.instance
  if (options.target === 'weapp') call('onLoad', options.query)
  call('onShow')
  call('onReady')
}

function call(hook, argument) {
  instance[hook]?.(argument)
}

/** The innermost element whose whole text this is. */
function withText(text) {
  const found = [...host.querySelectorAll('*')].filter((element) => element.textContent === text)
  const innermost = found[found.length - 1]
  if (innermost === undefined) throw new Error(`no "${text}" in: ${host.textContent}`)
  return innermost
}

function trigger(element, name, detail) {
  const options = { bubbles: true, composed: true }
  element.__wxElement.triggerEvent(name, detail, options)
}

/** What is on the page, and its styles, for a browser to draw. Elements have no attributes here. */
function draw() {
  for (const element of host.querySelectorAll('wx-image, wx-input')) {
    for (const { name, value } of element.__wxElement._vt.attrs) {
      if (['src', 'mode', 'value', 'password'].includes(name)) element.setAttribute(name, String(value))
    }
  }
  return { html: host.innerHTML, styles: global.document.head.innerHTML }
}

const acts = {
  open,
  tap: ({ text }) => trigger(withText(text).closest('wx-button'), 'tap', {}),
  type: ({ label, value }) => {
    const field = withText(label).closest('app-field').querySelector('wx-input')
    trigger(field, 'input', { value })
  },
  hide: () => call('onHide'),
  /** A minute and more goes by. */
  wait: () => passTime(),
  /** From another app, or from what the host app showed. */
  comeBack: () => made.comeBack(),
  show: () => call('onShow'),
  /** Changes what the world is like: the time, and which answers get through. */
  change: (changes) => Object.assign(given, changes),
  look: () => undefined,
  /** Until short timers have run out. */
  pause: () => new Promise((done) => setTimeout(done, 300)),
  draw,
}

/** Until nothing changes any more: answers of the server, and what Vue does a moment later. */
async function settle() {
  let seen
  for (let same = 0; same < 3; same += 1) {
    const now = JSON.stringify([host.innerHTML, made.calls.length])
    if (now !== seen) same = 0
    seen = now
    await new Promise((done) => setTimeout(done, 10))
  }
}

process.on('disconnect', () => process.exit())
process.on('message', async ({ act, ...options }) => {
  try {
    const drawn = await acts[act](options)
    await settle()
    process.send({ drawn, text: host.textContent, calls: made.calls, storage: given.storage })
  } catch (error) {
    process.send({ error: error.stack })
  }
})
