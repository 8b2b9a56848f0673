/** Doors that a person opens from the phone. */
import { absentable, type Decoded, list, object, oneOf, text } from '../decode'
import { get, post, takes } from '../request'

const reason = object({ code: text, title: text })

const door = object({
  id: text,
  name: text,
  /** May be empty. */
  place: text,
  /** When it may be opened today, where that is later than now. */
  opens_at: absentable(text),
})

const doors = object({
  doors: list(door),
  /** Why none of them opens. */
  blocked: absentable(reason),
})

const opening = object({
  id: text,
  door_id: text,
  state: oneOf('opened', 'refused', 'unknown'),
  reason: absentable(reason),
  /** For the person at the door. */
  title: text,
})

export type Door = Decoded<typeof door>
export type Doors = Decoded<typeof doors>
export type Opening = Decoded<typeof opening>

/** The same key again is answered with the same attempt, and opens nothing again. */
interface Idempotent {
  readonly headers: { readonly 'Idempotency-Key': string }
}

export const doorsApi = {
  list: get('/api/v1/me/doors', doors),
  open: post('/api/v1/me/doors/{door}/open', opening, takes<Idempotent>()),
  load: get('/api/v1/me/doors/openings/{id}', opening),
}
