/** Doors of the key ring: what is said of them, and of an attempt to open one. */
import type { Door, Opening } from './api/doors'
import { momentText } from './calendar'
import type { Intent } from './idempotency'

/** How long a lock may still open after it was asked for, and so how long a key is used again. */
export const openWithinMs = 15_000
/** When a lock that has not answered is asked about again. */
export const askEveryMs = 2_000
/** After so many questions the server knows what can be known. */
const mostQuestions = 14

/** `东区 3 栋 402 室`. */
export function doorTitle({ place, name }: Pick<Door, 'place' | 'name'>): string {
  return place === '' ? name : `${place} ${name}`
}

/** What stands beside a door that does not open now; empty for one that does. */
export function doorDetail({ opens_at: at }: Door, now: number): string {
  const moment = at === null ? '' : momentText(at, now)
  return moment === '' ? '' : `${moment} 起可开`
}

export interface WishedOpening {
  readonly intent: Intent
  readonly at: number
}

/**
 * The attempt that a wish to open belongs to. Soon after an answer was lost it is the same one, so
 * that the door does not open twice; later the lock of the first cannot open any more.
 */
export function isSameWish(wished: WishedOpening | null, door: string, now: number): boolean {
  return wished?.intent.wish === door && now - wished.at < openWithinMs
}

/** What is shown of an attempt. */
export interface OpeningView {
  readonly tone: 'good' | 'bad' | 'unsure'
  readonly title: string
  readonly detail: string
}

export function openingView({ state, title }: Opening, isAsking: boolean): OpeningView {
  switch (state) {
    case 'opened':
      return { tone: 'good', title, detail: '' }
    case 'refused':
      return { tone: 'bad', title, detail: '' }
    case 'unknown':
      return {
        tone: 'unsure',
        title,
        detail: isAsking ? '正在询问门锁，请稍候' : '门没有开的话，可以再开一次，或找宿管',
      }
  }
}

/** No answer of the server: whether it asked the lock is not known either. */
export const unansweredView: OpeningView = {
  tone: 'unsure',
  title: '没有收到答复，请看门是否已开',
  detail: '请检查网络。马上再试不会重复开门',
}

/** Whether to ask once more about an attempt of which nobody knows. */
export function asksAgain(asked: number): boolean {
  return asked < mostQuestions
}
