//! Charge requests as submitted to the lanes, after the code lookup and the password check; and the
//! replies to requests that were decided before.

use super::{
    challenge::{Challenge, CodeMark},
    postings::merchant_account,
    rules::TillPassword,
};
use crate::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    ledger::account::{Account, NotAName},
    passcode::{Scan, ShownCode},
    passwords::Proven,
    schools::School,
    terminals::{
        Accepted, Merchant,
        seq::{
            AnswerKind, AnsweredRequest, NumberedRequest, SeqCheck, SeqStep, StoredResponse,
            check_seq,
        },
    },
};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// How long the result of a code lookup is valid. Longer than any till waits for an answer: a
/// customer whose charge is decided later may have paid in cash already.
const DECIDED_WITHIN: Duration = Duration::from_secs(10);

/// A charge requested by a till.
#[derive(Clone, Debug)]
pub struct ChargeRequest {
    /// The sequence number and the signature.
    pub asked: NumberedRequest,
    /// By what the till was accepted.
    pub accepted: Accepted,
    /// The till's school.
    pub school: Arc<School>,
    /// The merchant that is paid.
    pub merchant: Merchant,
    /// The amount; above zero.
    pub amount: Fen,
    /// The payer's code or password, as checked.
    pub proof: Proof,
    /// When the code or the password was checked.
    pub looked_at: Timestamp,
    /// The request id, for refusals.
    pub request_id: String,
}

/// Extra detail for the cashier about a wrong kind of code.
fn detail_of(scan: &Scan) -> Option<String> {
    match scan {
        Scan::Foreign(wallet) => Some(format!("这是{}的付款码，请出示校园卡付款码", wallet.name())),
        Scan::NotACode => Some("读到的不是付款码，请出示校园卡付款码".to_owned()),
        Scan::Good(_) | Scan::Skewed(_) | Scan::Used | Scan::WrongPurpose | Scan::Invalid => None,
    }
}

/// A scan, or the password for an earlier scan.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A scanned code.
    Scan(Scan),
    /// A password for a challenge.
    Password {
        /// The challenge as read before the password was compared; `None` if there is none.
        challenge: Option<Challenge>,
        /// The payer, if the password is correct.
        right: Option<Box<Proven>>,
    },
}

/// The payer of a charge, with the code that was shown and the password that was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payer {
    pub(super) person: PersonId,
    pub(super) code: CodeMark,
    pub(super) given: Option<TillPassword>,
}

impl From<&ShownCode> for CodeMark {
    fn from(shown: &ShownCode) -> Self {
        let (tick, sub) = (shown.tick.number(), shown.sub.number());
        Self { generation: shown.generation, tick, sub }
    }
}

impl ChargeRequest {
    /// The payer, if known.
    pub(super) fn person(&self) -> Option<(SchoolId, PersonId)> {
        let person = match &self.proof {
            Proof::Scan(scan) => scan.shown()?.person,
            Proof::Password { challenge, .. } => challenge.as_ref()?.person,
        };
        Some((self.school.id, person))
    }

    /// True for a scan, false for a password.
    pub(super) const fn is_scan(&self) -> bool {
        match self.proof {
            Proof::Scan(_) => true,
            Proof::Password { .. } => false,
        }
    }

    /// The code that the request uses up.
    pub(super) const fn shown(&self) -> Option<&ShownCode> {
        match &self.proof {
            Proof::Scan(scan) => scan.shown(),
            Proof::Password { .. } => None,
        }
    }

    /// Extra detail for a refusal.
    pub(super) fn detail(&self) -> Option<String> {
        match &self.proof {
            Proof::Scan(scan) => detail_of(scan),
            Proof::Password { .. } => None,
        }
    }

    /// The payer whose password was compared and is correct.
    pub(super) fn proven(&self) -> Option<&Proven> {
        match &self.proof {
            Proof::Scan(_) => None,
            Proof::Password { right, .. } => right.as_deref(),
        }
    }

    /// Treats the password as wrong: it was changed since it was compared.
    pub(super) fn refuse_password(&mut self) {
        if let Proof::Password { right, .. } = &mut self.proof {
            *right = None;
        }
    }

    /// True if the request has waited too long to be decided.
    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        self.left(now).is_none()
    }

    /// How long the request may still wait to be decided; `None` if it has waited too long.
    pub(super) fn left(&self, now: Timestamp) -> Option<Duration> {
        let last = self.looked_at.plus(DECIDED_WITHIN);
        (now <= last).then(|| last.distance(now))
    }

    /// The challenge that the request answers.
    pub(super) const fn challenge(&self) -> Option<&Challenge> {
        match &self.proof {
            Proof::Scan(_) => None,
            Proof::Password { challenge, .. } => challenge.as_ref(),
        }
    }
}

