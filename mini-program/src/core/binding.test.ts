import { describe, expect, it } from 'vitest'
import type { SchoolDetail } from './api/schools'
import { bindingRequest, consentLabel, idHint, idLabel } from './binding'
import { isFen } from './money'

const fen = (value: number) => {
  if (!isFen(value)) throw new Error('not fen')
  return value
}

function school(binding: Partial<SchoolDetail['binding']> = {}): SchoolDetail {
  return {
    code: 'xnec',
    name: '咸宁职业技术学院',
    binding: {
      id_kinds: ['student_no'],
      id_label: '学号',
      id_hint: '7 位数字',
      id_pattern: '^[0-9]{7}$',
      id_patterns: null,
      name_required: false,
      password_hint: '',
      ...binding,
    },
    password: { change_online: true, must_change: false, rule: 'six_digits', hint: '' },
    portal: false,
    consent: { version: '2026-11', items: ['terms', 'id_number'], text: '' },
    top_up: { min_fen: fen(1), max_fen: fen(50000), choices_fen: [], password_required: false },
    help: [],
  }
}

const draft = {
  idKind: 'student_no',
  idValue: '2026001',
  name: '',
  byName: false,
  password: '123456',
  agreed: ['id_number', 'terms'],
} as const

describe('bindingRequest', () => {
  it('sends what the school asks for, and no more', () => {
    expect(bindingRequest(school(), { ...draft, idValue: ' ２026001 ', name: '林' })).toEqual({
      ok: true,
      value: {
        school: 'xnec',
        id_kind: 'student_no',
        id_value: '2026001',
        query_password: '123456',
        consent: { version: '2026-11', items: ['terms', 'id_number'] },
      },
    })
  })

  it('sends the name where it is required', () => {
    const request = bindingRequest(school({ name_required: true }), { ...draft, name: ' 林晓雨 ' })
    expect(request).toMatchObject({ ok: true, value: { name: '林晓雨' } })
  })

  it('sends the ID number and the name together where the number is used up', () => {
    const other = { ...draft, idKind: 'id_number', idValue: '11010519491231002x' } as const
    const request = bindingRequest(school(), { ...other, name: ' 林晓雨 ', byName: true })
    const value = { id_kind: 'id_number', id_value: '11010519491231002X', name: '林晓雨' }
    expect(request).toMatchObject({ ok: true, value })
    const nameless = bindingRequest(school(), { ...other, byName: true })
    expect(nameless).toEqual({ ok: false, error: { '/name': '请输入姓名' } })
  })

  it('complains about every field at once', () => {
    const empty = { ...draft, idValue: ' ', password: '', agreed: [] }
    const request = bindingRequest(school({ name_required: true }), empty)
    expect(request).toEqual({
      ok: false,
      error: {
        '/id_value': '请输入学号',
        '/name': '请输入姓名',
        '/query_password': '请输入查询密码',
        '/consent': '请先阅读说明，并逐项勾选同意',
      },
    })
  })

  it.each([[[]], [['terms']], [['id_number']], [['terms', 'other']]])(
    'does not take the agreement to %j for all of it',
    (agreed) => {
      const request = bindingRequest(school(), { ...draft, agreed })
      expect(request).toMatchObject({ ok: false, error: { '/consent': expect.any(String) } })
    },
  )

  it.each(['123456', '12345678', 'abcdefg'])('refuses %s by the pattern', (idValue) => {
    expect(bindingRequest(school(), { ...draft, idValue })).toEqual({
      ok: false,
      error: { '/id_value': '学号格式不对：7 位数字' },
    })
  })

  it.each([null, '(', '^[0-9]{7}$'])('lets a number through under pattern %s', (pattern) => {
    expect(bindingRequest(school({ id_pattern: pattern }), draft).ok).toBe(true)
  })
})

describe('an ID number', () => {
  const both = school({ id_kinds: ['student_no', 'id_number'] })
  const other = { ...draft, idKind: 'id_number', idValue: '11010519491231002x' } as const

  it('is not held to the pattern of the student number', () => {
    const request = bindingRequest(both, other)
    expect(request).toMatchObject({ ok: true, value: { id_value: '11010519491231002X' } })
    expect(idLabel(both, 'id_number')).toBe('身份证号')
    expect(idLabel(both, 'student_no')).toBe('学号')
    expect(idHint(both, 'student_no')).toBe('7 位数字')
  })

  it('is checked to its last digit before it is sent', () => {
    const request = bindingRequest(both, { ...other, idValue: '110105194912310021' })
    const complaint: unknown = expect.stringContaining('输错一位')
    expect(request).toMatchObject({ ok: false, error: { '/id_value': complaint } })
  })

  it('is held to a pattern of its own', () => {
    const own = school({
      id_kinds: ['id_number'],
      id_patterns: { student_no: null, id_number: '^53' },
    })
    expect(bindingRequest(own, other).ok).toBe(false)
  })
})

it('names what is agreed to', () => {
  expect(consentLabel('terms')).toContain('使用条款')
  expect(consentLabel('id_number')).toContain('单独同意')
  expect(consentLabel('photo')).toContain('photo')
})
