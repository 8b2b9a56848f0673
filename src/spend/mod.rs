//! Spending at tills: a code is charged, and a charge is taken back.
//!
//! Invariant: a code is used up, the money moves, and the till's answer is kept in one transaction,
//! under the lock of the person's row. A refusal after the match uses the code up and moves no
//! money.
//! Invariant: a number of a terminal is decided once; a repeat is told what was told then.
//! Invariant: nothing fails open: without the database nobody is charged, and the till is told to
//! ask again under the same number.
//! Invariant: no password is compared inside a transaction.

mod at_once;
pub mod audit;
mod batch;
mod challenge;
pub mod charging;
pub mod http;
pub mod postings;
mod refusal;
mod request;
mod reversal;
mod rules;
mod store;
mod under_locks;
mod writes;

pub use batch::ChargeView;
pub use refusal::TillRefusal;
pub use request::{ChargeRequest, Proof, Scan, TillReply};
pub use reversal::{ReversalRequest, ReversalView};
pub use rules::TillPassword;

use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Source},
        lane::{LaneError, Lanes},
        money::Fen,
    },
    passcode::{CodePurpose, Codes, ScanPlace},
    passwords::{PasswordFault, PasswordKind, Passwords},
    schools::{School, Schools},
    terminals::{
        Merchant, Till, known,
        seq::{AnswerKind, NumberedRequest, Seq, SeqStep, StoredResponse},
    },
};
use challenge::{Challenge, ChallengeId};
use charging::{ChargeError, Charging};
use secrecy::SecretString;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Everything that tills ask for.
#[derive(Clone, Debug)]
pub struct Spending {
    /// Charges.
    pub db: Db,
    /// Whose code it is.
    pub codes: Codes,
    /// Policies.
    pub schools: Arc<Schools>,
    /// Where a school asks for one.
    pub passwords: Passwords,
    /// Where charges are decided.
    pub charging: Lanes<Charging>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Woken after a reversal.
    pub sealer: Arc<Notify>,
}

/// What a till asks for.
#[derive(Debug)]
pub struct TillCharge {
    /// Its number.
    pub seq: Seq,
    /// How much; above zero.
    pub amount: Fen,
    /// By what.
    pub by: PaidBy,
}

/// By what a till asks for a charge.
pub enum PaidBy {
    /// What its scanner read.
    Code(String),
    /// The password that an answer before asked for.
    Password {
        /// As that answer named it.
        challenge: String,
        /// As it was typed.
        password: SecretString,
    },
}

/// Neither codes nor passwords print.
impl fmt::Debug for PaidBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(_) => "Code",
            Self::Password { .. } => "Password",
        })
    }
}

/// Why a till gets no decided answer.
#[derive(Debug, thiserror::Error)]
pub enum NotDecided {
    /// Nobody sells at this till.
    #[error("the till has no merchant")]
    NoMerchant,
    /// The till has shown too many wrong codes.
    #[error("the till must wait")]
    Slowed {
        /// How long.
        retry_after: Duration,
    },
    /// The number was used for something else.
    #[error("the number was used for something else")]
    Conflict,
    /// The nonce was used under another signature.
    #[error("the nonce was used before")]
    NonceReused,
    /// It waited too long for its turn.
    #[error("the charge came too late to be decided")]
    Late,
    /// A password may not be tried now.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// The charge could not be decided.
    #[error(transparent)]
    Charge(#[from] LaneError<ChargeError>),
    /// Something before it could not be read.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A request of a till with what it stands on.
struct Request<'a> {
    till: &'a Till,
    school: Arc<School>,
    merchant: Merchant,
    id: String,
}

/// What came of a scan.
enum Scanned {
    /// It is to be decided.
    Now(Scan),
    /// It was decided before.
    Before(TillReply),
    /// The terminal must wait so long.
    Slowed(Duration),
}

impl Spending {
    /// Charges a code, or says why not.
    pub async fn charge(
        &self,
        till: &Till,
        wanted: TillCharge,
        request_id: String,
    ) -> Result<StoredResponse, NotDecided> {
        let request = self.request(till, request_id).await?;
        let TillCharge { seq, amount, by } = wanted;
        let begun = self.clock.now();
        let (asked, proof, looked_at) = match by {
            PaidBy::Code(code) => {
                let content = till.call().signed.body_digest();
                let asked = NumberedRequest::of(
                    till.call(),
                    (seq, SeqStep::Act),
                    AnswerKind::Charge,
                    &content,
                );
                match self.scan((&request, &asked), &code, begun).await? {
                    Scanned::Now(scan) => (asked, Proof::Scan(scan), begun),
                    Scanned::Before(told) => return answered(told),
                    Scanned::Slowed(retry_after) => {
                        return self.kept_or_slowed(&asked, retry_after).await;
                    }
                }
            }
            PaidBy::Password { challenge, password } => {
                let content = format!("{challenge}|{}", amount.get());
                let at = (seq, SeqStep::Password);
                let asked =
                    NumberedRequest::of(till.call(), at, AnswerKind::Charge, content.as_bytes());
                // A password is not compared for a request that was answered.
                if let Some(told) = self.kept(&asked).await? {
                    return answered(told);
                }
                let proof = self.password((&request, seq), (&challenge, amount), password).await?;
                (asked, proof, self.clock.now())
            }
        };
        let Request { school, merchant, id: request_id, .. } = request;
        let request =
            ChargeRequest { asked, school, merchant, amount, proof, looked_at, request_id };
        answered(self.charging.submit(request).await?)
    }

