import { expect, expectTypeOf, it } from 'vitest'
import { object, text } from './decode'
import { get, post, takes } from './request'

const thing = object({ name: text })
const list = get('/things', thing, takes<{ query: { limit: number; cursor: string | null } }>())
const load = get('/shops/{shop}/things/{id}', thing)
const create = post(
  '/things',
  thing,
  takes<{ body: { name: string }; headers: { 'Idempotency-Key': string } }>(),
)

it('fills the path and escapes its parts', () => {
  const { request } = load({ path: { shop: 'a b', id: 'x/y' } })
  expect(request).toEqual({ method: 'GET', path: '/shops/a%20b/things/x%2Fy' })
})

it('leaves out parameters that are null', () => {
  expect(list({ query: { limit: 20, cursor: null } }).request.path).toBe('/things?limit=20')
  expect(list({ query: { limit: 20, cursor: 'a&b' } }).request.path).toBe(
    '/things?limit=20&cursor=a%26b',
  )
})

it('sends body and headers, and reads the answer', () => {
  const { request, decode } = create({ body: { name: 'a' }, headers: { 'Idempotency-Key': 'k' } })
  const headers = { 'Idempotency-Key': 'k' }
  expect(request).toEqual({ method: 'POST', path: '/things', body: { name: 'a' }, headers })
  expect(decode({ name: 'a', more: 1 })).toEqual({ name: 'a' })
})

it('requires what the operation takes', () => {
  expectTypeOf(load).parameter(0).toHaveProperty('path')
  // @ts-expect-error: a part of the path is missing
  load({ path: { id: 'x' } })
  // @ts-expect-error: the header is missing
  create({ body: { name: 'a' } })
})
