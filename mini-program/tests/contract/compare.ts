/** How a type of the client and a type generated from the document are compared. */

/** As a decoder sees the document: what may be left out may be null. */
export type Documented<T> = T extends readonly (infer I)[]
  ? readonly Documented<I>[]
  : T extends object
    ? {
        [K in keyof T]-?: Record<never, never> extends Pick<T, K>
          ? Documented<Exclude<T[K], undefined>> | null
          : Documented<T[K]>
      }
    : T

/** Without the brands of amounts, which only exist in the client. */
export type Plain<T> = T extends number
  ? number
  : T extends readonly (infer I)[]
    ? readonly Plain<I>[]
    : T extends object
      ? { [K in keyof T]: Plain<T[K]> }
      : T

/** With lists that may be read-only, as those of the client are. */
export type Frozen<T> = T extends readonly (infer I)[]
  ? readonly Frozen<I>[]
  : T extends object
    ? { [K in keyof T]: Frozen<T[K]> }
    : T

/** The names in `C` that `D` does not have, at any depth. */
export type UnknownNames<C, D, At extends string> = C extends readonly (infer I)[]
  ? D extends readonly (infer J)[]
    ? UnknownNames<I, NonNullable<J>, `${At}[]`>
    : At
  : C extends object
    ? {
        [K in keyof C & string]-?: K extends keyof D
          ? UnknownNames<NonNullable<C[K]>, NonNullable<D[K]>, `${At}.${K}`>
          : `${At}.${K}`
      }[keyof C & string]
    : never

// The comparisons themselves, tried on small types.

interface Sample {
  readonly id: string
  readonly amount: number
  readonly list: readonly { readonly note: string | null }[]
}
interface SameDocument {
  id: string
  amount: number
  list: { note?: string | null; more: string }[]
}

declare const same: Documented<SameDocument>
declare const renamed: Documented<Omit<SameDocument, 'id'> & { identifier: string }>
declare const renamedOptional: Documented<{ id: string; amount: number; list: { text?: string }[] }>
declare const noLongerRequired: Documented<{ id?: string; amount: number; list: [] }>
declare const otherType: Documented<Omit<SameDocument, 'amount'> & { amount: string }>

export const accepted: Plain<Sample> = same
// @ts-expect-error: a required field was renamed
export const refused1: Plain<Sample> = renamed
// @ts-expect-error: an optional field was renamed
export const refused2: Plain<Sample> = renamedOptional
// @ts-expect-error: a field may be missing now
export const refused3: Plain<Sample> = noLongerRequired
// @ts-expect-error: a field has another type
export const refused4: Plain<Sample> = otherType

type Sent = { id: string; list: { note: string; other?: number }[] }
export const unknownNames: UnknownNames<Sent, SameDocument, 'body'> = 'body.list[].other'
