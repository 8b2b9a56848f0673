import { expect, it } from 'vitest'
import { fromBase64, toBase64 } from './base64'

const samples = Array.from({ length: 70 }, (_, length) =>
  Uint8Array.from({ length }, (_, at) => (at * 89 + length * 31) % 256),
)

it.each(samples.map((bytes) => [bytes.length, bytes] as const))(
  '%d bytes there and back, as others write them',
  (_length, bytes) => {
    const text = Buffer.from(bytes).toString('base64')
    expect(toBase64(bytes)).toBe(text)
    expect(fromBase64(text)).toEqual(bytes)
  },
)

it.each(['A', 'AA', 'AAA', 'AA=A', '=AAA', 'A===', 'AA-_', 'AAA A', 'AAAA\n'])(
  '%j is none',
  (text) => expect(fromBase64(text)).toBeNull(),
)
