//! Spending at tills: charging codes and reversing charges.
//!
//! Invariant: using the code up, posting the charge and storing the till's answer happen in one
//! transaction, under the lock of the person's row or guarded by its version. A refusal after the
//! code was matched uses the code up and posts nothing.
//! Invariant: a sequence number of a terminal is decided once; a repeat gets the stored answer.
//! Invariant: nothing fails open: without the database no charge is made, and the till is asked to
//! retry under the same number.
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
pub use request::{ChargeRequest, Proof, TillReply};
pub use reversal::{ReversalRequest, ReversalView};
pub use rules::TillPassword;

use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Source},
        lane::{LaneError, Lanes},
        money::Fen,
    },
    passcode::{CodePurpose, Codes, Scan, ScanPlace},
    passwords::{PasswordFault, PasswordKind, Passwords},
    schools::{School, Schools},
    terminals::{
        CodeRead, LookedUp, Merchant, Till,
        seq::{AnswerKind, NumberedRequest, Seq, SeqStep, StoredResponse},
    },
};
use challenge::{Challenge, ChallengeId};
use charging::{ChargeError, Charging};
use secrecy::SecretString;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Handles charges and reversals of tills.
#[derive(Clone, Debug)]
pub struct Spending {
    /// The database.
    pub db: Db,
    /// Looks codes up.
    pub codes: Codes,
    /// The schools with their policies.
    pub schools: Arc<Schools>,
    /// Verifies passwords.
    pub passwords: Passwords,
    /// The lanes that decide charges.
    pub charging: Lanes<Charging>,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Notified after a reversal.
    pub sealer: Arc<Notify>,
}

/// A charge requested by a till.
#[derive(Debug)]
pub struct TillCharge {
    /// The sequence number.
    pub seq: Seq,
    /// The amount; above zero.
    pub amount: Fen,
    /// A code, or a password.
    pub by: PaidBy,
}

/// The payer's proof in a charge.
pub enum PaidBy {
    /// The text that the scanner read.
    Code(String),
    /// The password that an earlier answer asked for.
    Password {
        /// The challenge of that answer.
        challenge: String,
        /// The password as typed.
        password: SecretString,
    },
}

/// Omits codes and passwords.
impl fmt::Debug for PaidBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(_) => "Code",
            Self::Password { .. } => "Password",
        })
    }
}

/// Why a request of a till was not decided.
#[derive(Debug, thiserror::Error)]
pub enum NotDecided {
    /// The till has no merchant.
    #[error("the till has no merchant")]
    NoMerchant,
    /// The till has shown too many wrong codes.
    #[error("the till must wait")]
    Slowed {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The sequence number was used for another request.
    #[error("the sequence number was used for another request")]
    Conflict,
    /// The nonce was used with another signature.
    #[error("the nonce was used before")]
    NonceReused,
    /// The till was withdrawn meanwhile.
    #[error("the till was withdrawn")]
    Withdrawn,
    /// The request waited too long in the queue.
    #[error("the charge waited too long to be decided")]
    Late,
    /// Password attempts are currently blocked.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// The charge could not be decided.
    #[error(transparent)]
    Charge(#[from] LaneError<ChargeError>),
    /// The database failed before the charge was decided.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A request of a till with its context.
struct Request<'a> {
    till: &'a Till,
    school: Arc<School>,
    merchant: Merchant,
    id: String,
}

/// The outcome of looking a scan up.
enum Scanned {
    /// The scan has to be decided.
    Now(Scan),
    /// The request was decided before.
    Before(TillReply),
    /// The terminal must wait this long.
    Slowed(Duration),
}

/// The password that a till sends for a challenge.
struct PasswordAnswer<'a> {
    seq: Seq,
    challenge: &'a str,
    amount: Fen,
    password: SecretString,
}

impl Spending {
    /// Charges a code or returns the refusal.
    pub async fn charge(
        &self,
        till: &Till,
        wanted: TillCharge,
        request_id: String,
    ) -> Result<StoredResponse, NotDecided> {
        let request = self.request(till, request_id).await?;
        let TillCharge { seq, amount, by } = wanted;
        let begun = self.clock.now();
        let (asked, proof) = match by {
            PaidBy::Code(code) => {
                let content = till.call().signed.body_digest();
                let (call, kind) = (till.call(), AnswerKind::Charge);
                let asked = NumberedRequest::of(call, seq, SeqStep::Act, kind, &content);
                match self.scan(&request, &asked, &code, begun).await? {
                    Scanned::Now(scan) => (asked, Proof::Scan(scan)),
                    Scanned::Before(told) => return answered(told),
                    Scanned::Slowed(retry_after) => {
                        return self.kept_or_slowed(&asked, retry_after).await;
                    }
                }
            }
            PaidBy::Password { challenge, password } => {
                let content = format!("{challenge}|{}", amount.get());
                let (call, kind) = (till.call(), AnswerKind::Charge);
                let content = content.as_bytes();
                let asked = NumberedRequest::of(call, seq, SeqStep::Password, kind, content);
                // An answered request must not compare the password again.
                if let Some(told) = self.kept(&asked).await? {
                    return answered(told);
                }
                let given = PasswordAnswer { seq, challenge: &challenge, amount, password };
                let proof = self.password(&request, given).await?;
                (asked, proof)
            }
        };
        let Request { school, merchant, id: request_id, .. } = request;
        let (looked_at, accepted) = (till.call().arrived_at, till.call().terminal.accepted());
        let request = ChargeRequest {
            asked,
            accepted,
            school,
            merchant,
            amount,
            proof,
            looked_at,
            request_id,
        };
        answered(self.charging.submit(request).await?)
    }

