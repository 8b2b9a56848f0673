//! Decides a batch of charges in memory, one after the other on what those before it left, and
//! collects what is to be written. How the accounts were read, with locks or without, makes no
//! difference here.

use super::{
    asking::{Asking, Claim, Proof, Scan},
    challenge::{Challenge, ChallengeId, LIFE},
    charging::ChargeError,
    postings::{self, Parties},
    refusal::{PASSWORD_REQUIRED, Refusal, password_required},
    rules::{Case, Verdict, Which, stopped},
};
use crate::{
    base::{
        clock::Timestamp,
        crypto::seal::Sealer,
        db::{DbError, Found, Question},
        http::ApiError,
        ids::PersonId,
        money::{Balance, Fen},
    },
    cards::{
        CardStatus, Drawn, Purse, Spent,
        charges::{self, Charge, ChargeId},
    },
    events::{CodeRefused, CodeUsed, Happening, NewEvent},
    ledger::{Held, transfer::Transfer},
    passcode::{CodePurpose, CodeUse},
    schools::{People, PersonSummary},
    terminals::{
        TerminalId,
        seq::{AnsweredRequest, Seq, SeqStep, StoredResponse},
    },
};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// What a request is known by: of a batch, one is decided for each key.
pub(super) type RequestKey = (TerminalId, Seq, SeqStep);

/// The key of a request.
pub(super) const fn key_of(asking: &Asking) -> RequestKey {
    (asking.asked.terminal, asking.asked.seq, asking.asked.step)
}

/// What was read for the decisions, beside the accounts.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// What became of the code of each request that has one.
    pub(super) uses: HashMap<RequestKey, CodeUse>,
    pub(super) summaries: HashMap<PersonId, PersonSummary>,
    pub(super) spent: HashMap<PersonId, Spent>,
    pub(super) challenges: HashMap<ChallengeId, Challenge>,
}

impl Inputs {
    /// Who may pay, and where there are limits what they spent today.
    pub(super) fn questions(now: Timestamp, open: &[&Asking]) -> [Question; 2] {
        let limited = |asking: &&&Asking| asking.school.policy.limits.is_some();
        let spenders = persons(open.iter().filter(limited));
        [
            People::summaries_question(&persons(open.iter())),
            charges::spent_question(&spenders, now.day()),
        ]
    }

    /// What the answers to [`Inputs::questions`] show. Uses and challenges are added by the caller.
    pub(super) fn of([summaries, spent]: [Vec<Found>; 2]) -> Result<Self, DbError> {
        Ok(Self {
            summaries: People::summaries(&summaries)?,
            spent: charges::spent(&spent)?,
            ..Self::default()
        })
    }
}

/// Each once, in order.
fn persons<'a>(askings: impl Iterator<Item = &'a &'a Asking>) -> Vec<PersonId> {
    let persons = askings.filter_map(|asking| Some(asking.person()?.1));
    persons.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What was decided: [`Decisions::writes`] lists what is to be written for it.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    pub(super) transfers: Vec<Transfer>,
    pub(super) charges: Vec<Charge>,
    /// The answer of each request, in their order.
    pub(super) answers: Vec<AnsweredRequest>,
    /// New ones.
    pub(super) challenges: Vec<Challenge>,
    /// The challenges that a password was given for.
    pub(super) used_challenges: Vec<ChallengeId>,
    pub(super) events: Vec<NewEvent>,
}

/// Decides these requests in their order. Every code and challenge of theirs, and everybody whose
/// money it is, must be among `inputs`.
pub(super) fn decide(
    (now, names): (Timestamp, &Sealer),
    held: &Held,
    inputs: Inputs,
    open: &[&Asking],
) -> Result<Decisions, ChargeError> {
    let purses = HashMap::new();
    let mut decider = Decider { now, names, held, inputs, purses, decisions: Decisions::default() };
    for asking in open {
        decider.decide(asking)?;
    }
    Ok(decider.decisions)
}

/// A charge as a till is told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChargeView {
    /// The charge.
    #[schema(value_type = uuid::Uuid)]
    charge_id: ChargeId,
    /// Whose money: `**明`.
    name_masked: String,
    /// What was taken.
    #[schema(value_type = i64)]
    amount_fen: Fen,
    /// What is left; where the school tells tills.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    balance_fen: Option<Balance>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A request that is refused before the rules are asked.
struct RefusedEarly {
    /// Whose code it used up, or whose password it was, if anybody's.
    claim: Option<Claim>,
    refusal: Refusal,
}

impl From<Refusal> for RefusedEarly {
    fn from(refusal: Refusal) -> Self {
        Self { claim: None, refusal }
    }
}

