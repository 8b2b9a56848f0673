/** A lost card: what its school asks for, and what can be said of a report. */
import type { Loss, LossClaim, LossField } from './api/loss'
import type { SchoolDetail } from './api/schools'
import type { Complaints } from './binding'
import { momentText } from './calendar'
import { idNumberComplaint, normalIdNumber } from './id-number'
import { err, ok, type Result } from './result'

/** What can be done next: a card that is reported can only be taken back. */
export type LossAct = 'report' | 'cancel'

export const actNames: Readonly<Record<LossAct, string>> = { report: '挂失', cancel: '解挂' }

export function actOf({ status }: Loss): LossAct {
  return status === 'lost' ? 'cancel' : 'report'
}

/** `正常`, or `已挂失，今天 08:05 起`. */
export function stateText({ status, reported_at: at }: Loss, now: number): string {
  const state = cardStateText(status)
  const moment = at === null ? '' : momentText(at, now)
  return moment === '' ? state : `${state}，${moment} 起`
}

/** The state of the card that the home page names; empty for one that is told elsewhere. */
export function cardStateText(status: string): string {
  if (status === 'lost') return '已挂失'
  return status === 'normal' ? '正常' : ''
}

/** What a report stops, what stays, and how it is undone: one sentence each. */
export function effectsOf({ stops, cancel_fields }: Loss): readonly string[] {
  const phones =
    stops === 'card'
      ? [
          '手机照常：付款码和身份码还能用，开通了手机开门的也照旧',
          '手机也丢了的话，请马上修改查询密码，并在新手机上重新启用付款码',
        ]
      : [
          '付款码和身份码停用：所有手机上的都不能用',
          '开通了手机开门的，“我的钥匙”也停用',
        ]
  const undone =
    cancel_fields === null
      ? '找到后到服务窗口解挂，不能在手机上解'
      : `找到后在小程序里解挂，${stops === 'card' ? '卡' : '卡和手机上的码、钥匙'}恢复使用`
  const renewed = stops === 'card' ? [] : ['解挂后打开付款码，输入一次查询密码重新启用']
  return [
    '实体卡停用：在哪里都不能刷',
    ...phones,
    '余额不变，充值、账单和订单照常',
    undone,
    ...renewed,
  ]
}

/** Where the next step is taken. */
export type LossWay =
  | { readonly kind: 'form'; readonly fields: readonly LossField[] }
  | { readonly kind: 'counter'; readonly reason: string }
  /** The web portal reports, and takes nothing back. */
  | { readonly kind: 'host_app' }

/** @param readOnly signed in at the web portal */
export function wayOf(loss: Loss, readOnly: boolean): LossWay {
  const act = actOf(loss)
  const fields = act === 'report' ? loss.report_fields : loss.cancel_fields
  if (fields === null) {
    return { kind: 'counter', reason: `学校不在网上办理${actNames[act]}` }
  }
  if (act === 'cancel' && readOnly) return { kind: 'host_app' }
  if (fields.includes('chip_number') && loss.chip_number === null) {
    return { kind: 'counter', reason: '学校没有登记这张卡的芯片卡号，不能在网上办理' }
  }
  return { kind: 'form', fields }
}

/** What the school says of lost cards in its help. */
export function lossHelp(school: SchoolDetail | null): SchoolDetail['help'] {
  const concerns = /挂失|解挂/
  return (school?.help ?? []).filter(({ title, text }) => concerns.test(title + text))
}

export interface LossDraft {
  readonly password: string
  readonly idNumber: string
}

/** What is sent: the password, and what the school asks for besides. */
export function lossClaim(
  loss: Loss,
  fields: readonly LossField[],
  draft: LossDraft,
): Result<LossClaim, Complaints> {
  const idNumber = normalIdNumber(draft.idNumber)
  const complaints: Record<string, string> = {}
  const idComplaint = fields.includes('id_number') ? complaintOf(idNumber) : ''
  if (idComplaint !== '') complaints['/id_number'] = idComplaint
  if (draft.password === '') complaints['/query_password'] = '请输入查询密码'
  if (Object.keys(complaints).length > 0) return err(complaints)
  const chipNumber = fields.includes('chip_number') ? loss.chip_number : null
  return ok({
    query_password: draft.password,
    ...(fields.includes('id_number') ? { id_number: idNumber } : {}),
    ...(chipNumber === null ? {} : { chip_number: chipNumber }),
  })
}

function complaintOf(idNumber: string): string {
  return idNumber === '' ? '请输入身份证号' : idNumberComplaint(idNumber)
}

/** Refusals that say that the card, or what the school asks for, is not as it was shown. */
export function isOutdated(code: string): boolean {
  return ['counter_only', 'field_missing', 'loss_not_reported'].includes(code)
}
