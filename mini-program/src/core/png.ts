/**
 * Black and white pictures as PNG, for `<image>`: it is what every platform shows sharply, also
 * without a canvas. The pixels are stored, not compressed: pictures are small and made often.
 */
import { toBase64 } from './base64'

/** The address of a picture that shows each module as a square of `scale` pixels. */
export function pictureOf(rows: readonly (readonly boolean[])[], scale: number): string {
  return `data:image/png;base64,${toBase64(png(rows, scale))}`
}

/** The modules with so many blank ones around them. */
export function framed(
  rows: readonly (readonly boolean[])[],
  blankRows: number,
  blankColumns: number,
): boolean[][] {
  const side = blank(blankColumns)
  const wide = rows.map((row) => [...side, ...row, ...side])
  const edges = Array.from({ length: blankRows }, () => blank(wide[0]?.length ?? 0))
  return [...edges, ...wide, ...edges]
}

function blank(length: number): boolean[] {
  return new Array<boolean>(length).fill(false)
}

function png(rows: readonly (readonly boolean[])[], scale: number): Uint8Array {
  const width = (rows[0]?.length ?? 0) * scale
  const height = rows.length * scale
  const grey = [1, 0, 0, 0, 0]
  return Uint8Array.from([
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    ...chunk('IHDR', [...u32(width), ...u32(height), ...grey]),
    ...chunk('IDAT', stored(pixels(rows, scale))),
    ...chunk('IEND', []),
  ])
}

/** A bit for each pixel, 0 for black; every line begins with a byte that says "as it is". */
function pixels(rows: readonly (readonly boolean[])[], scale: number): number[] {
  return rows.reduce<number[]>((bytes, row) => {
    const line = [0, ...packed(row, scale)]
    return bytes.concat(...Array.from({ length: scale }, () => line))
  }, [])
}

function packed(row: readonly boolean[], scale: number): number[] {
  const bytes = new Array<number>(Math.ceil((row.length * scale) / 8)).fill(0)
  for (let x = 0; x < row.length * scale; x += 1) {
    if (row[Math.floor(x / scale)]) continue
    bytes[x >> 3] = (bytes[x >> 3] ?? 0) | (0x80 >> (x & 7))
  }
  return bytes
}

const mostInBlock = 0xffff

/** A zlib stream of stored blocks: RFC 1950 and 1951. */
function stored(bytes: readonly number[]): number[] {
  let stream = [0x78, 0x01]
  for (let at = 0; at < bytes.length; at += mostInBlock) {
    const block = bytes.slice(at, at + mostInBlock)
    const { length } = block
    const last = at + mostInBlock >= bytes.length ? 1 : 0
    const head = [last, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255]
    stream = stream.concat(head, block)
  }
  return stream.concat(u32(adler32(bytes)))
}

function chunk(name: string, data: readonly number[]): number[] {
  const body = [...name.split('').map((letter) => letter.charCodeAt(0)), ...data]
  return [...u32(data.length), ...body, ...u32(crc32(body))]
}

function adler32(bytes: readonly number[]): number {
  let low = 1
  let high = 0
  for (const byte of bytes) {
    low = (low + byte) % 65_521
    high = (high + low) % 65_521
  }
  return high * 65_536 + low
}

/** What eight steps of the division leave of each byte. */
const crcTable = Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let step = 0; step < 8; step += 1) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1
  return rest
})

function crc32(bytes: readonly number[]): number {
  let rest = 0xffffffff
  for (const byte of bytes) rest = (crcTable[(rest ^ byte) & 255] ?? 0) ^ (rest >>> 8)
  return ~rest
}

function u32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}
