import type { Binding } from '@/core/api/bindings'
import { overviewApi } from '@/core/api/overview'
import type { Page } from '@/core/api/page'
import { type School, type SchoolDetail, schoolsApi } from '@/core/api/schools'
import type { ApiError } from '@/core/problem'
import { ok, type Result } from '@/core/result'
import { readText, remove, writeText } from '@/platform/storage'
import { isReadOnly } from './card'
import { client } from './session'

const chosenKey = 'onecard.school'

const pageSize = 100
/** A list longer than this is not for choosing from. */
const maxPages = 10

export async function listSchools(): Promise<Result<readonly School[], ApiError>> {
  const schools: School[] = []
  let cursor: string | null = null
  for (let page = 0; page < maxPages; page += 1) {
    const answer = await pageAfter(cursor)
    if (!answer.ok) return answer
    schools.push(...answer.value.items)
    cursor = answer.value.next_cursor
    if (cursor === null) break
  }
  return ok(schools)
}

function pageAfter(cursor: string | null): Promise<Result<Page<School>, ApiError>> {
  return client.open(schoolsApi.list({ query: { limit: pageSize, cursor } }))
}

export function loadSchool(code: string): Promise<Result<SchoolDetail, ApiError>> {
  return client.open(schoolsApi.load({ path: { code } }))
}

export interface OwnSchool {
  readonly binding: Binding
  readonly school: SchoolDetail
  /** Signed in at the web portal. */
  readonly readOnly: boolean
}

/** The school that the signed-in person is bound to, or null when there is none. */
export async function loadOwnSchool(): Promise<Result<OwnSchool | null, ApiError>> {
  const person = await client.call(overviewApi.load({}))
  if (!person.ok) return person
  const { binding } = person.value
  if (binding === null) return ok(null)
  const school = await loadSchool(binding.school.code)
  if (!school.ok) return school
  return ok({ binding, school: school.value, readOnly: isReadOnly(person.value) })
}

/** The code of the school that was chosen last on this device. */
export function chosenSchool(): string | null {
  return readText(chosenKey)
}

export function chooseSchool(code: string): void {
  writeText(chosenKey, code)
}

export function forgetSchool(): void {
  remove(chosenKey)
}
