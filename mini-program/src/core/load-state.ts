/** The states of something that a page loads. */

export type LoadState = 'loading' | 'failed' | 'empty' | 'loaded'

export interface Loadable {
  /** Whether there is a value to show. It stays when a later attempt to refresh it fails. */
  readonly hasValue: boolean
  /** Whether the latest attempt failed. */
  readonly hasFailed: boolean
  /** Whether the value is a list without items. */
  readonly isEmpty?: boolean
}

export function loadState({ hasValue, hasFailed, isEmpty = false }: Loadable): LoadState {
  if (!hasValue) return hasFailed ? 'failed' : 'loading'
  return isEmpty ? 'empty' : 'loaded'
}
