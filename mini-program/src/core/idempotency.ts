/**
 * One key for one intent. Pressing "pay" again after a lost answer must find the same order, so
 * the key lives as long as the wish does: until it is granted, or the person wishes otherwise.
 */
export interface Intent {
  readonly key: string
  readonly wish: string
}

/** A source of numbers in [0, 1), such as `Math.random`. */
export type Chance = () => number

/** The intent for this wish: the current one while the wish is the same, else a new one. */
export function intentFor(current: Intent | null, wish: string, chance: Chance): Intent {
  return current?.wish === wish ? current : { key: newKey(chance), wish }
}

/**
 * 32 hexadecimal digits. A key is looked up together with the person it belongs to: it must be
 * distinct among one person's orders, it need not be secret.
 */
export function newKey(chance: Chance): string {
  let key = ''
  while (key.length < 32) key += Math.floor(chance() * 16).toString(16)
  return key
}
