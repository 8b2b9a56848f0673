//! What a till asks for, made ready for the lanes: the code was looked for, the password compared.

use super::{
    challenge::{Challenge, CodeMark},
    postings::merchant_account,
    rules::Which,
};
use crate::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    ledger::account::{Account, NotAName},
    passcode::{ScanOutcome, ShownCode, Wallet},
    schools::School,
    terminals::{
        Merchant,
        seq::{
            AnswerKind, AnsweredRequest, NumberedRequest, SeqCheck, SeqStep, StoredResponse,
            check_seq,
        },
    },
};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// How long a code stays as good as it was when it was looked for. Longer than anybody waits for
/// an answer: whoever was decided later has gone, and may have paid in cash.
const DECIDED_WITHIN: Duration = Duration::from_secs(10);

/// A charge that a till asks for.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Under which number, and by which signature.
    pub asked: NumberedRequest,
    /// Where the till stands.
    pub school: Arc<School>,
    /// Who is paid.
    pub merchant: Merchant,
    /// How much; above zero.
    pub amount: Fen,
    /// By what it is asked for.
    pub proof: Proof,
    /// When its code, or its password, was found to be good or not.
    pub looked_at: Timestamp,
    /// Of the request, to be named in a refusal.
    pub request_id: String,
}

/// By what a charge is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// A code that a device can have shown. Whether it is its first use, the transaction says.
    Good(ShownCode),
    /// The same, of a phone whose clock is wrong: used up, and refused.
    Skewed(ShownCode),
    /// Used before, as the key-value store remembers.
    Used,
    /// A code for something else.
    WrongPurpose,
    /// No code of anybody here.
    Invalid,
    /// Another wallet's payment code.
    Foreign(Wallet),
    /// Not even made like a code.
    NotACode,
}

impl Scan {
    /// What was found, unless the terminal must wait: then how long.
    pub fn of(found: ScanOutcome) -> Result<Self, Duration> {
        match found {
            ScanOutcome::Shown(shown) => Ok(Self::Good(shown)),
            ScanOutcome::ClockSkew(shown, _) => Ok(Self::Skewed(shown)),
            ScanOutcome::UsedBefore(_) => Ok(Self::Used),
            ScanOutcome::WrongPurpose => Ok(Self::WrongPurpose),
            ScanOutcome::Invalid(_) => Ok(Self::Invalid),
            ScanOutcome::Foreign(wallet) => Ok(Self::Foreign(wallet)),
            ScanOutcome::NotACode => Ok(Self::NotACode),
            ScanOutcome::Slowed { retry_after } => Err(retry_after),
        }
    }

    /// The code to be used up, good or not.
    pub const fn shown(&self) -> Option<&ShownCode> {
        match self {
            Self::Good(shown) | Self::Skewed(shown) => Some(shown),
            Self::Used | Self::WrongPurpose | Self::Invalid | Self::Foreign(_) | Self::NotACode => {
                None
            }
        }
    }

    /// What more the cashier is told of a slip.
    fn detail(&self) -> Option<String> {
        match self {
            Self::Foreign(wallet) => {
                Some(format!("这是{}的付款码，请出示校园卡付款码", wallet.name()))
            }
            Self::NotACode => Some("读到的不是付款码，请出示校园卡付款码".to_owned()),
            Self::Good(_) | Self::Skewed(_) | Self::Used | Self::WrongPurpose | Self::Invalid => {
                None
            }
        }
    }
}

/// A scan, or the password for one.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A code.
    Scan(Scan),
    /// A password for a challenge.
    Password {
        /// As it was read before the password was compared; `None` where there is none.
        challenge: Option<Challenge>,
        /// Whether it is the person's.
        right: bool,
    },
}

/// Who and what stands behind a charge that may be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) person: PersonId,
    pub(super) code: CodeMark,
    pub(super) given: Option<Which>,
}

impl From<&ShownCode> for CodeMark {
    fn from(shown: &ShownCode) -> Self {
        let (tick, sub) = (shown.tick.number(), shown.sub.number());
        Self { generation: shown.generation, tick, sub }
    }
}

impl Asking {
    /// Whose money it is about, if anybody's.
    pub(super) fn person(&self) -> Option<(SchoolId, PersonId)> {
        let person = match &self.proof {
            Proof::Scan(scan) => scan.shown()?.person,
            Proof::Password { challenge, .. } => challenge.as_ref()?.person,
        };
        Some((self.school.id, person))
    }

    /// Whether it is a scan, not a password for one.
    pub(super) const fn is_scan(&self) -> bool {
        match self.proof {
            Proof::Scan(_) => true,
            Proof::Password { .. } => false,
        }
    }

    /// The code that it uses up.
    pub(super) const fn shown(&self) -> Option<&ShownCode> {
        match &self.proof {
            Proof::Scan(scan) => scan.shown(),
            Proof::Password { .. } => None,
        }
    }

    /// What more is told of its refusal.
    pub(super) fn detail(&self) -> Option<String> {
        match &self.proof {
            Proof::Scan(scan) => scan.detail(),
            Proof::Password { .. } => None,
        }
    }

    /// Whether it has waited too long to be decided.
    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        self.looked_at.plus(DECIDED_WITHIN) < now
    }

    /// The challenge that it answers.
    pub(super) const fn challenge(&self) -> Option<&Challenge> {
        match &self.proof {
            Proof::Scan(_) => None,
            Proof::Password { challenge, .. } => challenge.as_ref(),
        }
    }
}

/// What a request is told, without or after a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// What is kept under its number.
    Answer(StoredResponse),
    /// Its number was used for something else.
    Conflict,
    /// Its nonce was used under another signature.
    NonceReused,
    /// It waited too long: nothing was decided, and nothing is kept.
    Late,
}