/// The reply to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TillReply {
    /// The answer stored under its number.
    Answer(StoredResponse),
    /// The number was used for another request.
    Conflict,
    /// The nonce was used with another signature.
    NonceReused,
    /// The request waited too long: nothing was decided or stored.
    Late,
    /// The till was withdrawn since its request was accepted: nothing was decided or stored.
    Withdrawn,
}

/// The reply that follows from stored answers; `None` if the request has to be decided.
pub(super) fn reply_before(request: &ChargeRequest, kept: &[AnsweredRequest]) -> Option<TillReply> {
    reply_under_number(&request.asked, kept).or_else(|| reply_by_other_step(request, kept))
}

/// The reply if this request, or another one under its number, was answered before.
pub(super) fn reply_under_number(
    asked: &NumberedRequest,
    kept: &[AnsweredRequest],
) -> Option<TillReply> {
    reply_of(check_seq(asked, kept))
}

/// The reply to a request that is not the first.
pub(super) fn reply_of(check: SeqCheck) -> Option<TillReply> {
    match check {
        SeqCheck::Repeat(answer) => Some(TillReply::Answer(answer)),
        SeqCheck::Conflict => Some(TillReply::Conflict),
        SeqCheck::NonceReused => Some(TillReply::NonceReused),
        SeqCheck::First => None,
    }
}

/// A number belongs to one transaction: only a scan and its password may share it.
fn reply_by_other_step(request: &ChargeRequest, kept: &[AnsweredRequest]) -> Option<TillReply> {
    let NumberedRequest { terminal, seq, step, .. } = request.asked;
    let of_number =
        |kept: &&AnsweredRequest| (kept.asked.terminal, kept.asked.seq) == (terminal, seq);
    let at = |step| kept.iter().filter(of_number).find(|kept| kept.asked.step == step);
    match step {
        SeqStep::Act => at(SeqStep::Password).map(|_| TillReply::Conflict),
        SeqStep::Password => {
            let act = at(SeqStep::Act)?;
            let its_own = request
                .challenge()
                .is_some_and(|challenge| (challenge.terminal, challenge.seq) == (terminal, seq));
            match act.asked.kind {
                AnswerKind::Reversed => Some(TillReply::Answer(act.answer.clone())),
                AnswerKind::Charge if its_own => None,
                AnswerKind::Charge | AnswerKind::Reversal | AnswerKind::Access => {
                    Some(TillReply::Conflict)
                }
            }
        }
        SeqStep::Reversal => None,
    }
}

/// For each request of a batch, whether it has to be decided. Of several with the same number or
/// nonce only the first is decided; late requests are not.
pub(super) fn to_decide(
    requests: &[ChargeRequest],
    known: &[AnsweredRequest],
    now: Timestamp,
) -> Vec<bool> {
    let mut kept = known.to_vec();
    let mut decide = |request: &ChargeRequest| {
        let first = !request.is_late(now) && reply_before(request, &kept).is_none();
        if first {
            let open = StoredResponse { status: 0, body: Vec::new() };
            kept.push(AnsweredRequest { asked: request.asked.clone(), answer: open });
        }
        first
    };
    requests.iter().map(&mut decide).collect()
}

type Merchants = Vec<(SchoolId, Account)>;

