/**
 * Decoders for answers of the server. A value that does not have the promised shape becomes
 * `undefined` at the edge, instead of a surprise deep inside a page.
 */
import { type Fen, isFen, isSignedFen, type SignedFen } from './money'

/** Gives the value in its type, or `undefined` when the value is not of that shape. */
export type Decoder<T> = (value: unknown) => T | undefined
export type Decoded<D> = D extends Decoder<infer T> ? T : never

type Fields = Record<string, Decoder<unknown>>
type Shape<F extends Fields> = { readonly [K in keyof F]: Decoded<F[K]> }

export const text: Decoder<string> = (value) => (typeof value === 'string' ? value : undefined)
export const bool: Decoder<boolean> = (value) => (typeof value === 'boolean' ? value : undefined)
export const fen: Decoder<Fen> = (value) => (isFen(value) ? value : undefined)
export const signedFen: Decoder<SignedFen> = (value) => (isSignedFen(value) ? value : undefined)
export const count: Decoder<number> = fen
/** A whole number, also below zero. */
export const whole: Decoder<number> = signedFen

export function oneOf<const T extends readonly string[]>(...names: T): Decoder<T[number]> {
  return (value) => names.find((name) => name === value)
}

export function list<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return undefined
    const items: T[] = []
    for (const raw of value) {
      const decoded = item(raw)
      if (decoded === undefined) return undefined
      items.push(decoded)
    }
    return items
  }
}

/** For a field that may be null or missing, which the document does not tell apart. */
export function absentable<T>(inner: Decoder<T>): Decoder<T | null> {
  return (value) => (value === undefined || value === null ? null : inner(value))
}

/** Fields that are not named are ignored: the server may add some. */
export function object<F extends Fields>(fields: F): Decoder<Shape<F>> {
  return (value) => {
    if (typeof value !== 'object' || value === null) return undefined
    const source = value as Record<string, unknown>
    const decoded: Record<string, unknown> = {}
    for (const [name, decode] of Object.entries(fields)) {
      const field = decode(source[name])
      if (field === undefined) return undefined
      decoded[name] = field
    }
    return decoded as Shape<F>
  }
}

/** The first decoder that accepts the value. */
export function either<A, B>(first: Decoder<A>, second: Decoder<B>): Decoder<A | B> {
  return (value) => {
    const decoded = first(value)
    return decoded === undefined ? second(value) : decoded
  }
}

/** What was written to the device as JSON; null for nothing, and for what cannot be read. */
export function stored<T>(written: string | null, decode: Decoder<T>): T | null {
  if (written === null) return null
  try {
    return decode(JSON.parse(written)) ?? null
  } catch {
    return null
  }
}

/** For answers without a body. */
export const nothing: Decoder<null> = () => null
