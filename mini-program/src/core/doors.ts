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
  return name.startsWith(place) ? name : `${place} ${name}`
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

const elsewise = '请刷实体校园卡，或找宿管开门'
const again = '可以再开一次；还是不行，请刷实体校园卡或找宿管'

/** What to do about a door that did not open, by the reason; its title says what is wrong. */
const advice: Readonly<Record<string, string>> = {
  account_lost: '找到卡以后，先解挂（在“挂失与解挂”，或按学校规定到服务窗口），再来开门',
  account_expired: '请带有效证件到服务窗口办理',
  account_closed: '有疑问请到服务窗口办理',
  right_not_now: '请在开放时间再来；急需进门请找宿管',
  no_such_lock: `${elsewise}，并请宿管登记这扇门`,
  offline: `再按也打不开。${elsewise}，并请宿管检查门锁的网络`,
  blocked: '请敲门问里面是否反锁；没有反锁的话，推紧门再开一次，还是不行找宿管',
  battery: `${elsewise}，并请宿管更换电池`,
  too_late: '刚才网络太慢。请在门前再开一次',
  unreachable: `请过一会儿再开。${elsewise}也可以`,
  not_received: again,
  other: again,
}

/** Why no door opens from the phone, and what goes on or is to be done. */
export function blockedDetail(code: string): string {
  if (code !== 'account_lost') return ''
  return '挂失期间钥匙都不能用，下面的门从手机上都打不开。找到卡以后先解挂（或按学校规定到服务窗口办理），钥匙马上恢复'
}

export function openingView(opening: Opening, isAsking: boolean): OpeningView {
  const { state, title, reason } = opening
  switch (state) {
    case 'opened':
      return { tone: 'good', title, detail: '' }
    case 'refused':
      return { tone: 'bad', title, detail: advice[reason?.code ?? ''] ?? '' }
    case 'unknown':
      return {
        tone: 'unsure',
        title,
        detail: isAsking ? '正在询问门锁，请稍候' : `门没有开的话，${again}`,
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
