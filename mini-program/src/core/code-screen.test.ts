import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { codeScreen, groupedDigits, untilNextSecond } from './code-screen'
import type { Keyring } from './enrolment'
import { noneUsed, type UsedCodes, withUsed } from './used-codes'

interface Vector {
  salt: string
  generation: number
  purpose: 'pay' | 'id'
  otp_key: string
  handle_key: string
  step_seconds: number
  unix_seconds: number
  sub_counter: number
  code: string
}

/** The server's tests read the same file. */
const file = new URL('../../../tests/fixtures/passcode.json', import.meta.url)
const vectors = (JSON.parse(readFileSync(file, 'utf8')) as { codes: Vector[] }).codes

const day = 86_400_000

function keyringOf(vector: Vector): Keyring {
  const keys = {
    prefix: vector.purpose === 'pay' ? '80' : '81',
    otpKey: new Uint8Array(Buffer.from(vector.otp_key, 'hex')),
    handleKey: new Uint8Array(Buffer.from(vector.handle_key, 'hex')),
  }
  const others = { prefix: '99', otpKey: new Uint8Array(32), handleKey: new Uint8Array(32) }
  const at = vector.unix_seconds * 1_000
  return {
    generation: vector.generation,
    keys: { pay: others, id: others, [vector.purpose]: keys },
    stepSeconds: vector.step_seconds,
    enrolledAt: at,
    expiresAt: at + 30 * day,
    seenAt: at,
    renewing: false,
  }
}

it.each(vectors)('shows the code of the server: $code', (vector) => {
  const now = vector.unix_seconds * 1_000
  const stepMs = vector.step_seconds * 1_000
  const tick = Math.floor(now / stepMs)
  const { purpose, sub_counter: subCounter, code } = vector
  const used =
    subCounter === 0 ? noneUsed : withUsed(noneUsed, purpose, tick, vector.sub_counter - 1)
  expect(codeScreen(keyringOf(vector), used, purpose, now)).toEqual({
    kind: 'code',
    digits: code,
    tick,
    subCounter,
    leftMs: stepMs - (now % stepMs),
  })
})

const [first] = vectors
if (first === undefined) throw new Error('no vectors')
const keyring = keyringOf(first)
const start = first.unix_seconds * 1_000
const tick = start / 15_000
const allUsed = withUsed(noneUsed, 'pay', tick, 3)

it.each<[string, UsedCodes, 'pay' | 'id', number, object]>([
  ['the last instant of a step', noneUsed, 'pay', 14_999, { kind: 'code', tick, leftMs: 1 }],
  ['the first of the next', noneUsed, 'pay', 15_000, { tick: tick + 1, subCounter: 0 }],
  ['all four gone', allUsed, 'pay', 4_000, { kind: 'used_up', leftMs: 11_000 }],
  ['the other purpose is untouched', allUsed, 'id', 4_000, { kind: 'code', subCounter: 0 }],
  ['four new ones', allUsed, 'pay', 15_000, { kind: 'code', subCounter: 0 }],
  ['not seen for 7 days', noneUsed, 'pay', 7 * day, { kind: 'unseen' }],
  ['after 30 days', noneUsed, 'pay', 30 * day, { kind: 'expired' }],
])('%s', (_name, used, purpose, after, screen) => {
  expect(codeScreen(keyring, used, purpose, start + after)).toMatchObject(screen)
})

it.each([
  [start, 1_000],
  [start + 1, 999],
  [start + 14_999, 1],
])('at %d the picture changes in %d ms at the earliest', (now, wait) => {
  expect(untilNextSecond(now)).toBe(wait)
})

it('groups the digits to be read out', () => {
  expect(groupedDigits('80531670838493064229')).toBe('8053 1670 8384 9306 4229')
})
