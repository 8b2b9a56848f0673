/** One door: chosen, confirmed, opened, and asked about until the lock has said what it did. */
import { computed, ref, shallowRef } from 'vue'
import type { Door, Opening } from '@/core/api/doors'
import {
  askEveryMs,
  asksAgain,
  openingView,
  type OpeningView,
  unansweredView,
} from '@/core/doors'
import { isOutcomeUnknown } from '@/core/problem'
import { loadOpening, openDoor } from '@/services/doors'
import { useAttempt } from '../use-attempt'

export function useOpening() {
  const { busy, refusal, waiting, attempt, startOver, labelled } = useAttempt()
  const door = shallowRef<Door | null>(null)
  const opening = shallowRef<Opening | null>(null)
  const isUnknown = ref(false)
  const isAsking = ref(false)
  const view = computed<OpeningView | null>(() => {
    if (opening.value !== null) return openingView(opening.value, isAsking.value)
    return isUnknown.value ? unansweredView : null
  })

  /** Rises with each door: an answer about an older one is let go. */
  let turn = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  function choose(chosen: Door | null): void {
    stop()
    door.value = chosen
    opening.value = null
    isUnknown.value = false
    startOver()
  }

  async function confirm(): Promise<void> {
    const chosen = door.value
    if (chosen === null) return
    const current = turn
    const answer = await attempt(() => openDoor(chosen.id))
    if (answer === null || current !== turn) return
    isUnknown.value = !answer.ok && isOutcomeUnknown(answer.error)
    if (isUnknown.value) startOver()
    if (answer.ok) hear(answer.value, 0)
  }

  function hear(said: Opening, asked: number): void {
    opening.value = said
    isAsking.value = said.state === 'unknown' && asksAgain(asked)
    if (!isAsking.value) return
    const current = turn
    timer = setTimeout(() => void ask(said, asked + 1, current), askEveryMs)
  }

  async function ask(said: Opening, asked: number, current: number): Promise<void> {
    const answer = await loadOpening(said.id)
    if (current !== turn) return
    // Without an answer it is as unknown as before.
    hear(answer.ok ? answer.value : said, asked)
  }

  function stop(): void {
    turn += 1
    clearTimeout(timer)
    isAsking.value = false
  }

  const attempting = { busy, refusal, waiting, labelled }
  return { door, opening, view, isAsking, choose, confirm, stop, ...attempting }
}
