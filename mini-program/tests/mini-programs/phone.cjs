/**
 * A stand-in for `wx` and `my`: what the client uses of the host apps, with a server whose answers
 * the test gives, a storage that outlives the page, and a clock that stands where the test puts it.
 * The framework copies the keys of this object once, so it must have all of them from the start.
 */
'use strict'

const screen = { width: 375, height: 812 }

/** What the framework asks of the device at its start. */
const system = {
  platform: 'devtools',
  language: 'zh_CN',
  version: '8.0.50',
  windowWidth: screen.width,
  windowHeight: screen.height,
  screenWidth: screen.width,
  screenHeight: screen.height,
  pixelRatio: 2,
  statusBarHeight: 20,
  safeArea: { top: 20, bottom: 812, left: 0, right: 375, width: 375, height: 792 },
  fontSizeSetting: 16,
  fontSizeScaleFactor: 1,
  brand: 'x',
  model: 'x',
  system: 'x 1',
}

const silent = [
  'onAppHide',
  'onError',
  'onUnhandledRejection',
  'onPageNotFound',
  'onThemeChange',
  'onSocketOpen',
  'stopPullDownRefresh',
]
const recorded = [
  'pageScrollTo',
  'setNavigationBarTitle',
  'navigateTo',
  'redirectTo',
  'reLaunch',
  'setKeepScreenOn',
  'setScreenBrightness',
  'setVisualEffectOnCapture',
]

/**
 * @param {'weapp' | 'alipay'} target
 * @param {object} given
 * @param {object} given.answers by `METHOD path`; what is not in there does not get through
 * @param {object} given.storage what is written on the device
 * @param {string} given.code of the host app's login
 * @param {'complete' | 'none'} [given.dialogue] whether the payment dialogue ever answers
 * @param {number} given.now the phone's time
 * @param {number} [given.serverNow] the server's time where it is another
 */
function makePhone(target, given) {
  const isAlipay = target === 'alipay'
  const calls = []
  const listeners = new Set()
  const { storage } = given

  function request({ url, method = 'GET', data, header, headers, success, fail }) {
    const { pathname, search } = new URL(url)
    const name = `${method} ${pathname}`
    calls.push(['request', { name, search, body: data ? JSON.parse(data) : null }])
    const answer = given.answers[name]
    const sent = Object.keys(header ?? headers ?? {}).map((key) => key.toLowerCase())
    const isStranger = answer?.signedIn === true && !sent.includes('authorization')
    const status = isStranger ? 401 : answer?.status
    const text = JSON.stringify(answer?.body)
    const got = { Date: new Date(given.serverNow ?? given.now).toUTCString() }
    setTimeout(() => {
      if (answer === undefined) fail({ errMsg: 'request:fail', error: 12 })
      else if (isAlipay) success({ status, data: text, headers: got })
      else success({ statusCode: status, data: text, header: got, cookies: [] })
    })
    return { abort: () => fail({ errMsg: 'request:fail abort' }) }
  }

  /** As the apps do: success or failure, and then in any case `complete`. It proves nothing. */
  function pay(options) {
    calls.push([isAlipay ? 'tradePay' : 'requestPayment', plain(options)])
    if (given.dialogue === 'none') return
    setTimeout(() => {
      options.success?.(isAlipay ? { resultCode: '9000' } : {})
      options.complete?.({})
    })
  }

  function login(options, answer) {
    calls.push([isAlipay ? 'getAuthCode' : 'login', plain(options)])
    options.success(answer)
  }

  /** Where things are: nothing is laid out here, so a thing is the lower the later it is asked for. */
  let measured = 0
  function createSelectorQuery() {
    const asked = []
    // Alipay's has a list of what it was asked, which the framework hangs its callbacks on.
    const query = { actions: [], in: () => query, select: () => query, selectViewport: () => query }
    const ask = (answer) => {
      query.actions.push({})
      asked.push(answer)
      return query
    }
    query.boundingClientRect = () => {
      measured += 1
      return ask({ top: 100 * measured - 1_000 })
    }
    query.scrollOffset = () => ask({ scrollTop: 1_500 })
    query.exec = (answer) => void setTimeout(() => answer(asked))
    return query
  }

  const getter = (value) => () => value
  const phone = {
    SDKVersion: '3.8.0',
    canIUse: (name) => isAlipay && name !== 'saveFileToDingTalk',
    request,
    createSelectorQuery,
    ...(isAlipay
      ? {
          getAuthCode: (options) => login(options, { authCode: given.code }),
          getAppIdSync: getter({ appId: '2021000000000000' }),
          tradePay: pay,
        }
      : {
          login: (options) => login(options, { code: given.code }),
          getAccountInfoSync: getter({ miniProgram: { appId: 'wx0' } }),
          requestPayment: pay,
        }),
    requestSubscribeMessage: (options) => {
      calls.push(['requestSubscribeMessage', plain(options)])
      setTimeout(() => options.complete({}))
    },
    onAppShow: (listener) => void listeners.add(listener),
    offAppShow: (listener) => void listeners.delete(listener),
    getScreenBrightness: ({ success }) => success({ value: 0.3, brightness: 0.3 }),
    getLaunchOptionsSync: getter({}),
    getEnterOptionsSync: getter({}),
    getStorageSync: isAlipay
      ? ({ key }) => ({ data: storage[key] ?? null })
      : (key) => storage[key] ?? '',
    setStorageSync: isAlipay
      ? ({ key, data }) => void (storage[key] = data)
      : (key, data) => void (storage[key] = data),
    removeStorageSync: isAlipay ? ({ key }) => delete storage[key] : (key) => delete storage[key],
  }
  const about = ['getSystemInfoSync', 'getAppBaseInfo', 'getWindowInfo', 'getDeviceInfo']
  for (const name of [...about, 'getSystemSetting', 'getAppAuthorizeSetting']) {
    phone[name] = getter(system)
  }
  for (const name of silent) phone[name] = () => {}
  for (const name of recorded) {
    phone[name] = (options) => {
      calls.push([name, plain(options)])
      options?.success?.({})
    }
  }
  const comeBack = () => listeners.forEach((listener) => listener({}))
  return { phone, calls, comeBack }
}

/** Without the functions, so that it can be sent to another process. */
function plain(options) {
  return JSON.parse(JSON.stringify(options ?? null))
}

/** Puts the clock of this process to where `now` says. */
function setClock(now) {
  const Real = Date
  global.Date = class extends Real {
    constructor(...parts) {
      if (parts.length === 0) super(now())
      else super(...parts)
    }

    static now() {
      return now()
    }
  }
}

const minute = 60_000

/**
 * Timers of a minute and more run out when the test says so; shorter ones by themselves.
 *
 * @returns {() => void} lets the long ones run out
 */
function holdLongTimers() {
  const { setTimeout: set, clearTimeout: clear } = global
  const held = new Map()
  global.setTimeout = (act, ms, ...rest) => {
    if (!(ms >= minute)) return set(act, ms, ...rest)
    const timer = Symbol('held')
    held.set(timer, act)
    return timer
  }
  global.clearTimeout = (timer) => {
    if (!held.delete(timer)) clear(timer)
  }
  return () => {
    const acts = [...held.values()]
    held.clear()
    acts.forEach((act) => act())
  }
}

module.exports = { holdLongTimers, makePhone, setClock }
