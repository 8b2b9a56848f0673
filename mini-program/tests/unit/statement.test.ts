import { afterEach, expect, it, vi } from 'vitest'
import { fakePlatform, problem } from './fake-platform'
import { everything } from '@/core/statement'
import { exportStatement, loadStatement } from '@/services/statement'

const { keepText } = vi.hoisted(() => ({ keepText: vi.fn(() => Promise.resolve('saved')) }))

vi.mock('#target', () => ({
  target: { apiBaseUrl: '', signIn: { kind: 'by_page' }, keepText },
}))

afterEach(() => {
  vi.unstubAllGlobals()
  keepText.mockClear()
})

it('asks for the page that the cursor names', async () => {
  const { asked } = fakePlatform(() => ({ status: 200, body: { items: [], next_cursor: null } }))
  await loadStatement(everything, null)
  await loadStatement({ kind: 'spend', from: '2026-11-01', to: null }, 'a&b')
  expect(asked.map(({ path }) => path)).toEqual([
    '/api/v1/card/statement?limit=30',
    '/api/v1/card/statement?kind=spend&from=2026-11-01&limit=30&cursor=a%26b',
  ])
})

it.each(['时间,金额\r\n', '\ufeff时间,金额\r\n'])(
  'gives the export one byte order mark',
  async (csv) => {
    const { asked } = fakePlatform(() => ({ status: 200, body: csv }))
    const kept = await exportStatement('2026-11-01', '2026-11-30')
    expect(kept).toEqual({ ok: true, value: 'saved' })
    const name = 'statement-2026-11-01-2026-11-30.csv'
    expect(keepText).toHaveBeenCalledWith(name, '\ufeff时间,金额\r\n')
    expect(asked[0]?.headers['Authorization']).toBe('Bearer a')
  },
)

it('keeps nothing when there is no export', async () => {
  fakePlatform(() => problem(422, 'range_too_long'))
  expect(await exportStatement('2020-01-01', '2026-11-30')).toMatchObject({ ok: false })
  expect(keepText).not.toHaveBeenCalled()
})
