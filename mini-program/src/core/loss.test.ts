import { describe, expect, it } from 'vitest'
import type { Loss, LossField } from './api/loss'
import type { SchoolDetail } from './api/schools'
import {
  actOf,
  cardStateText,
  effectsOf,
  isOutdated,
  lossClaim,
  lossHelp,
  type LossWay,
  stateText,
  wayOf,
} from './loss'

const noon = Date.parse('2026-11-21T12:00:00+08:00')
/** Of an area that is not assigned. */
const idNumber = '990101200402290010'
const three: readonly LossField[] = ['id_number', 'chip_number']
const normal: Loss = {
  status: 'normal',
  reported_at: null,
  chip_number: null,
  report_fields: [],
  cancel_fields: [],
  stops: 'card_and_codes',
}
const lost: Loss = { ...normal, status: 'lost', reported_at: '2026-11-21T08:05:00+08:00' }

it.each<[string, Loss, string]>([
  ['normal', normal, '正常'],
  ['lost', lost, '已挂失，今天 08:05 起'],
  ['lost at a time that cannot be read', { ...lost, reported_at: '?' }, '已挂失'],
  ['lost, nobody says when', { ...lost, reported_at: null }, '已挂失'],
])('says how the card stands: %s', (_name, loss, text) => {
  expect(stateText(loss, noon)).toBe(text)
})

it.each([
  ['normal', '正常'],
  ['lost', '已挂失'],
  ['dormant', ''],
])('names the state %s at home: %j', (status, text) => {
  expect(cardStateText(status)).toBe(text)
})

it.each<[Loss['stops'], Loss['cancel_fields'], RegExp]>([
  [
    'card_and_codes',
    [],
    /实体卡停用.*付款码和身份码停用.*所有手机.*钥匙”也停用.*余额不变.*在小程序里解挂.*重新启用/,
  ],
  ['card_and_codes', null, /余额不变.*到服务窗口解挂.*重新启用/],
  ['card', [], /实体卡停用.*手机照常.*余额不变.*在小程序里解挂/],
  ['card', null, /手机照常.*到服务窗口解挂/],
])('says what a report of %s stops, what stays, and the way back by %j', (...row) => {
  const [stops, cancel_fields, words] = row
  expect(effectsOf({ ...normal, stops, cancel_fields }).join('')).toMatch(words)
})

const form = (...fields: LossField[]): LossWay => ({ kind: 'form', fields })
const counter: LossWay = { kind: 'counter', reason: expect.any(String) as string }
const known = { chip_number: '0A1B2C3D' }

it.each<[string, Loss, boolean, LossWay]>([
  ['the password alone', normal, false, form()],
  ['the password alone, at the portal', normal, true, form()],
  ['three things', { ...normal, ...known, report_fields: three }, false, form(...three)],
  ['a chip number that is not known', { ...normal, report_fields: three }, false, counter],
  ['the counter', { ...normal, report_fields: null }, false, counter],
  ['other things to take it back', { ...lost, report_fields: three }, false, form()],
  ['the counter to take it back', { ...lost, cancel_fields: null }, false, counter],
  ['the app to take it back', lost, true, { kind: 'host_app' }],
  ['the counter also at the portal', { ...lost, cancel_fields: null }, true, counter],
])('asks for what the school asks for: %s', (_name, loss, readOnly, way) => {
  expect(wayOf(loss, readOnly)).toEqual(way)
})

it('takes back what is reported, and nothing else', () => {
  expect([actOf(normal), actOf(lost)]).toEqual(['report', 'cancel'])
})

describe('the claim', () => {
  const loss = { ...normal, ...known }

  it.each<[readonly LossField[], object]>([
    [[], {}],
    [['id_number'], { id_number: idNumber }],
    [['chip_number'], known],
    [three, { id_number: idNumber, ...known }],
  ])('sends the password and %j alone', (fields, more) => {
    const draft = { password: '271828', idNumber: ' 990101 20040229 0010' }
    expect(lossClaim(loss, fields, draft)).toEqual({
      ok: true,
      value: { query_password: '271828', ...more },
    })
  })

  it.each<[readonly LossField[], string, string, string[]]>([
    [[], '', '', ['/query_password']],
    [three, '', '', ['/id_number', '/query_password']],
    [three, '990101200402290011', '271828', ['/id_number']],
  ])('with %j complains of each field: %j %j', (fields, number, password, pointers) => {
    const claim = lossClaim(loss, fields, { password, idNumber: number })
    expect(claim.ok ? [] : Object.keys(claim.error)).toEqual(pointers)
  })
})

it.each([
  ['counter_only', true],
  ['field_missing', true],
  ['loss_not_reported', true],
  ['password_wrong', false],
])('%s says that what was shown is out of date: %s', (code, outdated) => {
  expect(isOutdated(code)).toBe(outdated)
})

it('finds what the school says of lost cards', () => {
  const help = [
    { title: '怎样绑定', text: '输入学号' },
    { title: '卡丢了怎么办', text: '请尽快挂失' },
    { title: '解挂', text: '带身份证' },
  ]
  expect(lossHelp({ help } as unknown as SchoolDetail)).toEqual(help.slice(1))
  expect(lossHelp(null)).toEqual([])
})
