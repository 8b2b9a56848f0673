//! Reversals: a till reverses a charge once, within the school's window. A reversal that arrives
//! before its charge reserves the charge's number, so that the charge is refused when it arrives.

use super::{
    charging::ChargeError,
    postings::{self, Parties},
    refusal::{self, TillRefusal},
    request::TillReply,
};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{DbError, Source, Tx},
        http::ApiError,
        money::{Balance, Fen},
    },
    cards::charges::{self, Charge, ChargeId},
    events::{self, ChargeReversed, Happening, NewEvent},
    ledger::LockedAccounts,
    schools::School,
    terminals::{
        Accepted, MerchantId, keep, known, merchant_codes, merchant_names,
        seq::{AnsweredRequest, NumberedRequest, SeqCheck, SeqStep, StoredResponse, check_seq},
        write_of,
    },
};
use serde::Serialize;
use std::{collections::HashSet, sync::Arc};

const GONE: DbError = DbError::Inconsistent { table: "merchant", what: "missing, but has charges" };

/// A reversal requested by a till.
#[derive(Clone, Debug)]
pub struct ReversalRequest {
    /// The sequence number and the signature.
    pub asked: NumberedRequest,
    /// By what the till was accepted.
    pub accepted: Accepted,
    /// The till's school.
    pub school: Arc<School>,
    /// The request id, for refusals.
    pub request_id: String,
}

/// A reversal as returned to a till.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReversalView {
    /// The reversed charge; `null` if there is none, and a later one will be refused.
    #[schema(value_type = Option<uuid::Uuid>)]
    charge_id: Option<ChargeId>,
    /// The amount returned; 0 if nothing was charged.
    #[schema(value_type = i64)]
    amount_fen: Fen,
    /// When the reversal was made.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// Reverses a charge, or prevents one that has not arrived yet. Nothing is durable until the caller
/// commits.
pub async fn take_back(
    tx: &Tx,
    clock: &dyn Clock,
    request: &ReversalRequest,
) -> Result<TillReply, ChargeError> {
    if Accepted::hold(tx, &[request.accepted]).await?.is_empty() {
        return Ok(TillReply::Withdrawn);
    }
    let kept = known(Source::Tx(tx), &[&request.asked]).await?;
    match check_seq(&request.asked, &kept) {
        SeqCheck::Repeat(answer) => return Ok(TillReply::Answer(answer)),
        SeqCheck::Conflict => return Ok(TillReply::Conflict),
        SeqCheck::NonceReused => return Ok(TillReply::NonceReused),
        SeqCheck::First => {}
    }
    let act = (request.asked.terminal.uuid(), request.asked.seq.number());
    let answer = match charges::find(tx, act).await? {
        None => forestall(tx, clock.now(), request, &kept).await?,
        Some(charge) => undo(tx, clock, request, &charge).await?,
    };
    Ok(TillReply::Answer(answer))
}

/// Stores refusals in advance for the requests that could still create the charge. A concurrent
/// transaction that decides one of them violates the unique key on `terminal_answer` and retries.
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

/// Posts the reverse of the charge, marks it as reversed and tells the phone, unless its window is
/// over.
async fn undo(
    tx: &Tx,
    clock: &dyn Clock,
    request: &ReversalRequest,
    charge: &Charge,
) -> Result<StoredResponse, ChargeError> {
    let (school, person) = (charge.school, charge.person);
    // The merchant at the time of the charge: the till may belong to another one now.
    let merchant = MerchantId::from_uuid(charge.merchant);
    let codes = merchant_codes(tx.into(), [merchant].into_iter()).await?;
    let code = codes.get(&merchant).ok_or(GONE)?;
    let names = merchant_names(tx.into(), school, vec![code.to_string()]).await?;
    let merchant = postings::merchant_account(code)?;
    let others = [(school, merchant.clone())];
    let accounts = LockedAccounts::lock(tx, HashSet::from([(school, person)]), &others).await?;
    // Read under the lock, which may have been waited for.
    let now = clock.now();
    if now > charge.at.plus(request.school.policy.spend.reversal_window()) {
        return refuse(tx, now, request, TillRefusal::ReversalTooLate).await;
    }
    let parties = Parties { school, person, act: charge.act, payee: &merchant };
    let transfer = postings::spent_back(&parties, &charge.drawn, now);
    let answer = done(Some(charge.id), charge.drawn.amount, now)?;
    let kept = AnsweredRequest { asked: request.asked.clone(), answer: answer.clone() };
    let left = accounts.accounts().balances(school, person)?.total();
    let name = names.get(&**code).cloned().ok_or(GONE)?;
    let beside = vec![
        charges::write_of_reversal(charge.act, now),
        write_of(&[kept], now),
        events::write_of(&[told(charge, name, left, now)?])?,
    ];
    accounts.post(tx, now, &[transfer], beside).await?;
    Ok(answer)
}

/// The event of a reversal.
fn told(
    charge: &Charge,
    merchant_name: String,
    before: Balance,
    at: Timestamp,
) -> Result<NewEvent, DbError> {
    let amount_fen = charge.drawn.amount;
    let past = DbError::Inconsistent { table: "account", what: "sum past 64 bits" };
    let balance_fen = before.plus(Balance::new(amount_fen.get())).ok_or(past)?;
    let charge_id = charge.id.uuid();
    let reversed = ChargeReversed { charge_id, amount_fen, merchant_name, balance_fen };
    let what = Happening::ChargeReversed(reversed);
    Ok(NewEvent { school: charge.school, person: charge.person, what, at })
}

fn done(
    charge_id: Option<ChargeId>,
    amount_fen: Fen,
    at: Timestamp,
) -> Result<StoredResponse, serde_json::Error> {
    let body = serde_json::to_vec(&ReversalView { charge_id, amount_fen, at })?;
    Ok(StoredResponse { status: 200, body })
}
