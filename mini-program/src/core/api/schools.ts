/** Schools, and what each of them asks of its students. */
import { absentable, bool, type Decoded, fen, list, object, oneOf, text } from '../decode'
import { get, takes } from '../request'
import { pageOf, type PageQuery } from './page'

export const school = object({ code: text, name: text })

const idKind = oneOf('student_no', 'id_number')

const schoolDetail = object({
  code: text,
  name: text,
  binding: object({
    id_kinds: list(idKind),
    id_label: text,
    id_hint: text,
    id_pattern: absentable(text),
    name_required: bool,
    password_hint: text,
    id_patterns: absentable(
      object({ student_no: absentable(text), id_number: absentable(text) }),
    ),
  }),
  password: object({
    change_online: bool,
    must_change: bool,
    rule: oneOf('six_digits', 'six_digits_strong'),
    hint: text,
  }),
  portal: bool,
  consent: object({ version: text, items: list(text), text }),
  top_up: object({
    min_fen: fen,
    max_fen: fen,
    choices_fen: list(fen),
    password_required: bool,
  }),
  help: list(object({ title: text, text })),
})

export type School = Decoded<typeof school>
export type SchoolDetail = Decoded<typeof schoolDetail>
export type IdKind = Decoded<typeof idKind>

export const schoolsApi = {
  list: get('/api/v1/schools', pageOf(school), takes<{ query: PageQuery }>()),
  load: get('/api/v1/schools/{code}', schoolDetail),
}