/// The persons that a batch may charge and the accounts that it may pay.
pub(super) fn touched(
    requests: &[ChargeRequest],
) -> Result<(HashSet<(SchoolId, PersonId)>, Merchants), NotAName> {
    let account = |request: &ChargeRequest| {
        Ok((request.school.id, merchant_account(&request.merchant.code)?))
    };
    let merchants = requests.iter().map(account).collect::<Result<_, _>>()?;
    Ok((requests.iter().filter_map(ChargeRequest::person).collect(), merchants))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schools::policy::Policy,
        spend::challenge::{ChallengeId, LIFE},
        terminals::{MerchantId, TerminalId, seq::Seq},
    };
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_233_600);

    fn till(n: u128) -> TerminalId {
        TerminalId::from_uuid(Uuid::from_u128(n))
    }

    fn asked(seq: i64, step: SeqStep, nonce: &str) -> NumberedRequest {
        let mut signature_digest = [0; 32];
        signature_digest[..nonce.len()].copy_from_slice(nonce.as_bytes());
        NumberedRequest {
            terminal: till(1),
            school: SchoolId::from_number(1),
            seq: Seq::new(seq).unwrap(),
            step,
            kind: AnswerKind::Charge,
            nonce: nonce.to_owned(),
            signature_digest,
            content_digest: [1; 32],
        }
    }

    fn request(asked: NumberedRequest, proof: Proof) -> ChargeRequest {
        let policy = Policy::parse(include_str!("../../schools/xnec.toml")).unwrap();
        let id = SchoolId::from_number(1);
        let (code, name) = ("xnec".to_owned(), "x".to_owned());
        ChargeRequest {
            accepted: Accepted { terminal: asked.terminal, withdrawals: 0 },
            asked,
            school: Arc::new(School { id, code, name, policy }),
            merchant: Merchant {
                id: MerchantId::new(NOW),
                code: "c1".parse().unwrap(),
                name: "c".parse().unwrap(),
            },
            amount: Fen::new(1).unwrap(),
            proof,
            looked_at: NOW,
            request_id: String::new(),
        }
    }

    fn scan(seq: i64, nonce: &str) -> ChargeRequest {
        request(asked(seq, SeqStep::Act, nonce), Proof::Scan(Scan::Invalid))
    }

    /// The password for the scan `of`, under the number `seq`.
    fn password(seq: i64, nonce: &str, of: i64) -> ChargeRequest {
        let challenge = Challenge {
            id: ChallengeId::new(NOW),
            school: SchoolId::from_number(1),
            terminal: till(1),
            seq: Seq::new(of).unwrap(),
            person: PersonId::new(NOW),
            amount: Fen::new(1).unwrap(),
            which: TillPassword::Query,
            code: CodeMark { generation: 1, tick: 1, sub: 1 },
            expires_at: NOW.plus(LIFE),
            claimed_by: None,
            used: false,
        };
        let proof = Proof::Password { challenge: Some(challenge), right: None };
        request(asked(seq, SeqStep::Password, nonce), proof)
    }

    fn kept(asked: NumberedRequest, status: u16) -> AnsweredRequest {
        AnsweredRequest { asked, answer: StoredResponse { status, body: vec![] } }
    }

    #[test]
    fn a_number_is_for_one_act() {
        let answer = |status| Some(TillReply::Answer(StoredResponse { status, body: vec![] }));
        let mark = NumberedRequest { kind: AnswerKind::Reversed, ..asked(5, SeqStep::Act, "") };
        let asks = kept(asked(5, SeqStep::Act, "a"), 409);
        let given = kept(asked(6, SeqStep::Password, "b"), 200);
        let cases = [
            ("the scan's password", password(5, "n", 5), vec![asks.clone()], None),
            ("under a number of its own", password(7, "n", 5), vec![asks.clone()], None),
            ("under another's", password(5, "n", 4), vec![asks], Some(TillReply::Conflict)),
            ("a scan after a password", scan(6, "n"), vec![given], Some(TillReply::Conflict)),
            ("taken back", password(5, "n", 4), vec![kept(mark, 422)], answer(422)),
        ];
        for (what, request, known, told) in cases {
            assert_eq!(reply_before(&request, &known), told, "{what}");
        }
        let nobodys = request(
            asked(5, SeqStep::Password, "n"),
            Proof::Password { challenge: None, right: None },
        );
        let before = [kept(asked(5, SeqStep::Act, "a"), 200)];
        assert_eq!(reply_before(&nobodys, &before), Some(TillReply::Conflict));
    }

    #[test]
    fn of_a_batch_the_first_of_each_number_and_nonce_is_decided() {
        let known = [kept(asked(1, SeqStep::Act, "a"), 200)];
        let batch = [
            scan(1, "b"),
            scan(2, "c"),
            scan(2, "d"),
            scan(3, "c"),
            scan(3, "e"),
            password(4, "f", 9),
            scan(4, "g"),
        ];
        let mut twice = batch[3].clone();
        twice.asked.signature_digest = [9; 32];
        let batch = [&batch[..3], &[twice], &batch[4..]].concat();
        let in_time = NOW.plus(DECIDED_WITHIN);
        let open = to_decide(&batch, &known, in_time);
        assert_eq!(open, [false, true, false, false, true, true, false]);
        let late = in_time.plus(Duration::from_micros(1));
        assert_eq!(to_decide(&batch, &known, late), [false; 7]);
        let mut batch = batch;
        batch[4].looked_at = late;
        let open = to_decide(&batch, &known, late);
        assert_eq!(open, [false, false, false, false, true, false, false]);
    }
}
