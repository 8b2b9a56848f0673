/** Tries every decoder on examples of the answers that the document describes. */
import { describe, expect, it } from 'vitest'
import type { Decoder } from '@/core/decode'
import { problemDocument } from '@/core/problem'
import { examplesOf, type Mode, type Schema } from './examples'
import document from './generated/openapi.json'
import { operations } from './operations'
import { has, readsOf, without } from './reads'

/** Required properties that the client can do without: with the document of an older server. */
const dispensable: Readonly<Record<string, readonly string[]>> = {
  'schools.load': ['binding.id_patterns'],
  'orders.create': ['refunds'],
  'orders.list': ['items.*.refunds'],
  'orders.load': ['refunds'],
  'orders.close': ['refunds'],
  'events.list': ['items.*.balance_fen'],
  problem: ['request_id'],
}

interface Described {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }>
  >
}

const paths = document.paths as Readonly<Record<string, Readonly<Record<string, Described>>>>
const definitions = document.components.schemas as Readonly<Record<string, Schema>>

interface Case {
  readonly name: string
  readonly decode: Decoder<unknown>
  readonly schema: Schema
}

interface AnyOperation {
  readonly method: string
  readonly path: string
  readonly decode: Decoder<unknown>
}

const all = Object.entries(operations).flatMap(([api, named]) =>
  Object.entries(named as Readonly<Record<string, AnyOperation>>).map(
    ([operation, { method, path, decode }]) => ({
      name: `${api}.${operation}`,
      described: paths[path]?.[method.toLowerCase()],
      decode,
    }),
  ),
)

/** The schema of the good answer in JSON; null where there is none. */
function answerOf(described: Described | undefined): Schema | null {
  const good = Object.entries(described?.responses ?? {}).find(([status]) => /^2/.test(status))
  return good?.[1].content?.['application/json']?.schema ?? null
}

const cases: Case[] = all.flatMap(({ name, described, decode }) => {
  const schema = answerOf(described)
  return schema === null ? [] : [{ name, decode, schema }]
})
cases.push({
  name: 'problem',
  decode: problemDocument,
  schema: { $ref: '#/components/schemas/Problem' },
})

/** An event that lacks something counts as one of an unknown kind. */
function isRefused(decoded: unknown): boolean {
  return decoded === undefined || JSON.stringify(decoded).includes('"kind":"unknown"')
}

it('every operation of core/api is checked', () => {
  const modules = import.meta.glob('../../src/core/api/*.ts', { eager: true })
  const exported = Object.values(modules).flatMap((module) =>
    Object.entries(module as object).filter(([name]) => name.endsWith('Api')),
  )
  expect(new Set(exported.map(([, api]) => api as unknown))).toEqual(
    new Set(Object.values(operations)),
  )
})

it('every operation is in the document', () => {
  expect(all.filter(({ described }) => described === undefined)).toEqual([])
})

describe.each(cases)('the decoder of $name', ({ name, decode, schema }) => {
  const full = examplesOf(schema, 'full', definitions)

  it.each<Mode>(['full', 'minimal', 'nulls'])('accepts %s examples', (mode) => {
    const refused = examplesOf(schema, mode, definitions)
      .map(({ value }) => value)
      .filter((value) => isRefused(decode(value)))
    expect(refused).toEqual([])
  })

  it('reads only what the document names', () => {
    const unknown = full.flatMap(({ value }) =>
      readsOf(value, decode).filter((path) => !has(value, path)),
    )
    expect(unknown).toEqual([])
  })

  it('refuses an answer that lacks a required property', () => {
    const accepted = full.flatMap(({ value, required }) =>
      readsOf(value, decode)
        .filter((path) => required.includes(path))
        .filter((path) => !isRefused(decode(without(value, path)))),
    )
    expect([...new Set(accepted)]).toEqual(dispensable[name] ?? [])
  })
})
