/** What the client remembers on the device. Storage that fails counts as empty. */

export function readText(key: string): string | null {
  try {
    const value: unknown = uni.getStorageSync(key)
    return typeof value === 'string' && value !== '' ? value : null
  } catch {
    return null
  }
}

export function writeText(key: string, value: string): void {
  try {
    uni.setStorageSync(key, value)
  } catch {
    // Full or forbidden: the value then lasts only as long as the page does.
  }
}

export function remove(key: string): void {
  try {
    uni.removeStorageSync(key)
  } catch {
    // As above.
  }
}
