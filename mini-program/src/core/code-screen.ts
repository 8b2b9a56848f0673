/** What the code page shows at a moment, from what the phone holds. Asks nobody. */
import { type Keyring, type Purpose, standingOf } from './enrolment'
import { msLeft, passcode, tickAt } from './passcode'
import { nextSub, type UsedCodes } from './used-codes'

export type CodeScreen =
  | {
      readonly kind: 'code'
      readonly digits: string
      readonly tick: number
      readonly subCounter: number
      readonly leftMs: number
    }
  /** The step's codes are gone; the next step has others. */
  | { readonly kind: 'used_up'; readonly leftMs: number }
  | { readonly kind: 'expired' }
  | { readonly kind: 'unseen' }

/** @param now the server's time */
export function codeScreen(
  keyring: Keyring,
  used: UsedCodes,
  purpose: Purpose,
  now: number,
): CodeScreen {
  const standing = standingOf(keyring, now)
  if (standing !== 'good') return { kind: standing }
  const tick = tickAt(now, keyring.stepSeconds)
  const leftMs = msLeft(now, keyring.stepSeconds)
  const subCounter = nextSub(used, purpose, tick)
  if (subCounter === null) return { kind: 'used_up', leftMs }
  const digits = passcode(keyring.keys[purpose], tick, subCounter)
  return { kind: 'code', digits, tick, subCounter, leftMs }
}

/** Milliseconds until what is shown changes: the whole second, and with it the step. */
export function untilNextSecond(now: number): number {
  return 1_000 - (now % 1_000)
}

/** `8053 1670 8384 9306 4229`: how people read twenty digits to each other. */
export function groupedDigits(digits: string): string {
  return digits.replace(/(\d{4})(?=\d)/g, '$1 ')
}
