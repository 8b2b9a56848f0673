import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Complaint, complain, complaintId, showFirstComplaint, withdraw } from './complaints'

/** Where the element of an id is, from the upper edge of a page that was scrolled by 700. */
const tops = new Map<string, number>()
const scrolled: number[] = []
const focused: string[] = []
const given: Complaint[] = []
let page = 'pages/binding/index'

function fakeQuery() {
  const found: unknown[] = []
  let id = ''
  const query = {
    in: () => query,
    select: (selector: string) => {
      id = selector.slice(1)
      return query
    },
    selectViewport: () => query,
    boundingClientRect: () => found.push({ top: tops.get(id) }),
    scrollOffset: () => found.push({ scrollTop: 700 }),
    exec: (answer: (found: unknown[]) => void) => answer(found),
  }
  return query
}

function complaintAt(top: number): Complaint {
  const id = complaintId()
  const complaint = { owner: null, id, focus: () => void focused.push(id) }
  tops.set(id, top)
  given.push(complaint)
  complain(complaint)
  return complaint
}

async function press(): Promise<void> {
  showFirstComplaint()
  await vi.advanceTimersByTimeAsync(1_000)
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('getCurrentPages', () => [{ route: page }])
  vi.stubGlobal('uni', {
    createSelectorQuery: fakeQuery,
    pageScrollTo: ({ scrollTop }: { scrollTop: number }) => scrolled.push(scrollTop),
  })
  page = 'pages/binding/index'
})
afterEach(() => {
  given.forEach(withdraw)
  for (const list of [scrolled, focused, given]) list.length = 0
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('shows the one that stands first, in whatever order they came', async () => {
  complaintAt(-100)
  const first = complaintAt(-400)
  complaintAt(200)
  await press()
  expect([scrolled, focused]).toEqual([[700 - 400 - 60], [first.id]])
})

it('does not move a page on which it is seen', async () => {
  const seen = complaintAt(120)
  await press()
  expect([scrolled, focused]).toEqual([[], [seen.id]])
})

it('shows it again at each press, until it is answered', async () => {
  const complaint = complaintAt(-400)
  await press()
  await press()
  withdraw(complaint)
  await press()
  expect(focused).toEqual([complaint.id, complaint.id])
})

it('leaves what other pages complain about alone', async () => {
  complaintAt(-400)
  page = 'pages/index/index'
  await press()
  expect([scrolled, focused]).toEqual([[], []])
})

it('goes to the beginning where the platform does not measure', async () => {
  const complaint = complaintAt(-400)
  Object.assign(uni, { createSelectorQuery: undefined })
  await press()
  expect([scrolled, focused]).toEqual([[0], [complaint.id]])
})
