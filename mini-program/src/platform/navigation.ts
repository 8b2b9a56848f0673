export type Route =
  | 'index'
  | 'sign-in'
  | 'portal'
  | 'portal-code'
  | 'schools'
  | 'binding'
  | 'unbinding'
  | 'password'
  | 'phone'
  | 'code'
  | 'top-up'
  | 'order'
  | 'orders'
  | 'statement'
  | 'loss'
  | 'keys'
  | 'help'

export interface Address {
  readonly route: Route
  readonly query?: Readonly<Record<string, string>>
}

/** The address as the framework writes it: `/pages/order/index?id=…`. */
export function pathOf({ route, query }: Address): string {
  const pairs = Object.entries(query ?? {}).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  )
  const search = pairs.length > 0 ? `?${pairs.join('&')}` : ''
  return `/pages/${route}/index${search}`
}

/** Opens a page on top of this one. */
export function open(address: Address): void {
  uni.navigateTo({ url: pathOf(address) })
}

/** Opens a page in the place of this one: "back" does not come here again. */
export function replace(address: Address): void {
  uni.redirectTo({ url: pathOf(address) })
}

export function goHome(): void {
  uni.reLaunch({ url: pathOf({ route: 'index' }) })
}

/** To the page below this one; home where there is none. */
export function goBack(): void {
  if (getCurrentPages().length > 1) uni.navigateBack()
  else goHome()
}

/** Names the page in the bar above it. */
export function setTitle(title: string): void {
  uni.setNavigationBarTitle({ title })
}

/** Leads to a page that everything else has to wait for; nothing when it is open already. */
export function insistOn(address: Address): void {
  const pages = getCurrentPages()
  const current = pages[pages.length - 1]?.route ?? ''
  if (current !== pathOf({ route: address.route }).slice(1)) uni.reLaunch({ url: pathOf(address) })
}

/** Shows the beginning of the page. */
export function goToTop(): void {
  uni.pageScrollTo({ scrollTop: 0, duration: 0 })
}

export function endPullDown(): void {
  uni.stopPullDownRefresh()
}