    /// Takes a charge back, or sees to it that it is never made.
    pub async fn reverse(
        &self,
        till: &Till,
        seq: Seq,
        request_id: String,
    ) -> Result<StoredResponse, NotDecided> {
        let school = self.school(till).await?;
        let at = (seq, SeqStep::Reversal);
        // Its number says everything.
        let asked = NumberedRequest::of(till.call(), at, AnswerKind::Reversal, b"");
        let request = ReversalRequest { asked, school, request_id };
        let now = self.clock.now();
        let told = self.db.in_tx(async |tx| reversal::take_back(tx, now, &request).await).await;
        let told = told.map_err(LaneError::Failed)?;
        self.sealer.notify_one();
        answered(told)
    }

    async fn request<'a>(&self, till: &'a Till, id: String) -> Result<Request<'a>, NotDecided> {
        let merchant = till.call().terminal.merchant.clone().ok_or(NotDecided::NoMerchant)?;
        Ok(Request { till, school: self.school(till).await?, merchant, id })
    }

    async fn school(&self, till: &Till) -> Result<Arc<School>, DbError> {
        self.schools.require(till.call().terminal.school).await
    }

    async fn scan(
        &self,
        (request, asked): (&Request<'_>, &NumberedRequest),
        code: &str,
        now: Timestamp,
    ) -> Result<Scanned, DbError> {
        let place = ScanPlace {
            school: request.school.id,
            terminal: request.till.call().terminal.id.uuid(),
            accepts: &[CodePurpose::Pay],
            prefixes: &request.school.policy.passcode.prefixes,
        };
        let (found, missed) = self.codes.find(&place, code, now).await?;
        if let Some(missed) = missed {
            // A till that asks again because the answer was lost has not scanned again.
            if let Some(told) = self.kept(asked).await? {
                return Ok(Scanned::Before(told));
            }
            self.codes.count(missed, now).await;
        }
        Ok(Scan::of(found).map_or_else(Scanned::Slowed, Scanned::Now))
    }

    /// The proof of a password, compared outside every transaction. Of several numbers that answer
    /// one challenge the first has its password counted and compared; the others are refused.
    async fn password(
        &self,
        (request, seq): (&Request<'_>, Seq),
        (challenge, amount): (&str, Fen),
        password: SecretString,
    ) -> Result<Proof, NotDecided> {
        let id: Option<ChallengeId> = challenge.parse().ok();
        let found = store::challenges(Source::Db(&self.db), id.into_iter().collect()).await?;
        // Another school's is as good as none: its person is nobody here.
        let here = |challenge: &Challenge| challenge.school == request.school.id;
        let Some(challenge) = found.into_iter().next().filter(here) else {
            return Ok(Proof::Password { challenge: None, right: false });
        };
        let terminal = request.till.call().terminal.id;
        if !challenge.waits_for(terminal, amount, self.clock.now()) {
            return Ok(Proof::Password { challenge: Some(challenge), right: false });
        }
        if !self.db.in_tx(async |tx| store::claim(tx, challenge.id, seq).await).await? {
            return Ok(Proof::Password { challenge: Some(challenge), right: false });
        }
        let kind = match challenge.which {
            TillPassword::Query => PasswordKind::Query,
            TillPassword::Consumption => PasswordKind::Consumption,
        };
        let passwords = &self.passwords;
        let right = passwords.check_at_till(&request.school, challenge.person, kind, password);
        let right = right.await?;
        Ok(Proof::Password { challenge: Some(challenge), right })
    }

    /// What is kept under the number of a request, if it was decided.
    async fn kept(&self, asked: &NumberedRequest) -> Result<Option<TillReply>, DbError> {
        let kept = known(Source::Db(&self.db), &[asked]).await?;
        Ok(request::reply_under_number(asked, &kept))
    }

    /// A till that must wait is still told what it was told before.
    async fn kept_or_slowed(
        &self,
        asked: &NumberedRequest,
        retry_after: Duration,
    ) -> Result<StoredResponse, NotDecided> {
        answered(self.kept(asked).await?.ok_or(NotDecided::Slowed { retry_after })?)
    }
}

fn answered(told: TillReply) -> Result<StoredResponse, NotDecided> {
    match told {
        TillReply::Answer(answer) => Ok(answer),
        TillReply::Conflict => Err(NotDecided::Conflict),
        TillReply::NonceReused => Err(NotDecided::NonceReused),
        TillReply::Late => Err(NotDecided::Late),
    }
}
