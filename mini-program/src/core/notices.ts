/** Notices that a person has put away, remembered on the device. */
import type { Notice } from './api/overview'

/** More than a person gets; older ones are forgotten first. */
const mostRemembered = 100

/** What was stored, as ids. */
export function dismissedIds(stored: string | null): readonly string[] {
  return stored === null ? [] : stored.split('\n')
}

/** What to store once this notice is put away too. */
export function withDismissed(stored: string | null, id: string): string {
  const others = dismissedIds(stored).filter((dismissed) => dismissed !== id)
  return [...others, id].slice(-mostRemembered).join('\n')
}

export function remaining(notices: readonly Notice[], stored: string | null): readonly Notice[] {
  const dismissed = dismissedIds(stored)
  return notices.filter(({ id }) => !dismissed.includes(id))
}
