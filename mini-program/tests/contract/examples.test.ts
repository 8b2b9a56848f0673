import { expect, it } from 'vitest'
import { examplesOf, type Mode, type Schema } from './examples'
import { has, readsOf, without } from './reads'

const definitions: Record<string, Schema> = {
  Kind: { type: 'string', enum: ['a', 'b'] },
  Item: {
    type: 'object',
    required: ['kind'],
    properties: {
      kind: { $ref: '#/components/schemas/Kind' },
      note: { type: ['string', 'null'] },
    },
  },
}
const list: Schema = {
  type: 'object',
  required: ['items'],
  properties: { items: { type: 'array', items: { $ref: '#/components/schemas/Item' } } },
}
const valuesOf = (schema: Schema, mode: Mode) =>
  examplesOf(schema, mode, definitions).map(({ value }) => value)

it('makes an example for each alternative', () => {
  expect(valuesOf(list, 'full')).toEqual([
    { items: [{ kind: 'a', note: 'text' }] },
    { items: [{ kind: 'b', note: 'text' }] },
  ])
  expect(examplesOf(list, 'full', definitions)[0]?.required).toEqual(['items', 'items.*.kind'])
})

it('leaves out what is not required, or makes it null', () => {
  expect(valuesOf(list, 'minimal')).toEqual([{ items: [] }])
  expect(valuesOf({ $ref: '#/components/schemas/Item' }, 'minimal')[0]).toEqual({ kind: 'a' })
  expect(valuesOf({ $ref: '#/components/schemas/Item' }, 'nulls')[0]).toEqual({
    kind: 'a',
    note: null,
  })
})

it('joins the parts of allOf', () => {
  const schema: Schema = {
    allOf: [
      { oneOf: [{ $ref: '#/components/schemas/Item' }, { type: 'null' }] },
      { type: 'object', required: ['at'], properties: { at: { type: 'integer', minimum: 5 } } },
    ],
  }
  expect(valuesOf(schema, 'minimal')).toEqual([
    { kind: 'a', at: 5 },
    { kind: 'b', at: 5 },
  ])
})

it('finds what is read, and takes it away', () => {
  const value = { items: [{ id: 1, more: 2 }], other: 3 }
  const read = readsOf(value, (given) => {
    for (const item of (given as typeof value).items) void item.id
    return null
  })
  expect(read).toEqual(['items', 'items.*.id'])
  expect(without(value, 'items.*.id')).toEqual({ items: [{ more: 2 }], other: 3 })
  expect([has(value, 'items.*.id'), has(value, 'items.*.name')]).toEqual([true, false])
})
