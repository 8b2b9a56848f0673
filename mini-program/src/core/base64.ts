/** Base64 with its padding. Mini-program engines have neither `atob` nor `Buffer`. */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at
    const group = (byte(bytes, at) << 16) | (byte(bytes, at + 1) << 8) | byte(bytes, at + 2)
    text += sign(group >> 18) + sign(group >> 12)
    text += left > 1 ? sign(group >> 6) : '='
    text += left > 2 ? sign(group) : '='
  }
  return text
}

/** The bytes, or null for a text that is not base64. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null
  const signs = text.replace(/=+$/, '')
  const bytes = new Uint8Array(Math.floor((signs.length * 3) / 4))
  let bits = 0
  let held = 0
  let at = 0
  for (const one of signs) {
    bits = ((bits << 6) | alphabet.indexOf(one)) & 0xffff
    held += 6
    if (held < 8) continue
    held -= 8
    bytes[at] = (bits >> held) & 0xff
    at += 1
  }
  return bytes
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}

function sign(bits: number): string {
  return alphabet.charAt(bits & 63)
}
