/**
 * The rotating code, computed on the phone: docs/passcode.md of the server is the specification.
 * No BigInt: not every mini-program engine has it.
 */
import { hmac } from '@stablelib/hmac'
import { SHA256 } from '@stablelib/sha256'

/** The keys of one purpose, as they came at enrolment. */
export interface CodeKeys {
  /** Two digits. */
  prefix: string
  /** 32 bytes. */
  otpKey: Uint8Array
  /** 32 bytes. */
  handleKey: Uint8Array
}

const ticksPerHandle = 240
const handles = 1e8
const otps = 1e10
/** Codes of one step: the sub-counter is below it. */
export const subCounters = 4

/** The step that an instant lies in, counted from 1970. */
export function tickAt(unixMs: number, stepSeconds: number): number {
  return Math.floor(unixMs / (stepSeconds * 1000))
}

/** How long the code of an instant is shown yet, in milliseconds. */
export function msLeft(unixMs: number, stepSeconds: number): number {
  const stepMs = stepSeconds * 1000
  return (tickAt(unixMs, stepSeconds) + 1) * stepMs - unixMs
}

/** The 20 digits of a step and a sub-counter, 0 to 3. */
export function passcode(keys: CodeKeys, tick: number, subCounter: number): string {
  if (!Number.isInteger(subCounter) || subCounter < 0 || subCounter >= subCounters) {
    throw new RangeError('a step has four codes')
  }
  const epoch = Math.floor(tick / ticksPerHandle)
  const handle = digits(keys.handleKey, [ascii('h'), ...u64(epoch)], handles, 8)
  const otp = digits(keys.otpKey, [ascii('o'), ...u64(tick), subCounter], otps, 10)
  return keys.prefix + handle + otp
}

/** The first 16 bytes of the HMAC as a number, modulo a power of ten, with leading zeros. */
function digits(key: Uint8Array, message: number[], modulus: number, length: number): string {
  const tag = hmac(SHA256, key, new Uint8Array(message)).slice(0, 16)
  // Below 10^10 × 256 + 256 all is exact.
  const rest = tag.reduce((value, byte) => (value * 256 + byte) % modulus, 0)
  return String(rest).padStart(length, '0')
}

function ascii(character: string): number {
  return character.charCodeAt(0)
}

/** Eight bytes, big-endian. Not by shifts: those are of 32 bits. */
function u64(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; bytes.length < 8; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return bytes
}