/// What a request is told because of those before it; `None` where it is to be decided.
pub(super) fn told_before(asking: &Asking, kept: &[AnsweredRequest]) -> Option<Told> {
    told_under_its_number(&asking.asked, kept).or_else(|| told_by_other_step(asking, kept))
}

/// What a request is told because it, or another one in its place, was answered before.
pub(super) fn told_under_its_number(
    asked: &NumberedRequest,
    kept: &[AnsweredRequest],
) -> Option<Told> {
    match check_seq(asked, kept) {
        SeqCheck::Repeat(answer) => Some(Told::Answer(answer)),
        SeqCheck::Conflict => Some(Told::Conflict),
        SeqCheck::NonceReused => Some(Told::NonceReused),
        SeqCheck::First => None,
    }
}

/// A number has one act: a scan and its password belong together, and nothing else does.
fn told_by_other_step(asking: &Asking, kept: &[AnsweredRequest]) -> Option<Told> {
    let NumberedRequest { terminal, seq, step, .. } = asking.asked;
    let of_number =
        |kept: &&AnsweredRequest| (kept.asked.terminal, kept.asked.seq) == (terminal, seq);
    let at = |step| kept.iter().filter(of_number).find(|kept| kept.asked.step == step);
    match step {
        SeqStep::Act => at(SeqStep::Password).map(|_| Told::Conflict),
        SeqStep::Password => {
            let act = at(SeqStep::Act)?;
            let its_own = asking
                .challenge()
                .is_some_and(|challenge| (challenge.terminal, challenge.seq) == (terminal, seq));
            match act.asked.kind {
                AnswerKind::Reversed => Some(Told::Answer(act.answer.clone())),
                AnswerKind::Charge if its_own => None,
                AnswerKind::Charge | AnswerKind::Reversal => Some(Told::Conflict),
            }
        }
        SeqStep::Reversal => None,
    }
}

/// For each request of a batch whether it is to be decided. Of several under one number, or with
/// one nonce, the first is; those that come too late are not.
pub(super) fn to_decide(
    askings: &[Asking],
    known: &[AnsweredRequest],
    now: Timestamp,
) -> Vec<bool> {
    let mut kept = known.to_vec();
    let mut decide = |asking: &Asking| {
        let first = !asking.is_late(now) && told_before(asking, &kept).is_none();
        if first {
            let open = StoredResponse { status: 0, body: Vec::new() };
            kept.push(AnsweredRequest { asked: asking.asked.clone(), answer: open });
        }
        first
    };
    askings.iter().map(&mut decide).collect()
}

type Merchants = Vec<(SchoolId, Account)>;

/// Whose money a batch may move, and the accounts that it may pay.
pub(super) fn touched(
    askings: &[Asking],
) -> Result<(HashSet<(SchoolId, PersonId)>, Merchants), NotAName> {
    let account =
        |asking: &Asking| Ok((asking.school.id, merchant_account(&asking.merchant.code)?));
    let merchants = askings.iter().map(account).collect::<Result<_, _>>()?;
    Ok((askings.iter().filter_map(Asking::person).collect(), merchants))
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

    fn asking(asked: NumberedRequest, proof: Proof) -> Asking {
        let policy = Policy::parse(include_str!("../../schools/xnec.toml")).unwrap();
        let id = SchoolId::from_number(1);
        let (code, name) = ("xnec".to_owned(), "x".to_owned());
        Asking {
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

    fn scan(seq: i64, nonce: &str) -> Asking {
        asking(asked(seq, SeqStep::Act, nonce), Proof::Scan(Scan::Invalid))
    }

    /// The password for the scan `of`, under the number `seq`.
    fn password(seq: i64, nonce: &str, of: i64) -> Asking {
        let challenge = Challenge {
            id: ChallengeId::new(NOW),
            school: SchoolId::from_number(1),
            terminal: till(1),
            seq: Seq::new(of).unwrap(),
            person: PersonId::new(NOW),
            amount: Fen::new(1).unwrap(),
            which: Which::Query,
            code: CodeMark { generation: 1, tick: 1, sub: 1 },
            expires_at: NOW.plus(LIFE),
            claimed_by: None,
            used: false,
        };
        let proof = Proof::Password { challenge: Some(challenge), right: true };
        asking(asked(seq, SeqStep::Password, nonce), proof)
    }

    fn kept(asked: NumberedRequest, status: u16) -> AnsweredRequest {
        AnsweredRequest { asked, answer: StoredResponse { status, body: vec![] } }
    }

    #[test]
    fn a_number_is_for_one_act() {
        let answer = |status| Some(Told::Answer(StoredResponse { status, body: vec![] }));
        let mark = NumberedRequest { kind: AnswerKind::Reversed, ..asked(5, SeqStep::Act, "") };
        let asks = kept(asked(5, SeqStep::Act, "a"), 409);
        let given = kept(asked(6, SeqStep::Password, "b"), 200);
        let cases = [
            ("the scan's password", password(5, "n", 5), vec![asks.clone()], None),
            ("under a number of its own", password(7, "n", 5), vec![asks.clone()], None),
            ("under another's", password(5, "n", 4), vec![asks], Some(Told::Conflict)),
            ("a scan after a password", scan(6, "n"), vec![given], Some(Told::Conflict)),
            ("taken back", password(5, "n", 4), vec![kept(mark, 422)], answer(422)),
        ];
        for (what, asking, known, told) in cases {
            assert_eq!(told_before(&asking, &known), told, "{what}");
        }
        let nobodys = asking(
            asked(5, SeqStep::Password, "n"),
            Proof::Password { challenge: None, right: false },
        );
        let before = [kept(asked(5, SeqStep::Act, "a"), 200)];
        assert_eq!(told_before(&nobodys, &before), Some(Told::Conflict));
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
