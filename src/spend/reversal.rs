//! A till takes a charge back: within the school's window, and once. One that comes before its
//! charge takes the charge's number, so that the charge is refused when it arrives.

use super::{
    charging::ChargeError,
    postings::{self, Parties},
    refusal::{self, TillRefusal},
    request::TillReply,
};
use crate::{
    base::{
        clock::Timestamp,
        db::{Source, Tx},
        http::ApiError,
        money::Fen,
    },
    cards::charges::{self, Charge, ChargeId},
    ledger::LockedAccounts,
    schools::School,
    terminals::{
        MerchantId, keep, known, merchant_code,
        seq::{AnsweredRequest, NumberedRequest, SeqCheck, SeqStep, StoredResponse, check_seq},
        write_of,
    },
};
use serde::Serialize;
use std::{collections::HashSet, sync::Arc};

/// A reversal that a till asks for.
#[derive(Clone, Debug)]
pub struct ReversalRequest {
    /// Under which number, and by which signature.
    pub asked: NumberedRequest,
    /// Where the till stands.
    pub school: Arc<School>,
    /// Of the request, to be named in a refusal.
    pub request_id: String,
}

/// A reversal as a till is told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReversalView {
    /// The charge that was taken back; `null` where there was none, and will be none.
    #[schema(value_type = Option<uuid::Uuid>)]
    charge_id: Option<ChargeId>,
    /// What went back; 0 where nothing was charged.
    #[schema(value_type = i64)]
    amount_fen: Fen,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// Takes a charge back, or sees to it that it is never made. Nothing counts until the caller
/// commits.
pub async fn take_back(
    tx: &Tx,
    now: Timestamp,
    request: &ReversalRequest,
) -> Result<TillReply, ChargeError> {
    let kept = known(Source::Tx(tx), &[&request.asked]).await?;
    match check_seq(&request.asked, &kept) {
        SeqCheck::Repeat(answer) => return Ok(TillReply::Answer(answer)),
        SeqCheck::Conflict => return Ok(TillReply::Conflict),
        SeqCheck::NonceReused => return Ok(TillReply::NonceReused),
        SeqCheck::First => {}
    }
    let act = (request.asked.terminal.uuid(), request.asked.seq.number());
    let answer = match charges::find(tx, act).await? {
        None => forestall(tx, now, request, &kept).await?,
        Some(charge) if now > charge.at.plus(request.school.policy.spend.reversal_window()) => {
            refuse(tx, now, request, TillRefusal::ReversalTooLate).await?
        }
        Some(charge) => undo(tx, now, request, &charge).await?,
    };
    Ok(TillReply::Answer(answer))
}

/// There is no charge: the requests that could still make one are answered in advance. A transaction
/// that is deciding one of them now violates the unique key on `terminal_answer` and runs again.
async fn forestall(
    tx: &Tx,
    now: Timestamp,
    request: &ReversalRequest,
    kept: &[AnsweredRequest],
) -> Result<StoredResponse, ChargeError> {
    let error = ApiError::new(TillRefusal::ChargeReversed.kind());
    let refused = refusal::answer(&error, &request.request_id)?;
    let answered = |step| {
        let asked = &request.asked;
        let mut ours = kept.iter().map(|kept| &kept.asked);
        ours.any(|k| (k.terminal, k.seq, k.step) == (asked.terminal, asked.seq, step))
    };
    let open = [SeqStep::Act, SeqStep::Password].into_iter().filter(|step| !answered(*step));
    let mut kept: Vec<AnsweredRequest> = open
        .map(|step| AnsweredRequest {
            asked: NumberedRequest { step, ..request.asked.reversed_before() },
            answer: refused.clone(),
        })
        .collect();
    let answer = done(None, Fen::ZERO, now)?;
    kept.push(AnsweredRequest { asked: request.asked.clone(), answer: answer.clone() });
    keep(tx, &kept, now).await?;
    Ok(answer)
}

async fn refuse(
    tx: &Tx,
    now: Timestamp,
    request: &ReversalRequest,
    refusal: TillRefusal,
) -> Result<StoredResponse, ChargeError> {
    let answer = refusal::answer(&ApiError::new(refusal.kind()), &request.request_id)?;
    keep(tx, &[AnsweredRequest { asked: request.asked.clone(), answer: answer.clone() }], now)
        .await?;
    Ok(answer)
}

/// The money goes back the way that it came.
async fn undo(
    tx: &Tx,
    now: Timestamp,
    request: &ReversalRequest,
    charge: &Charge,
) -> Result<StoredResponse, ChargeError> {
    let (school, person) = (charge.school, charge.person);
    // Who was paid then; the till may sell for somebody else by now.
    let merchant = merchant_code(tx.into(), MerchantId::from_uuid(charge.merchant)).await?;
    let merchant = postings::merchant_account(&merchant)?;
    let others = [(school, merchant.clone())];
    let accounts = LockedAccounts::lock(tx, HashSet::from([(school, person)]), &others).await?;
    let parties = Parties { school, person, act: charge.act, payee: &merchant };
    let transfer = postings::spent_back(&parties, &charge.drawn, now);
    let answer = done(Some(charge.id), charge.drawn.amount, now)?;
    let kept = AnsweredRequest { asked: request.asked.clone(), answer: answer.clone() };
    let beside = vec![charges::write_of_reversal(charge.act, now), write_of(&[kept], now)];
    accounts.post(tx, now, &[transfer], beside).await?;
    Ok(answer)
}

fn done(
    charge_id: Option<ChargeId>,
    amount_fen: Fen,
    at: Timestamp,
) -> Result<StoredResponse, serde_json::Error> {
    let body = serde_json::to_vec(&ReversalView { charge_id, amount_fen, at })?;
    Ok(StoredResponse { status: 200, body })
}
