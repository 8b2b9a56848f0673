/**
 * What a page complains about, and showing the first of it. A form's button is below its fields:
 * whoever presses it does not see what is wrong above.
 */
import { settle } from './settle'

export interface Complaint {
  /** The component that it is in. */
  readonly owner: unknown
  /** The id of its element. */
  readonly id: string
  /** Goes there with the keyboard, where something can be typed. */
  readonly focus: () => void
}

/** What is wrong now, and on which page. */
const complaints = new Map<Complaint, string>()

/** Until a mini-program has drawn what a press has changed. */
const drawnMs = 120
/** How far from the upper edge it is shown: below the bar of H5. */
const marginPx = 60
/** What begins above this is seen without scrolling, also with the keyboard on the screen. */
const seenPx = 300
const measuredWithinMs = 1_000

let made = 0
let timer: ReturnType<typeof setTimeout> | undefined

/** An id for the element of one complaint. */
export function complaintId(): string {
  made += 1
  return `complaint-${made}`
}

export function complain(complaint: Complaint): void {
  complaints.set(complaint, currentPage())
}

export function withdraw(complaint: Complaint): void {
  complaints.delete(complaint)
}

/** Shows the first complaint of the page, once what was just done is drawn; nothing without any. */
export function showFirstComplaint(): void {
  clearTimeout(timer)
  timer = setTimeout(() => void show(), drawnMs)
}

async function show(): Promise<void> {
  const page = currentPage()
  const here = [...complaints].filter(([, where]) => where === page).map(([one]) => one)
  const placed = await Promise.all(here.map(async (one) => ({ one, place: await placeOf(one) })))
  const first = placed.reduce<(typeof placed)[number] | null>(
    (best, next) => (best === null || next.place.top < best.place.top ? next : best),
    null,
  )
  if (first === null) return
  const { top, scrolled } = first.place
  if (top < marginPx || top > seenPx) {
    uni.pageScrollTo({ scrollTop: Math.max(0, scrolled + top - marginPx), duration: 0 })
  }
  first.one.focus()
}

interface Place {
  /** From the upper edge of what is seen. */
  readonly top: number
  readonly scrolled: number
}

/** The beginning of the page where the platform does not tell. */
function placeOf({ owner, id }: Complaint): Promise<Place> {
  return settle<Place>(measuredWithinMs, { top: 0, scrolled: 0 }, (done) => {
    const query = uni.createSelectorQuery().in(owner)
    query.select(`#${id}`).boundingClientRect()
    query.selectViewport().scrollOffset(() => undefined)
    query.exec((found: readonly unknown[]) => {
      const [place, offset] = found
      done({ top: numberIn(place, 'top'), scrolled: numberIn(offset, 'scrollTop') })
    })
  })
}

function numberIn(measured: unknown, name: string): number {
  const value: unknown = (measured as Readonly<Record<string, unknown>> | null)?.[name]
  return typeof value === 'number' ? value : 0
}

function currentPage(): string {
  const pages = getCurrentPages()
  return pages[pages.length - 1]?.route ?? ''
}
