import { target } from '#target'
import type { Page } from '@/core/api/page'
import { statementApi, type StatementItem, type StatementMonth } from '@/core/api/statement'
import type { ApiError } from '@/core/problem'
import { ok, type Result } from '@/core/result'
import type { StatementFilter } from '@/core/statement'
import type { Kept } from '@/platform/target'
import { client } from './session'

const pageSize = 30

export function loadStatement(
  filter: StatementFilter,
  cursor: string | null,
): Promise<Result<Page<StatementItem>, ApiError>> {
  const { kind, from, to } = filter
  return client.call(statementApi.list({ query: { kind, from, to, limit: pageSize, cursor } }))
}

export function loadMonth(month: string): Promise<Result<StatementMonth, ApiError>> {
  return client.call(statementApi.month({ path: { month } }))
}

const byteOrderMark = '\ufeff'

/** Hands the days as CSV to the person. The server gives at most one year. */
export async function exportStatement(from: string, to: string): Promise<Result<Kept, ApiError>> {
  const csv = await client.callForText(statementApi.csv({ query: { from, to } }))
  if (!csv.ok) return csv
  // Reading an answer as text takes the mark away that spreadsheets know UTF-8 by.
  const text = byteOrderMark + csv.value.replace(byteOrderMark, '')
  return ok(await target.keepText(`statement-${from}-${to}.csv`, text))
}
