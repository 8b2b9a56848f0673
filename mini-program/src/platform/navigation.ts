export type Route = 'index' | 'sign-in' | 'binding' | 'top-up' | 'order'

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

export function endPullDown(): void {
  uni.stopPullDownRefresh()
}
