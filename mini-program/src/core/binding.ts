/** The binding form before it is sent. The server checks everything again. */
import type { BindingRequest, IdKind, SchoolDetail } from './api'
import { err, ok, type Result } from './result'

export interface BindingDraft {
  readonly idKind: IdKind
  readonly idValue: string
  readonly name: string
  readonly password: string
  readonly agreed: boolean
}

/** Complaints by the JSON pointer of the field, as in a problem document of the server. */
export type Complaints = Readonly<Record<string, string>>

const idKindLabels: Readonly<Record<IdKind, string>> = {
  student_no: '学号/工号',
  id_number: '身份证号',
}

/** What the school calls its own number, or the plain name of the other. */
export function idLabel(school: SchoolDetail, kind: IdKind): string {
  const isFirst = school.binding.id_kinds[0] === kind
  return isFirst ? school.binding.id_label : idKindLabels[kind]
}

export function bindingRequest(
  school: SchoolDetail,
  draft: BindingDraft,
): Result<BindingRequest, Complaints> {
  const { binding, consent } = school
  const idValue = draft.idValue.trim()
  const name = draft.name.trim()
  const complaints: Record<string, string> = {}
  const label = idLabel(school, draft.idKind)
  if (idValue === '') complaints['/id_value'] = `请输入${label}`
  else if (!hasForm(school, draft.idKind, idValue)) {
    complaints['/id_value'] = `${label}格式不对，应为${binding.id_hint}`
  }
  if (binding.name_required && name === '') complaints['/name'] = '请输入姓名'
  if (draft.password === '') complaints['/query_password'] = '请输入查询密码'
  if (!draft.agreed) complaints['/consent'] = '请先阅读并同意上述说明'
  if (Object.keys(complaints).length > 0) return err(complaints)
  return ok({
    school: school.code,
    id_kind: draft.idKind,
    id_value: idValue,
    ...(binding.name_required ? { name } : {}),
    query_password: draft.password,
    consent: { version: consent.version, items: consent.items },
  })
}

/** The school's pattern speaks of its own number, the first kind. */
function hasForm(school: SchoolDetail, kind: IdKind, value: string): boolean {
  const { id_kinds: kinds, id_pattern: pattern } = school.binding
  if (pattern === null || kinds[0] !== kind) return true
  try {
    return new RegExp(pattern).test(value)
  } catch {
    // A pattern that this engine does not read; the server decides.
    return true
  }
}
