import {
  type Binding,
  me,
  type School,
  type SchoolDetail,
  schoolDetail,
  schoolPage,
} from '@/core/api'
import type { ApiError } from '@/core/problem'
import { ok, type Result } from '@/core/result'
import { readText, remove, writeText } from '@/platform/storage'
import { client } from './session'

const chosenKey = 'onecard.school'

const pageSize = 100
/** A list longer than this is not for choosing from. */
const maxPages = 10

export async function listSchools(): Promise<Result<readonly School[], ApiError>> {
  const schools: School[] = []
  let cursor: string | null = null
  for (let page = 0; page < maxPages; page += 1) {
    const after: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const path = `/api/v1/schools?limit=${pageSize}${after}`
    const answer = await client.open({ method: 'GET', path }, schoolPage)
    if (!answer.ok) return answer
    schools.push(...answer.value.items)
    cursor = answer.value.next_cursor
    if (cursor === null) break
  }
  return ok(schools)
}

export function loadSchool(code: string): Promise<Result<SchoolDetail, ApiError>> {
  const path = `/api/v1/schools/${encodeURIComponent(code)}`
  return client.open({ method: 'GET', path }, schoolDetail)
}

export interface OwnSchool {
  readonly binding: Binding
  readonly school: SchoolDetail
}

/** The school that the signed-in person is bound to, or null when there is none. */
export async function loadOwnSchool(): Promise<Result<OwnSchool | null, ApiError>> {
  const person = await client.call({ method: 'GET', path: '/api/v1/me' }, me)
  if (!person.ok) return person
  const { binding } = person.value
  if (binding === null) return ok(null)
  const school = await loadSchool(binding.school.code)
  return school.ok ? ok({ binding, school: school.value }) : school
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
