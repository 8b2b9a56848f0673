import { expect, it } from 'vitest'
import {
  asksAgain,
  blockedDetail,
  doorDetail,
  doorTitle,
  isSameWish,
  openingView,
  openWithinMs,
} from './doors'

const door = { id: 'd1', name: '402 室', place: '东区 3 栋', opens_at: null }
const now = Date.parse('2026-11-30T08:00:00+08:00')

it('names a door by its place and name', () => {
  expect(doorTitle(door)).toBe('东区 3 栋 402 室')
  expect(doorTitle({ ...door, place: '' })).toBe('402 室')
  expect(doorTitle({ ...door, name: '东区 3 栋 402 室' }), 'once').toBe('东区 3 栋 402 室')
})

it('says from when a door opens', () => {
  expect(doorDetail(door, now)).toBe('')
  expect(doorDetail({ ...door, opens_at: '2026-11-30T22:30:00+08:00' }, now)).toBe(
    '今天 22:30 起可开',
  )
})

it('repeats an attempt only while its lock may still open', () => {
  const wished = { intent: { key: 'k', wish: 'd1' }, at: now }
  expect(isSameWish(null, 'd1', now)).toBe(false)
  expect(isSameWish(wished, 'd1', now + openWithinMs - 1)).toBe(true)
  expect(isSameWish(wished, 'd1', now + openWithinMs)).toBe(false)
  expect(isSameWish(wished, 'd2', now)).toBe(false)
})

it.each([
  ['opened', '门已打开', false, 'good', ''],
  ['refused', '门锁不在线', false, 'bad', ''],
  ['unknown', '门锁未答复，请看门是否已开', true, 'unsure', '正在询问门锁，请稍候'],
  [
    'unknown',
    '门锁未答复，请看门是否已开',
    false,
    'unsure',
    '门没有开的话，可以再开一次；还是不行，请刷实体校园卡或找宿管',
  ],
] as const)('says of %s %s', (state, title, isAsking, tone, detail) => {
  const opening = { id: 'o1', door_id: 'd1', state, reason: null, title }
  expect(openingView(opening, isAsking)).toEqual({ tone, title, detail })
})

/** Every reason that the server has, but for those whose titles say what to do. */
it.each([
  ['account_lost', '解挂'],
  ['account_expired', '服务窗口'],
  ['account_closed', '服务窗口'],
  ['right_not_now', '宿管'],
  ['no_such_lock', '宿管登记'],
  ['offline', '实体校园卡'],
  ['blocked', '反锁'],
  ['battery', '更换电池'],
  ['too_late', '再开一次'],
  ['unreachable', '实体校园卡'],
  ['not_received', '再开一次'],
  ['other', '再开一次'],
])('says what to do about a door that did not open: %s', (code, words) => {
  const title = '门没有打开'
  const reason = { code, title }
  const refused = { id: 'o1', door_id: 'd1', state: 'refused' as const, reason, title }
  expect(openingView(refused, false).detail).toContain(words)
})

it('says that no key works while the card is lost, and what to do', () => {
  expect(blockedDetail('account_lost')).toMatch(/钥匙都不能用.*解挂/)
  expect(blockedDetail('account_dormant')).toBe('')
})

it('stops asking', () => {
  expect([asksAgain(1), asksAgain(13), asksAgain(14)]).toEqual([true, true, false])
})
