/** Example values of a JSON schema, as far as the document uses JSON schema. */

export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly string[]
  readonly format?: string
  readonly minimum?: number
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}

/** `full`: every property. `minimal`: the required ones. `nulls`: null wherever it is allowed. */
export type Mode = 'full' | 'minimal' | 'nulls'

export interface Example {
  readonly value: unknown
  /** The paths of required properties, such as `items.*.id`. */
  readonly required: readonly string[]
}

type Definitions = Readonly<Record<string, Schema>>

const texts: Readonly<Record<string, string>> = {
  'date-time': '2026-11-21T08:00:00+08:00',
  uuid: '019aa4b5-1c00-7000-8000-000000000001',
}

/** One example at least, and one more for each further alternative of a value. */
export function examplesOf(schema: Schema, mode: Mode, definitions: Definitions): Example[] {
  const of = (part: Schema): Example[] => examplesOf(part, mode, definitions)
  if (schema.$ref !== undefined) return of(definition(schema.$ref, definitions))
  if (schema.oneOf !== undefined) return ofAlternatives(schema.oneOf, mode, of)
  if (schema.allOf !== undefined) return schema.allOf.map(of).reduce(merged)
  if (schema.enum !== undefined) return schema.enum.map(plain)
  const types = [schema.type ?? []].flat()
  if (types.includes('null') && mode === 'nulls') return [plain(null)]
  const type = types.find((name) => name !== 'null')
  switch (type) {
    case 'object':
      return ofObject(schema, mode, of)
    case 'array':
      return ofArray(schema.items ?? {}, mode, of)
    case 'string':
      return [plain(texts[schema.format ?? ''] ?? 'text')]
    case 'integer':
      return [plain(schema.minimum ?? 1)]
    case 'boolean':
      return [plain(true), plain(false)]
    default:
      throw new Error(`no example for ${JSON.stringify(schema)}`)
  }
}

type Inner = (schema: Schema) => Example[]

function definition(reference: string, definitions: Definitions): Schema {
  const found = definitions[reference.replace('#/components/schemas/', '')]
  if (found === undefined) throw new Error(`the document has no ${reference}`)
  return found
}

function plain(value: unknown): Example {
  return { value, required: [] }
}

function ofAlternatives(alternatives: readonly Schema[], mode: Mode, of: Inner): Example[] {
  const others = alternatives.filter(({ type }) => type !== 'null')
  if (mode === 'nulls' && others.length < alternatives.length) return [plain(null)]
  return others.flatMap(of)
}

function ofArray(items: Schema, mode: Mode, of: Inner): Example[] {
  if (mode === 'minimal') return [plain([])]
  return of(items).map(({ value, required }) => ({
    value: [value],
    required: required.map((path) => `*.${path}`),
  }))
}

function ofObject(schema: Schema, mode: Mode, of: Inner): Example[] {
  const { properties = {}, required = [] } = schema
  const shown = Object.entries(properties).filter(
    ([name]) => mode !== 'minimal' || required.includes(name),
  )
  const ofEach = shown.map(([name, part]) =>
    of(part).map((example) => property(name, example, required.includes(name))),
  )
  const first = ofEach.map(([one]) => one ?? plain({}))
  const whole = [plain({}), ...first].reduce(joined)
  const others = ofEach.flatMap(([, ...more], index) =>
    more.map((other) => [plain({}), ...first.with(index, other)].reduce(joined)),
  )
  return [whole, ...others]
}

function property(name: string, { value, required }: Example, isRequired: boolean): Example {
  const inner = required.map((path) => `${name}.${path}`)
  return { value: { [name]: value }, required: isRequired ? [name, ...inner] : inner }
}

function joined(one: Example, other: Example): Example {
  return {
    value: { ...(one.value as object), ...(other.value as object) },
    required: [...one.required, ...other.required],
  }
}

function merged(one: Example[], other: Example[]): Example[] {
  return one.flatMap((left) => other.map((right) => joined(left, right)))
}
