import { createHmac, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type CodeKeys, msLeft, passcode, tickAt } from './passcode'

interface Vector {
  school: string
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
const vectors = JSON.parse(readFileSync(file, 'utf8')) as { master_key: string; codes: Vector[] }

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

function keysOf(vector: Vector): CodeKeys {
  const prefix = { pay: '80', id: '81' }[vector.purpose]
  return { prefix, otpKey: bytes(vector.otp_key), handleKey: bytes(vector.handle_key) }
}

it.each(vectors.codes)('makes the code of the server: $code', (vector) => {
  const tick = tickAt(vector.unix_seconds * 1000, vector.step_seconds)
  expect(passcode(keysOf(vector), tick, vector.sub_counter)).toBe(vector.code)
})

it.each(vectors.codes)('and the keys of the file are those of the derivation: $code', (vector) => {
  const expand = (key: Buffer, info: Buffer) =>
    createHmac('sha256', key).update(info).update(Buffer.from([1])).digest()
  const generation = Buffer.alloc(4)
  generation.writeUInt32BE(vector.generation)
  const salt = Buffer.from(vector.salt, 'hex')
  const info = Buffer.concat([Buffer.from(`dev|${vector.school}|`), salt, generation])
  const master = Buffer.from(vectors.master_key, 'hex')
  const device = Buffer.from(hkdfSync('sha256', master, 'bff-code-v1', info, 32))
  expect(expand(device, Buffer.from(`otp|${vector.purpose}`)).toString('hex')).toBe(vector.otp_key)
  const handleKey = expand(device, Buffer.from(`hdl|${vector.purpose}`)).toString('hex')
  expect(handleKey).toBe(vector.handle_key)
})

it('agrees with an implementation by BigInt over many steps', () => {
  const keys = { prefix: '80', otpKey: bytes('0b'.repeat(32)), handleKey: bytes('a5'.repeat(32)) }
  const number = (key: Uint8Array, name: string, counter: number, rest: number[]) => {
    const message = Buffer.alloc(9)
    message.write(name)
    message.writeBigUInt64BE(BigInt(counter), 1)
    const tag = createHmac('sha256', key).update(message).update(Buffer.from(rest)).digest('hex')
    return BigInt(`0x${tag.slice(0, 32)}`)
  }
  for (let tick = 0; tick < 2 ** 40; tick = tick * 3 + 7) {
    const handle = number(keys.handleKey, 'h', Math.floor(tick / 240), []) % 10n ** 8n
    const otp = number(keys.otpKey, 'o', tick, [tick % 4]) % 10n ** 10n
    const code = `80${String(handle).padStart(8, '0')}${String(otp).padStart(10, '0')}`
    expect(passcode(keys, tick, tick % 4)).toBe(code)
  }
})

it('shows another code in each step and for each sub-counter', () => {
  const [vector] = vectors.codes
  if (vector === undefined) throw new Error('no vectors')
  const codes = new Set<string>()
  for (let tick = 117_815_040; tick < 117_815_140; tick += 1) {
    for (let sub = 0; sub < 4; sub += 1) codes.add(passcode(keysOf(vector), tick, sub))
  }
  expect(codes.size).toBe(400)
  for (const sub of [-1, 4, 0.5, Number.NaN]) {
    expect(() => passcode(keysOf(vector), 0, sub)).toThrow(RangeError)
  }
})

it.each([
  [0, 15, 0, 15_000],
  [14_999, 15, 0, 1],
  [15_000, 15, 1, 15_000],
  [1_767_225_600_000, 15, 117_815_040, 15_000],
  [1_767_225_607_250, 15, 117_815_040, 7_750],
  [1_767_225_607_250, 30, 58_907_520, 22_750],
])('%d ms in steps of %d s: step %d, %d ms left', (unixMs, step, tick, left) => {
  expect(tickAt(unixMs, step)).toBe(tick)
  expect(msLeft(unixMs, step)).toBe(left)
})
