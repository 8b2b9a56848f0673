/**
 * Requests to the server. Each operation of its OpenAPI document that the client uses is described
 * once, in `core/api`, by its method, its path as it stands in the document, what is sent with it
 * and how its answer is read.
 */
import type { Decoder } from './decode'

type Method = 'GET' | 'POST'

export interface Request {
  readonly method: Method
  readonly path: string
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  /** For a request that the server holds open until there is something to answer. */
  readonly patience?: Patience
}

export interface Patience {
  readonly waitMs: number
  /** Called with a function that cancels the request, once it has been sent. */
  readonly onSent: (cancel: () => void) => void
}

/** A request, and the decoder of its answer. */
export interface Call<T> {
  readonly request: Request
  readonly decode: Decoder<T>
}

/** What an operation takes, but for the parts of its path. */
export interface Input {
  readonly body?: object
  /** Texts and numbers; parameters that are null are left out. */
  readonly query?: object
  readonly headers?: Readonly<Record<string, string>>
}

/** The names in braces of a path. */
type Names<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never

type PathInput<P extends string> = [Names<P>] extends [never]
  ? unknown
  : { readonly path: Readonly<Record<Names<P>, string>> }

type Extra = Pick<Request, 'headers' | 'patience'>
type Given<P extends string, I extends Input> = PathInput<P> & I & Extra

export interface Operation<M extends Method, P extends string, I extends Input, T> {
  (given: Given<P, I>): Call<T>
  readonly method: M
  /** As in the document, with names in braces. */
  readonly path: P
  readonly decode: Decoder<T>
}

/** Names the type of an operation's input; it has no value. */
export interface Takes<I extends Input> {
  readonly input?: I
}

export function takes<I extends Input>(): Takes<I> {
  return {}
}

type NoInput = Record<never, never>

export function get<P extends string, T, I extends Input = NoInput>(
  path: P,
  decode: Decoder<T>,
  _takes?: Takes<I>,
): Operation<'GET', P, I, T> {
  return operation('GET', path, decode)
}

export function post<P extends string, T, I extends Input = NoInput>(
  path: P,
  decode: Decoder<T>,
  _takes?: Takes<I>,
): Operation<'POST', P, I, T> {
  return operation('POST', path, decode)
}

/** The input as it is at run time, whatever the operation. */
interface AnyInput extends Input, Extra {
  readonly path?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

function operation<M extends Method, P extends string, I extends Input, T>(
  method: M,
  path: P,
  decode: Decoder<T>,
): Operation<M, P, I, T> {
  const call = (given: AnyInput): Call<T> => {
    const { path: parts = {}, query = {}, ...rest } = given
    return { request: { method, path: addressOf(path, parts, query), ...rest }, decode }
  }
  return Object.assign(call, { method, path, decode })
}

function addressOf(
  path: string,
  parts: NonNullable<AnyInput['path']>,
  query: object,
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_braces, name: string) =>
    encodeURIComponent(parts[name] ?? ''),
  )
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
  return pairs.length === 0 ? filled : `${filled}?${pairs.join('&')}`
}
