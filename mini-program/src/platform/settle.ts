/**
 * A platform call with callbacks as a promise that is sure to settle.
 *
 * @param timeoutMs after this long, or when the platform throws, the promise gives `otherwise`
 */
export function settle<T>(
  timeoutMs: number,
  otherwise: T,
  start: (done: (value: T) => void) => void,
): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(otherwise), timeoutMs)
    const done = (value: T): void => {
      clearTimeout(timer)
      resolve(value)
    }
    try {
      start(done)
    } catch {
      // An API that this version of the platform does not have.
      done(otherwise)
    }
  })
}
