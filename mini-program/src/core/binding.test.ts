import { describe, expect, it } from 'vitest'
import type { SchoolDetail } from './api'
import { bindingRequest, idLabel } from './binding'
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
      name_required: false,
      password_hint: '',
      ...binding,
    },
    consent: { version: '2026-11', items: ['terms', 'id_number'], text: '' },
    top_up: { min_fen: fen(1), max_fen: fen(50000), choices_fen: [] },
    help: [],
  }
}

const draft = {
  idKind: 'student_no',
  idValue: '2026001',
  name: '',
  password: '123456',
  agreed: true,
} as const

describe('bindingRequest', () => {
  it('sends what the school asks for, and no more', () => {
    expect(bindingRequest(school(), { ...draft, idValue: ' 2026001 ', name: '林' })).toEqual({
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

  it('complains about every field at once', () => {
    const empty = { ...draft, idValue: ' ', password: '', agreed: false }
    const request = bindingRequest(school({ name_required: true }), empty)
    expect(request).toEqual({
      ok: false,
      error: {
        '/id_value': '请输入学号',
        '/name': '请输入姓名',
        '/query_password': '请输入查询密码',
        '/consent': '请先阅读并同意上述说明',
      },
    })
  })

  it.each(['123456', '12345678', 'abcdefg'])('refuses %s by the pattern', (idValue) => {
    expect(bindingRequest(school(), { ...draft, idValue })).toEqual({
      ok: false,
      error: { '/id_value': '学号格式不对，应为7 位数字' },
    })
  })

  it.each([null, '(', '^[0-9]{7}$'])('lets a number through under pattern %s', (pattern) => {
    expect(bindingRequest(school({ id_pattern: pattern }), draft).ok).toBe(true)
  })

  it('does not hold another kind of number to the pattern', () => {
    const both = school({ id_kinds: ['student_no', 'id_number'] })
    const other = { ...draft, idKind: 'id_number', idValue: '42230119991231123X' } as const
    expect(bindingRequest(both, other).ok).toBe(true)
    expect(idLabel(both, 'id_number')).toBe('身份证号')
    expect(idLabel(both, 'student_no')).toBe('学号')
  })
})
