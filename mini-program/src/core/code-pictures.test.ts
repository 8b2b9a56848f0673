import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { barcodeModules, qrModules } from './code-pictures'

/** The server's tests read the same file. */
const file = new URL('../../../tests/fixtures/passcode.json', import.meta.url)
const fixture = JSON.parse(readFileSync(file, 'utf8')) as {
  codes: Array<{ code: string; barcode: string }>
}
const samples = [...fixture.codes.map(({ code }) => code), '0'.repeat(20), '9'.repeat(20)]

/** Widths of the runs of equal modules, a digit each. */
function runs(modules: boolean[]): string {
  const line = modules.map((dark) => (dark ? '#' : '.')).join('')
  return (line.match(/#+|\.+/g) ?? []).map((run) => run.length).join('')
}

it.each(fixture.codes)('draws the bar code of the server: $code', ({ code, barcode }) => {
  const row = barcodeModules(code)
  expect(row).toHaveLength(145)
  expect(runs(row)).toBe(barcode)
})

const masks: Array<(x: number, y: number) => boolean> = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
]

/** Reads an undamaged QR code of version 1, level Q, numeric; ISO/IEC 18004. */
function readQr(rows: boolean[][]): string {
  const dark = (x: number, y: number) => rows[y]?.[x] === true
  const number = (bits: boolean[]) => bits.reduce((value, bit) => value * 2 + Number(bit), 0)
  const across = [0, 1, 2, 3, 4, 5, 7, 8].map((x) => dark(x, 8))
  const format = number([...across, ...[7, 5, 4, 3, 2, 1, 0].map((y) => dark(8, y))]) ^ 0x5412
  expect(format >> 13, 'error correction level Q').toBe(3)
  const mask = masks[(format >> 10) & 7]
  const reserved = (x: number, y: number) =>
    x === 6 || y === 6 || (x < 9 && y < 9) || (x < 9 && y > 12) || (x > 12 && y < 9)
  const bits: boolean[] = []
  for (const [pair, right] of [20, 18, 16, 14, 12, 10, 8, 5, 3, 1].entries()) {
    for (let step = 0; step < 21; step += 1) {
      const y = pair % 2 === 0 ? 20 - step : step
      for (const x of [right, right - 1]) {
        if (!reserved(x, y)) bits.push(dark(x, y) !== mask?.(x, y))
      }
    }
  }
  const take = (length: number) => number(bits.splice(0, length))
  expect(take(4), 'numeric mode').toBe(1)
  expect(take(10), 'digits').toBe(20)
  const triples = Array.from({ length: 6 }, () => String(take(10)).padStart(3, '0'))
  return triples.join('') + String(take(7)).padStart(2, '0')
}

it.each(samples)('%s as a QR code reads back', (digits) => {
  const rows = qrModules(digits)
  expect(rows).toHaveLength(21)
  expect(rows.every((row) => row.length === 21)).toBe(true)
  expect(readQr(rows)).toBe(digits)
})

it.each(['', '1', '8053167083849306422', '805316708384930642290', '8053167083849306422x'])(
  'draws nothing of %j',
  (text) => {
    expect(() => qrModules(text)).toThrow(RangeError)
    expect(() => barcodeModules(text)).toThrow(RangeError)
  },
)
