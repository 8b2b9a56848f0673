/** Finding a school among many by what a person remembers of its name. */
import type { School } from './api/schools'
import { halfWidth } from './text'

/**
 * The schools that fit, best first: names that hold the words as they are, then names that hold
 * their characters in order (`云艺` finds 云南艺术学院).
 */
export function findSchools(schools: readonly School[], typed: string): readonly School[] {
  const wanted = halfWidth(typed).replace(/\s/g, '').toLowerCase()
  if (wanted === '') return schools
  const whole = schools.filter((school) => textsOf(school).some((text) => text.includes(wanted)))
  const parts = schools.filter((school) => holdsInOrder(school.name.toLowerCase(), wanted))
  return [...whole, ...parts.filter((school) => !whole.includes(school))]
}

function textsOf(school: School): string[] {
  return [school.name.toLowerCase(), school.code]
}

function holdsInOrder(text: string, wanted: string): boolean {
  let at = -1
  return [...wanted].every((character) => {
    at = text.indexOf(character, at + 1)
    return at >= 0
  })
}
