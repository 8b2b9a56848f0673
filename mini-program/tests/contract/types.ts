/**
 * Compares what the client sends and reads with the types generated from the document. It is only
 * compiled, never run: a difference is an error of the compiler.
 */
import type { Operation } from '@/core/request'
import type { Documented, Frozen, Plain, UnknownNames } from './compare'
import type { paths } from './generated/api'
import type { operations } from './operations'

type Apis = typeof operations
type Nothing = Record<never, never>

/** The description of an operation in the document, or a text that says what is missing. */
type Described<E> =
  E extends Operation<infer M, infer P, infer _I, infer _T>
    ? P extends keyof paths
      ? paths[P] extends Record<Lowercase<M>, infer D>
        ? D extends { responses: unknown }
          ? D
          : `the document has no ${M} ${P}`
        : `the document has no ${M} ${P}`
      : `the document has no ${P}`
    : 'not an operation'

type Content<A> = A extends { content: { 'application/json': infer B } }
  ? Documented<B>
  : A extends { content: { 'text/csv': infer B } }
    ? B
    : null

type DocumentedAnswer<D> = D extends { responses: infer R }
  ? R extends { 200: infer A } | { 201: infer A } | { 204: infer A }
    ? Content<A>
    : 'the document has no good answer'
  : D

type ReadAnswer<E> = E extends Operation<infer _M, infer _P, infer _I, infer T> ? Plain<T> : never

/** A parameter that is null is left out. */
type WithoutNull<Q> = { [K in keyof Q]?: Exclude<Q[K], null> }

type Sent<E> =
  E extends Operation<infer _M, infer _P, infer I, infer _T>
    ? {
        body: I extends { body: infer B } ? Plain<B> : Nothing
        query: I extends { query: infer Q } ? WithoutNull<Q> : Nothing
        headers: I extends { headers: infer H } ? H : Nothing
      }
    : never

type Taken<D> = D extends { parameters: infer A }
  ? {
      body: D extends { requestBody: { content: { 'application/json': infer B } } }
        ? Frozen<B>
        : Nothing
      query: A extends { query?: infer Q } ? InAddress<OrNothing<Q>> : Nothing
      headers: A extends { header?: infer H } ? OrNothing<H> : Nothing
    }
  : D

/** In an address every number is a text. */
type InAddress<Q> = { [K in keyof Q]: number extends Q[K] ? Q[K] | string : Q[K] }

type OrNothing<T> = [NonNullable<T>] extends [never] ? Nothing : NonNullable<T>

type Read = { [A in keyof Apis]: { [O in keyof Apis[A]]: ReadAnswer<Apis[A][O]> } }
type Promised = {
  [A in keyof Apis]: { [O in keyof Apis[A]]: DocumentedAnswer<Described<Apis[A][O]>> }
}
type AllSent = { [A in keyof Apis]: { [O in keyof Apis[A]]: Sent<Apis[A][O]> } }
type AllTaken = { [A in keyof Apis]: { [O in keyof Apis[A]]: Taken<Described<Apis[A][O]>> } }
type Unknown = {
  [A in keyof Apis & string]: {
    [O in keyof Apis[A] & string]: UnknownNames<
      Sent<Apis[A][O]>,
      Taken<Described<Apis[A][O]>>,
      `${A}.${O}`
    >
  }[keyof Apis[A] & string]
}[keyof Apis]

/** `never` would pass every comparison below. */
type IsNever<T> = [T] extends [never] ? true : false
type Vacuous = {
  [A in keyof Apis]: {
    [O in keyof Apis[A]]:
      | IsNever<Promised[A][O]>
      | IsNever<Read[A][O]>
      | IsNever<AllSent[A][O]>
      | IsNever<AllTaken[A][O]>
  }[keyof Apis[A]]
}[keyof Apis]
export const vacuous: Vacuous = false

declare const promised: Promised
declare const sent: AllSent

/** Every answer that the document allows has the type that the decoder gives. */
export const read: Read = promised

/** The server takes what the client sends. */
export const taken: AllTaken = sent

/** The client sends nothing that the document does not name. */
export const nothingUnknown: [Unknown] extends [never] ? true : Unknown = true
