/** Factor of the large-text mode; WeChat's own care mode has the same. */
export const largeScale = 1.4
const greatest = 1.5

/** The host app's factor, kept to what the pages are drawn for. */
export function clampScale(factor: number): number {
  return Number.isFinite(factor) ? Math.min(Math.max(factor, 1), greatest) : 1
}

export function isLargeScale(scale: number): boolean {
  return scale >= 1.2
}

/** The factor for what was stored, or null when nothing was chosen. */
export function chosenScale(stored: string | null): number | null {
  if (stored === 'large') return largeScale
  return stored === 'standard' ? 1 : null
}
