import { type Loss, lossApi, type LossClaim, type LossReason } from '@/core/api/loss'
import type { ApiError } from '@/core/problem'
import type { Result } from '@/core/result'
import { forgetKeys } from './keyring'
import { client } from './session'

type Answer = Result<Loss, ApiError>

export async function loadLoss(): Promise<Answer> {
  return heard(await client.call(lossApi.load({})))
}

export async function reportLoss(claim: LossClaim, reason: LossReason): Promise<Answer> {
  return heard(await client.call(lossApi.report({ body: { ...claim, reason } })))
}

export async function cancelLoss(claim: LossClaim): Promise<Answer> {
  return heard(await client.call(lossApi.cancel({ body: claim })))
}

/** Where codes stop with the card, none are shown here either. */
function heard(answer: Answer): Answer {
  if (!answer.ok) return answer
  const { status, stops } = answer.value
  if (status === 'lost' && stops === 'card_and_codes') forgetKeys()
  return answer
}
