/**
 * Which of a step's four codes are gone, because a till read them or the person wanted another.
 * Written to the device, so that leaving the page brings none of them back.
 */
import { count, type Decoded, list, object, stored } from './decode'
import type { Purpose } from './enrolment'
import { subCounters } from './passcode'

/** Of the step `tick`, the codes below `next` are gone. */
const mark = object({ tick: count, next: count })
const marks = object({ pay: list(mark), id: list(mark) })

export type UsedCodes = Decoded<typeof marks>

export const noneUsed: UsedCodes = { pay: [], id: [] }

/** The server takes codes of the step before and after: more are never asked for again. */
const mostMarks = 8

export function readUsed(written: string | null): UsedCodes {
  return stored(written, marks) ?? noneUsed
}

/** The sub-counter to show in this step, or null when all are gone. */
export function nextSub(used: UsedCodes, purpose: Purpose, tick: number): number | null {
  const next = used[purpose].find((one) => one.tick === tick)?.next ?? 0
  return next < subCounters ? next : null
}

/** As `used`, with this code gone too and those of its step before it. */
export function withUsed(
  used: UsedCodes,
  purpose: Purpose,
  tick: number,
  subCounter: number,
): UsedCodes {
  const before = used[purpose].find((one) => one.tick === tick)?.next ?? 0
  const others = used[purpose].filter((one) => one.tick !== tick)
  const next = Math.min(Math.max(before, subCounter + 1), subCounters)
  // News of long ago pushes nothing out that may still be shown.
  const inOrder = [...others, { tick, next }].sort((one, other) => one.tick - other.tick)
  return { ...used, [purpose]: inOrder.slice(-mostMarks) }
}
