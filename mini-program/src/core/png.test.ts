import { inflateSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { barcodeModules, barcodeQuiet, qrModules, qrQuiet } from './code-pictures'
import { framed, pictureOf } from './png'

function crc32(bytes: Buffer): number {
  let rest = 0xffffffff
  for (const byte of bytes) {
    rest ^= byte
    for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0)
  }
  return ~rest >>> 0
}

/** Reads a black and white PNG: its modules, from the middle of each. Checks all sums. */
function read(address: string, scale: number): boolean[][] {
  const file = Buffer.from(address.replace(/^data:image\/png;base64,/, ''), 'base64')
  expect(file.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n')
  const chunks = new Map<string, Buffer>()
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at)
    const body = file.subarray(at + 4, at + 8 + length)
    expect(file.readUInt32BE(at + 8 + length)).toBe(crc32(body))
    chunks.set(body.subarray(0, 4).toString('latin1'), body.subarray(4))
    at += 12 + length
  }
  expect([...chunks.keys()]).toEqual(['IHDR', 'IDAT', 'IEND'])
  const header = chunks.get('IHDR') ?? Buffer.alloc(13)
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const pixels = inflateSync(chunks.get('IDAT') ?? Buffer.alloc(0))
  const stride = 1 + Math.ceil(width / 8)
  expect(pixels).toHaveLength(stride * height)
  const dark = (x: number, y: number) =>
    (((pixels[y * stride + 1 + (x >> 3)] ?? 0) >> (7 - (x & 7))) & 1) === 0
  const middle = Math.floor(scale / 2)
  return Array.from({ length: height / scale }, (_, row) =>
    Array.from({ length: width / scale }, (_, column) =>
      dark(column * scale + middle, row * scale + middle),
    ),
  )
}

const digits = '80531670838493064229'

it.each([1, 3, 8, 30])('a QR code reads back at %d pixels a module', (scale) => {
  const rows = framed(qrModules(digits), qrQuiet, qrQuiet)
  expect(rows).toHaveLength(29)
  expect(read(pictureOf(rows, scale), scale)).toEqual(rows)
})

it('a bar code reads back, with blank ends', () => {
  const rows = framed([barcodeModules(digits)], 0, barcodeQuiet)
  expect(rows[0]).toHaveLength(165)
  expect(rows[0]?.slice(0, barcodeQuiet)).not.toContain(true)
  expect(read(pictureOf(rows, 4), 4)).toEqual(rows)
})
