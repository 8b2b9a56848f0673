/** The binding form before it is sent. The server checks everything again. */
import type { BindingRequest } from './api/bindings'
import type { IdKind, SchoolDetail } from './api/schools'
import { idNumberComplaint, normalIdNumber } from './id-number'
import { err, ok, type Result } from './result'
import { halfWidth } from './text'

export interface BindingDraft {
  readonly idKind: IdKind
  readonly idValue: string
  readonly name: string
  /** With the ID number and the name together, where the number's attempts are used up. */
  readonly byName: boolean
  readonly password: string
  /** The items of the consent that were agreed to. */
  readonly agreed: readonly string[]
}

/** Complaints by the JSON pointer of the field, as in a problem document of the server. */
export type Complaints = Readonly<Record<string, string>>

const idKindLabels: Readonly<Record<IdKind, string>> = {
  student_no: '学号/工号',
  id_number: '身份证号',
}

const consentLabels: Readonly<Record<string, string>> = {
  terms: '我已阅读并同意使用条款',
  id_number: '我单独同意：用身份证号核对初始查询密码（敏感个人信息）',
}

/** What the school calls its own number, or the plain name of the other. */
export function idLabel(school: SchoolDetail, kind: IdKind): string {
  const isOwn = kind === 'student_no' && school.binding.id_label !== ''
  return isOwn ? school.binding.id_label : idKindLabels[kind]
}

export function idHint(school: SchoolDetail, kind: IdKind): string {
  return kind === 'student_no' ? school.binding.id_hint : '18 位，最后一位可以是 X'
}

/** What agreeing to one item of the consent says. */
export function consentLabel(item: string): string {
  return consentLabels[item] ?? `我同意上述说明（${item}）`
}

export function bindingRequest(
  school: SchoolDetail,
  draft: BindingDraft,
): Result<BindingRequest, Complaints> {
  const { binding, consent } = school
  const idValue = normalIdValue(draft.idKind, draft.idValue)
  const name = draft.name.trim()
  const needsName = binding.name_required || draft.byName
  const complaints: Record<string, string> = {}
  const idComplaint = complaintOf(school, draft.idKind, idValue)
  if (idComplaint !== '') complaints['/id_value'] = idComplaint
  if (needsName && name === '') complaints['/name'] = '请输入姓名'
  if (draft.password === '') complaints['/query_password'] = '请输入查询密码'
  if (!consent.items.every((item) => draft.agreed.includes(item))) {
    complaints['/consent'] = '请先阅读说明，并逐项勾选同意'
  }
  if (Object.keys(complaints).length > 0) return err(complaints)
  return ok({
    school: school.code,
    id_kind: draft.idKind,
    id_value: idValue,
    ...(needsName ? { name } : {}),
    query_password: draft.password,
    consent: { version: consent.version, items: consent.items },
  })
}

function normalIdValue(kind: IdKind, typed: string): string {
  return kind === 'id_number' ? normalIdNumber(typed) : halfWidth(typed).trim()
}

function complaintOf(school: SchoolDetail, kind: IdKind, value: string): string {
  const label = idLabel(school, kind)
  if (value === '') return `请输入${label}`
  if (!hasForm(patternOf(school, kind), value)) {
    return `${label}格式不对：${idHint(school, kind)}`
  }
  return kind === 'id_number' ? idNumberComplaint(value) : ''
}

function patternOf({ binding }: SchoolDetail, kind: IdKind): string | null {
  const own = kind === 'student_no' ? binding.id_pattern : null
  return binding.id_patterns?.[kind] ?? own
}

function hasForm(pattern: string | null, value: string): boolean {
  if (pattern === null) return true
  try {
    return new RegExp(pattern).test(value)
  } catch {
    // A pattern that this engine does not read; the server decides.
    return true
  }
}
