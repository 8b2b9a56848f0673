/** What a decoder reads of a value, and the value without one property. */

/** The paths of the properties that `decode` reads, such as `items.*.id`. */
export function readsOf(value: unknown, decode: (value: unknown) => unknown): string[] {
  const paths = new Set<string>()
  decode(watched(value, '', paths))
  return [...paths]
}

function watched(value: unknown, at: string, paths: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value
  return new Proxy(value, {
    get: (target, name) => {
      const found: unknown = Reflect.get(target, name)
      if (typeof name !== 'string') return found
      if (Array.isArray(target)) return watched(found, `${at}*.`, paths)
      paths.add(at + name)
      return watched(found, `${at}${name}.`, paths)
    },
  })
}

/** A copy of the value without the property at `path`. */
export function without(value: unknown, path: string): unknown {
  const copy: unknown = structuredClone(value)
  const names = path.split('.')
  const last = names.pop() ?? ''
  const holder = names.reduce<unknown>(stepInto, copy)
  if (typeof holder === 'object' && holder !== null) Reflect.deleteProperty(holder, last)
  return copy
}

/** Whether the value has a property at `path`. */
export function has(value: unknown, path: string): boolean {
  return path.split('.').reduce<unknown>(stepInto, value) !== undefined
}

function stepInto(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value[0] as unknown
  return (value as Record<string, unknown> | null | undefined)?.[name]
}
