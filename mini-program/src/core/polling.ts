/** When to ask for an order again. The server asks the provider at most once in 2 s. */

const firstDelayMs = 1_000
const growth = 1.5
const longestDelayMs = 8_000

/** A payment that was made is nearly always known by then. */
export const usualMs = 8_000
/** After this long the page stops asking by itself and leaves it to the person. */
export const patienceMs = 120_000

/** How far the waiting for the server's word on a payment has come. */
export type Watch = 'fresh' | 'slow' | 'given_up'

/** @param waitedMs how long ago the first question was */
export function watchAfter(waitedMs: number): Watch {
  if (waitedMs >= patienceMs) return 'given_up'
  return waitedMs >= usualMs ? 'slow' : 'fresh'
}

/**
 * Milliseconds until the next question, or null when patience is at its end.
 *
 * @param asked how many questions were answered so far, at least 1
 * @param waitedMs how long ago the first one was
 */
export function nextDelayMs(asked: number, waitedMs: number): number | null {
  if (waitedMs >= patienceMs) return null
  const delay = Math.min(firstDelayMs * growth ** Math.max(asked - 1, 0), longestDelayMs)
  return Math.round(Math.min(delay, patienceMs - waitedMs))
}
