import { target } from '#target'
import {
  type Page,
  type StatementItem,
  type StatementMonth,
  statementMonth,
  statementPage,
} from '@/core/api'
import type { ApiError } from '@/core/problem'
import { ok, type Result } from '@/core/result'
import { filterQuery, type StatementFilter } from '@/core/statement'
import type { Kept } from '@/platform/target'
import { client } from './session'

const pageSize = 30

export function loadStatement(
  filter: StatementFilter,
  cursor: string | null,
): Promise<Result<Page<StatementItem>, ApiError>> {
  const after = cursor === null ? '' : `cursor=${encodeURIComponent(cursor)}`
  const query = [filterQuery(filter), `limit=${pageSize}`, after].filter((part) => part !== '')
  const path = `/api/v1/card/statement?${query.join('&')}`
  return client.call({ method: 'GET', path }, statementPage)
}

export function loadMonth(month: string): Promise<Result<StatementMonth, ApiError>> {
  const path = `/api/v1/card/statement/months/${encodeURIComponent(month)}`
  return client.call({ method: 'GET', path }, statementMonth)
}

const byteOrderMark = '\ufeff'

/** Hands the days as CSV to the person. The server gives at most one year. */
export async function exportStatement(from: string, to: string): Promise<Result<Kept, ApiError>> {
  const query = filterQuery({ kind: null, from, to })
  const csv = await client.callForText({
    method: 'GET',
    path: `/api/v1/card/statement.csv?${query}`,
  })
  if (!csv.ok) return csv
  // Reading an answer as text takes the mark away that spreadsheets know UTF-8 by.
  const text = byteOrderMark + csv.value.replace(byteOrderMark, '')
  return ok(await target.keepText(`statement-${from}-${to}.csv`, text))
}
