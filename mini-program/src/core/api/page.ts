/** A page of a list, and where the next one begins. */
import { absentable, type Decoder, list, object, text } from '../decode'

export interface Page<T> {
  readonly items: readonly T[]
  /** Null on the last page. */
  readonly next_cursor: string | null
}

/** The query of a list. */
export interface PageQuery {
  readonly limit: number
  readonly cursor: string | null
}

export function pageOf<T>(item: Decoder<T>): Decoder<Page<T>> {
  return object({ items: list(item), next_cursor: absentable(text) })
}
