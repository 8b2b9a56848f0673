import type { Pay } from '@/core/api/orders'
import { improveAccessibility } from './accessibility.h5'
import { alipay, type HostApp, wechat } from './apps'
import { type Address, pathOf } from './navigation'
import { settle } from './settle'
import type { AppPage, BroughtCode, Kept, Target } from './target'

const apps: readonly [HostApp, ...HostApp[]] = [wechat, alipay]

/** The app that this tab is away to sign in with: a code that nobody asked for is not taken. */
const awayKey = 'onecard.signing-in'
/** What the pages that were left for add to the address. */
const broughtBack = ['code', 'app_id', 'pay_result']
/** How long a page may take to give way to the next. */
const leaveTimeoutMs = 15_000

let brought: BroughtCode | null = null

/** Must run before the router, which keeps the query it starts with in every address. */
function receiveCode(): void {
  const url = new URL(window.location.href)
  const code = url.searchParams.get('code')
  if (code !== null) {
    const app = apps.find(({ id }) => id === sessionStorage.getItem(awayKey))
    if (app !== undefined) brought = { app, code }
    sessionStorage.removeItem(awayKey)
  }
  if (!broughtBack.some((name) => url.searchParams.has(name))) return
  for (const name of broughtBack) url.searchParams.delete(name)
  window.history.replaceState(window.history.state, '', url)
}

function takeCode(): BroughtCode | null {
  const code = brought
  brought = null
  return code
}

function signInAt({ app, url, appId }: AppPage, returnTo: Address): Promise<void> {
  sessionStorage.setItem(awayKey, app.id)
  return leave(url, { app_id: appId, redirect_uri: returnUrl(returnTo) })
}

function payAt({ url, appId }: AppPage, pay: Pay, returnTo: Address): Promise<void> {
  return leave(url, { app_id: appId, ...parametersOf(pay), redirect_uri: returnUrl(returnTo) })
}

/** What the cashier of the payment's provider asks for. */
function parametersOf(pay: Pay): Readonly<Record<string, string>> {
  if (pay.provider === 'alipay') return { trade_no: pay.trade_no }
  return {
    time_stamp: pay.time_stamp,
    nonce_str: pay.nonce_str,
    package: pay.package,
    sign_type: pay.sign_type,
    pay_sign: pay.pay_sign,
  }
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
  apps,
  appId: () => null,
  apiBaseUrl: '',
  signIn: { kind: 'by_page', leave: signInAt, takeCode },
  payment: { kind: 'by_page', leave: payAt },
  // A browser has neither.
  askForMessages: null,
  phoneProof: null,
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