    /// Reverses a charge, or prevents one that has not arrived yet.
    pub async fn reverse(
        &self,
        till: &Till,
        seq: Seq,
        request_id: String,
    ) -> Result<StoredResponse, NotDecided> {
        let school = self.school(till).await?;
        let (call, kind) = (till.call(), AnswerKind::Reversal);
        // The sequence number identifies the charge; a reversal has no other content.
        let asked = NumberedRequest::of(call, seq, SeqStep::Reversal, kind, b"");
        let accepted = call.terminal.accepted();
        let request = ReversalRequest { asked, accepted, school, request_id };
        let take_back = async |tx: &_| reversal::take_back(tx, &*self.clock, &request).await;
        let told = self.db.in_tx(take_back).await;
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
        request: &Request<'_>,
        asked: &NumberedRequest,
        code: &str,
        now: Timestamp,
    ) -> Result<Scanned, DbError> {
        let place = ScanPlace {
            school: request.school.id,
            terminal: request.till.call().terminal.id.uuid(),
            accepts: &[CodePurpose::Pay],
            prefixes: &request.school.policy.passcode.prefixes,
        };
        let read = CodeRead { place, asked, text: code };
        let found = match read.look_up(&self.codes, &self.db, now).await? {
            LookedUp::Found(found) => found,
            LookedUp::Before(before) => {
                let reply = request::reply_of(before);
                return Ok(reply.map_or(Scanned::Now(Scan::Invalid), Scanned::Before));
            }
        };
        Ok(Scan::of(found).map_or_else(Scanned::Slowed, Scanned::Now))
    }

    /// Compares the password, outside any transaction. If several numbers answer one challenge,
    /// only the first one's password is counted and compared; the others are refused.
    async fn password(
        &self,
        request: &Request<'_>,
        given: PasswordAnswer<'_>,
    ) -> Result<Proof, NotDecided> {
        let PasswordAnswer { seq, challenge, amount, password } = given;
        let id: Option<ChallengeId> = challenge.parse().ok();
        let found = store::challenges(Source::Db(&self.db), id.into_iter().collect()).await?;
        // A challenge of another school is treated as unknown.
        let here = |challenge: &Challenge| challenge.school == request.school.id;
        let Some(challenge) = found.into_iter().next().filter(here) else {
            return Ok(Proof::Password { challenge: None, right: None });
        };
        let terminal = request.till.call().terminal.id;
        if !challenge.waits_for(terminal, amount, self.clock.now()) {
            return Ok(Proof::Password { challenge: Some(challenge), right: None });
        }
        if !self.db.in_tx(async |tx| store::claim(tx, challenge.id, seq).await).await? {
            return Ok(Proof::Password { challenge: Some(challenge), right: None });
        }
        let kind = match challenge.which {
            TillPassword::Query => PasswordKind::Query,
            TillPassword::Consumption => PasswordKind::Consumption,
        };
        let passwords = &self.passwords;
        let right = passwords.check_at_till(&request.school, challenge.person, kind, password);
        let right = right.await?.map(Box::new);
        Ok(Proof::Password { challenge: Some(challenge), right })
    }

    /// The stored reply for a request's number, if it was decided.
    async fn kept(&self, asked: &NumberedRequest) -> Result<Option<TillReply>, DbError> {
        Ok(request::reply_of(CodeRead::kept(&self.db, asked).await?))
    }

    /// A slowed-down till still gets stored replies.
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
        TillReply::Withdrawn => Err(NotDecided::Withdrawn),
    }
}
