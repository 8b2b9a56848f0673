import type { Pay } from '@/core/api/orders'
import { improveAccessibility } from './accessibility.h5'
import { type Address, pathOf } from './navigation'
import { settle } from './settle'
import type { Cashier, Kept, Target } from './target'

/** Set while this tab is away to sign in: a code that nobody asked for is not taken. */
const awayKey = 'onecard.signing-in'
/** How long a page may take to give way to the next. */
const leaveTimeoutMs = 15_000

let returnedCode: string | null = null

/** Must run before the router, which keeps the query it starts with in every address. */
function receiveCode(): void {
  const url = new URL(window.location.href)
  const code = url.searchParams.get('code')
  if (code === null) return
  if (sessionStorage.getItem(awayKey) !== null) returnedCode = code
  sessionStorage.removeItem(awayKey)
  url.searchParams.delete('code')
  window.history.replaceState(window.history.state, '', url)
}

function takeCode(): string | null {
  const code = returnedCode
  returnedCode = null
  return code
}

function signInAt(signInUrl: string, returnTo: Address): Promise<void> {
  sessionStorage.setItem(awayKey, '1')
  return leave(signInUrl, { redirect_uri: returnUrl(returnTo) })
}

async function payAt(cashier: Cashier, pay: Pay, returnTo: Address): Promise<void> {
  if (pay.provider !== 'wechat_pay') return
  await leave(cashier.url, {
    app_id: cashier.appId,
    time_stamp: pay.time_stamp,
    nonce_str: pay.nonce_str,
    package: pay.package,
    sign_type: pay.sign_type,
    pay_sign: pay.pay_sign,
    redirect_uri: returnUrl(returnTo),
  })
}

function returnUrl(address: Address): string {
  return `${window.location.origin}${window.location.pathname}#${pathOf(address)}`
}

/** Settles when the browser comes back to this very page, or never got away from it. */
function leave(to: string, query: Readonly<Record<string, string>>): Promise<void> {
  const url = new URL(to)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return settle<void>(leaveTimeoutMs, undefined, (done) => {
    window.addEventListener('pageshow', () => done(), { once: true })
    window.location.assign(url)
  })
}

/** Gives the text to the browser as a download. */
function saveText(fileName: string, text: string): Promise<Kept> {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }))
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), leaveTimeoutMs)
  return Promise.resolve('saved')
}

let isShown = false
let wakeLock: WakeLockSentinel | null = null

/** Where the browser can; a page cannot make the screen brighter. */
async function keepAwake(): Promise<void> {
  isShown = true
  if (wakeLock !== null || !('wakeLock' in navigator)) return
  try {
    const lock = await navigator.wakeLock.request('screen')
    lock.addEventListener('release', () => {
      if (wakeLock === lock) wakeLock = null
    })
    // The page may have been left meanwhile.
    if (isShown && wakeLock === null) wakeLock = lock
    else await lock.release()
  } catch {
    // Refused, for a battery that runs low: the screen goes dark as it always does.
  }
}

function letSleep(): void {
  isShown = false
  const lock = wakeLock
  wakeLock = null
  if (lock !== null) lock.release().catch(() => undefined)
}

export const target: Target = {
  identity: 'wechat',
  identityName: '微信',
  appId: () => null,
  funding: 'wechat_pay',
  fundingName: '微信支付',
  apiBaseUrl: '',
  signIn: { kind: 'by_page', leave: signInAt, takeCode },
  payment: { kind: 'by_page', leave: payAt },
  hasPortal: true,
  keepText: saveText,
  showScreen: () => void keepAwake(),
  restoreScreen: letSleep,
  textScale: () => 1,
  start: () => {
    receiveCode()
    improveAccessibility()
  },
}
