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
  'onAppShow',
  'onAppHide',
  'onError',
  'onUnhandledRejection',
  'onPageNotFound',
  'onThemeChange',
  'onSocketOpen',
  'stopPullDownRefresh',
]
const recorded = [
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
 * @param {number} given.now the phone's time
 * @param {number} [given.serverNow] the server's time where it is another
 */
function makePhone(target, given) {
  const isAlipay = target === 'alipay'
  const calls = []
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

  const getter = (value) => () => value
  const phone = {
    SDKVersion: '3.8.0',
    canIUse: (name) => isAlipay && name !== 'saveFileToDingTalk',
    request,
    login: ({ success }) => success({ code: given.code }),
    getAuthCode: ({ success }) => success({ authCode: given.code }),
    getAccountInfoSync: getter({ miniProgram: { appId: 'wx0' } }),
    getAppIdSync: getter({ appId: '0' }),
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
  return { phone, calls }
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

module.exports = { makePhone, setClock }