/// A batch being decided.
struct Decider<'a> {
    now: Timestamp,
    names: &'a Sealer,
    held: &'a Held,
    inputs: Inputs,
    purses: HashMap<PersonId, Purse>,
    decisions: Decisions,
}

impl Decider<'_> {
    /// Decides a request and keeps its answer.
    fn decide(&mut self, asking: &Asking) -> Result<(), ChargeError> {
        let claim = match &asking.proof {
            Proof::Scan(scan) => self.scanned(asking, scan)?,
            Proof::Password { challenge, right } => {
                self.answered(asking, challenge.as_ref(), *right)
            }
        };
        let answer = match claim {
            Ok(claim) => self.judge(asking, &claim)?,
            Err(RefusedEarly { claim, refusal }) => {
                if let Some(claim) = claim {
                    self.tell_refused(asking, &claim, refusal.kind().code);
                }
                refused(asking, refusal)?
            }
        };
        self.decisions.answers.push(AnsweredRequest { asked: asking.asked.clone(), answer });
        Ok(())
    }

    /// Whose code it is, if it is good.
    fn scanned(
        &self,
        asking: &Asking,
        scan: &Scan,
    ) -> Result<Result<Claim, RefusedEarly>, ChargeError> {
        let (shown, skewed) = match scan {
            Scan::Good(shown) => (shown, false),
            Scan::Skewed(shown) => (shown, true),
            Scan::Used => return Ok(Err(Refusal::CodeUsed.into())),
            Scan::WrongPurpose => return Ok(Err(Refusal::CodeWrongPurpose.into())),
            Scan::Invalid | Scan::Foreign(_) | Scan::NotACode => {
                return Ok(Err(Refusal::CodeInvalid.into()));
            }
        };
        let claim = Claim { person: shown.person, code: shown.into(), given: None };
        let used = self.inputs.uses.get(&key_of(asking)).ok_or(missing("code_use"))?;
        let refusal = match (used, skewed) {
            (CodeUse::Fresh, false) => return Ok(Ok(claim)),
            // Its phone was told of the first use.
            (CodeUse::UsedBefore, false) => return Ok(Err(Refusal::CodeUsed.into())),
            (CodeUse::UsedBefore, true) => return Ok(Err(Refusal::CodeClockSkew.into())),
            (CodeUse::Fresh | CodeUse::DeviceEnded, true) => Refusal::CodeClockSkew,
            // A card that was reported lost says so; its devices ended with the report.
            (CodeUse::DeviceEnded, false) => {
                stopped(self.status(shown.person)?).unwrap_or(Refusal::CodeInvalid)
            }
        };
        Ok(Err(RefusedEarly { claim: Some(claim), refusal }))
    }

    /// Whose scan waits for this password. However it ends, the challenge is used up.
    fn answered(
        &mut self,
        asking: &Asking,
        challenge: Option<&Challenge>,
        right: bool,
    ) -> Result<Claim, RefusedEarly> {
        let challenge =
            challenge.and_then(|challenge| self.inputs.challenges.get_mut(&challenge.id));
        let challenge = challenge.ok_or(Refusal::ChallengeInvalid)?;
        if !challenge.waits_for(asking.asked.terminal, asking.amount, self.now) {
            return Err(Refusal::ChallengeInvalid.into());
        }
        // The password of another number was not compared, and takes nothing from the one that was.
        if challenge.claimed_by != Some(asking.asked.seq) {
            return Err(Refusal::ChallengeInvalid.into());
        }
        challenge.used = true;
        self.decisions.used_challenges.push(challenge.id);
        let Challenge { person, code, which, .. } = *challenge;
        let claim = Claim { person, code, given: Some(which) };
        if right {
            Ok(claim)
        } else {
            Err(RefusedEarly { claim: Some(claim), refusal: Refusal::PasswordWrong })
        }
    }

    fn judge(&mut self, asking: &Asking, claim: &Claim) -> Result<StoredResponse, ChargeError> {
        let person = claim.person;
        let policy = &asking.school.policy;
        let mut purse = self.purse(asking, person)?;
        let case = Case {
            policy,
            status: self.status(person)?,
            amount: asking.amount,
            given: claim.given,
            now: self.now,
        };
        let spent = self.inputs.spent.entry(person).or_default();
        match case.decide(&mut purse, spent) {
            Verdict::Charged(drawn) => {
                self.purses.insert(person, purse);
                let left = purse.total().ok_or(missing("account"))?;
                let id = self.charge(asking, claim, (&case, drawn))?;
                self.tell(asking, claim, (id, left));
                let name_masked = self.brief(person)?.masked_name(self.names)?;
                let view = ChargeView {
                    charge_id: id,
                    name_masked,
                    amount_fen: drawn.amount,
                    balance_fen: policy.spend.show_balance.then_some(left),
                    at: self.now,
                };
                Ok(StoredResponse { status: 200, body: serde_json::to_vec(&view)? })
            }
            Verdict::Refused(refusal) => {
                self.tell_refused(asking, claim, refusal.kind().code);
                Ok(refused(asking, refusal)?)
            }
            Verdict::Ask(which) => Ok(self.ask(asking, claim, which)?),
        }
    }

    fn charge(
        &mut self,
        asking: &Asking,
        claim: &Claim,
        (case, drawn): (&Case<'_>, Drawn),
    ) -> Result<ChargeId, ChargeError> {
        let (school, person) = (asking.school.id, claim.person);
        let act = (asking.asked.terminal.uuid(), asking.asked.seq.number());
        let merchant = postings::merchant_account(&asking.merchant.code)?;
        let parties = Parties { school, person, act, payee: &merchant };
        self.decisions.transfers.push(postings::spent(&parties, &drawn, self.now));
        let id = ChargeId::new(self.now);
        self.decisions.charges.push(Charge {
            id,
            act,
            school,
            person,
            merchant: asking.merchant.id.uuid(),
            meal: case.meal(),
            drawn,
            at: self.now,
            reversed_at: None,
        });
        Ok(id)
    }

    /// Tells the phone which of its codes was used, for how much, where.
    fn tell(&mut self, asking: &Asking, claim: &Claim, (id, left): (ChargeId, Balance)) {
        let used = CodeUsed {
            charge_id: id.uuid(),
            amount_fen: asking.amount,
            merchant_name: asking.merchant.name.to_string(),
            balance_fen: left,
            purpose: CodePurpose::Pay.as_str().to_owned(),
            generation: claim.code.generation,
            tick: claim.code.tick,
            sub: claim.code.sub,
        };
        self.happened(asking, claim, Happening::CodeUsed(used));
    }

    /// Tells the phone that one of its codes is used up, and why nothing was paid by it.
    fn tell_refused(&mut self, asking: &Asking, claim: &Claim, reason: &'static str) {
        let refused = CodeRefused {
            reason: reason.to_owned(),
            amount_fen: asking.amount,
            merchant_name: asking.merchant.name.to_string(),
            purpose: CodePurpose::Pay.as_str().to_owned(),
            generation: claim.code.generation,
            tick: claim.code.tick,
            sub: claim.code.sub,
        };
        self.happened(asking, claim, Happening::CodeRefused(refused));
    }

    fn happened(&mut self, asking: &Asking, claim: &Claim, what: Happening) {
        let (school, person) = (asking.school.id, claim.person);
        self.decisions.events.push(NewEvent { school, person, what, at: self.now });
    }

    fn ask(
        &mut self,
        asking: &Asking,
        claim: &Claim,
        which: Which,
    ) -> Result<StoredResponse, serde_json::Error> {
        let challenge = Challenge {
            id: ChallengeId::new(self.now),
            school: asking.school.id,
            terminal: asking.asked.terminal,
            seq: asking.asked.seq,
            person: claim.person,
            amount: asking.amount,
            which,
            code: claim.code,
            expires_at: self.now.plus(LIFE),
            claimed_by: None,
            used: false,
        };
        self.tell_refused(asking, claim, PASSWORD_REQUIRED.code);
        let told = problem(asking, &password_required(&challenge.id.to_string(), which));
        self.decisions.challenges.push(challenge);
        told
    }

    fn purse(&self, asking: &Asking, person: PersonId) -> Result<Purse, DbError> {
        if let Some(purse) = self.purses.get(&person) {
            return Ok(*purse);
        }
        let balances = self.held.balances(asking.school.id, person)?;
        Ok(Purse::new(&balances, asking.school.policy.spend.card_balance))
    }

    fn status(&self, person: PersonId) -> Result<CardStatus, DbError> {
        Ok(CardStatus::of(self.brief(person)?.standing, self.now.day()))
    }

    fn brief(&self, person: PersonId) -> Result<&PersonSummary, DbError> {
        self.inputs.summaries.get(&person).ok_or(missing("person"))
    }
}

const fn missing(table: &'static str) -> DbError {
    DbError::Inconsistent { table, what: "what a charge needs is not there" }
}

fn refused(asking: &Asking, refusal: Refusal) -> Result<StoredResponse, serde_json::Error> {
    let error = ApiError::new(refusal.kind());
    let error = match asking.detail() {
        Some(detail) => error.detail(detail),
        None => error,
    };
    problem(asking, &error)
}

/// A refusal as it goes over the wire, now and at each repeat.
fn problem(asking: &Asking, error: &ApiError) -> Result<StoredResponse, serde_json::Error> {
    super::refusal::answer(error, &asking.request_id)
}
