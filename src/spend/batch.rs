//! Decides a batch of charges in memory, in order, each on the balances that the previous ones
//! left, and collects the writes. It does not depend on whether the accounts were read with locks.

use super::{
    challenge::{Challenge, ChallengeId, LIFE},
    charging::ChargeError,
    postings::{self, Parties},
    refusal::{PASSWORD_REQUIRED, TillRefusal, password_required},
    request::{ChargeRequest, Payer, Proof},
    rules::{ChargeCheck, RuleOutcome, TillPassword, stopped},
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
    ledger::{PersonAccounts, transfer::Transfer},
    passcode::{CodePurpose, CodeUse, Scan, ScanVerdict, ShownCode},
    schools::{People, PersonSummary},
    terminals::{
        TerminalId,
        seq::{AnsweredRequest, Seq, SeqStep, StoredResponse},
    },
};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// The key of a request: a batch decides one request for each key.
pub(super) type RequestKey = (TerminalId, Seq, SeqStep);

/// The key of a request.
pub(super) const fn key_of(request: &ChargeRequest) -> RequestKey {
    (request.asked.terminal, request.asked.seq, request.asked.step)
}

/// The data read for the decisions, besides the accounts.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// The outcome of using up the code, for each request that has one.
    pub(super) uses: HashMap<RequestKey, CodeUse>,
    pub(super) summaries: HashMap<PersonId, PersonSummary>,
    pub(super) spent: HashMap<PersonId, Spent>,
    pub(super) challenges: HashMap<ChallengeId, Challenge>,
}

impl Inputs {
    /// Questions for the payers and, for schools with limits, the amounts they spent today.
    pub(super) fn questions(now: Timestamp, open: &[&ChargeRequest]) -> [Question; 2] {
        let limited = |request: &&&ChargeRequest| request.school.policy.limits.is_some();
        let spenders = persons(open.iter().filter(limited));
        [
            People::summaries_question(&persons(open.iter())),
            charges::spent_question(&spenders, now.day()),
        ]
    }

    /// Parses the answers to [`Inputs::questions`]. The caller adds uses and challenges.
    pub(super) fn of([summaries, spent]: [Vec<Found>; 2]) -> Result<Self, DbError> {
        Ok(Self {
            summaries: People::summaries(&summaries)?,
            spent: charges::spent(&spent)?,
            ..Self::default()
        })
    }
}

/// The distinct payers of the requests, in order.
fn persons<'a>(requests: impl Iterator<Item = &'a &'a ChargeRequest>) -> Vec<PersonId> {
    let persons = requests.filter_map(|request| Some(request.person()?.1));
    persons.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The decisions; [`Decisions::writes`] lists the writes.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    pub(super) transfers: Vec<Transfer>,
    pub(super) charges: Vec<Charge>,
    /// The answers, in the order of the requests.
    pub(super) answers: Vec<AnsweredRequest>,
    /// New challenges.
    pub(super) challenges: Vec<Challenge>,
    /// The challenges that were answered with a password.
    pub(super) used_challenges: Vec<ChallengeId>,
    pub(super) events: Vec<NewEvent>,
}

/// Decides these requests in order. `inputs` must contain all their codes, challenges and payers.
pub(super) fn decide(
    now: Timestamp,
    names: &Sealer,
    accounts: &PersonAccounts,
    inputs: Inputs,
    open: &[&ChargeRequest],
) -> Result<Decisions, ChargeError> {
    let purses = HashMap::new();
    let mut decider =
        Decider { now, names, accounts, inputs, purses, decisions: Decisions::default() };
    for request in open {
        decider.decide(request)?;
    }
    Ok(decider.decisions)
}

/// A charge as returned to a till.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChargeView {
    /// The id of the charge.
    #[schema(value_type = uuid::Uuid)]
    charge_id: ChargeId,
    /// The payer's masked name: `**明`.
    name_masked: String,
    /// The amount charged.
    #[schema(value_type = i64)]
    amount_fen: Fen,
    /// The remaining balance; present if the school shows it to tills.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    balance_fen: Option<Balance>,
    /// When the charge was made.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A request that is refused before the rules are evaluated.
struct EarlyRefusal {
    /// The person whose code or password the request used, if any.
    payer: Option<Payer>,
    refusal: TillRefusal,
}

impl From<TillRefusal> for EarlyRefusal {
    fn from(refusal: TillRefusal) -> Self {
        Self { payer: None, refusal }
    }
}

/// A batch being decided.
struct Decider<'a> {
    now: Timestamp,
    names: &'a Sealer,
    accounts: &'a PersonAccounts,
    inputs: Inputs,
    purses: HashMap<PersonId, Purse>,
    decisions: Decisions,
}

impl Decider<'_> {
    /// Decides a request and stores its answer.
    fn decide(&mut self, request: &ChargeRequest) -> Result<(), ChargeError> {
        let payer = match &request.proof {
            Proof::Scan(scan) => self.scanned(request, scan)?,
            Proof::Password { challenge, right } => {
                self.answered(request, challenge.as_ref(), right.is_some())
            }
        };
        let answer = match payer {
            Ok(payer) => self.judge(request, &payer)?,
            Err(EarlyRefusal { payer, refusal }) => {
                if let Some(payer) = payer {
                    self.tell_refused(request, &payer, refusal.kind().code);
                }
                refused(request, refusal)?
            }
        };
        self.decisions.answers.push(AnsweredRequest { asked: request.asked.clone(), answer });
        Ok(())
    }

    /// The payer of a valid code.
    fn scanned(
        &self,
        request: &ChargeRequest,
        scan: &Scan,
    ) -> Result<Result<Payer, EarlyRefusal>, ChargeError> {
        let used = match scan.shown() {
            Some(_) => Some(*self.inputs.uses.get(&key_of(request)).ok_or(missing("code_use"))?),
            None => None,
        };
        let payer =
            |shown: ShownCode| Payer { person: shown.person, code: (&shown).into(), given: None };
        Ok(match scan.verdict(used) {
            ScanVerdict::Good(shown) => Ok(payer(shown)),
            // A lost card is refused as lost; reporting it lost also revoked its devices.
            ScanVerdict::DeviceEnded(shown) => {
                let lost = request.school.policy.loss.stops;
                let refusal = stopped(self.status(shown.person)?, lost);
                let refusal = refusal.unwrap_or(TillRefusal::CodeInvalid);
                Err(EarlyRefusal { payer: Some(payer(shown)), refusal })
            }
            ScanVerdict::Refused(why, shown) => {
                Err(EarlyRefusal { payer: shown.map(payer), refusal: why.into() })
            }
        })
    }

    /// The payer of the scan that awaits this password. The challenge is used up in every case.
    fn answered(
        &mut self,
        request: &ChargeRequest,
        challenge: Option<&Challenge>,
        right: bool,
    ) -> Result<Payer, EarlyRefusal> {
        let challenge =
            challenge.and_then(|challenge| self.inputs.challenges.get_mut(&challenge.id));
        let challenge = challenge.ok_or(TillRefusal::ChallengeInvalid)?;
        if !challenge.waits_for(request.asked.terminal, request.amount, self.now) {
            return Err(TillRefusal::ChallengeInvalid.into());
        }
        // A password under another number was not compared, and must not use the challenge up.
        if challenge.claimed_by != Some(request.asked.seq) {
            return Err(TillRefusal::ChallengeInvalid.into());
        }
        challenge.used = true;
        self.decisions.used_challenges.push(challenge.id);
        let Challenge { person, code, which, .. } = *challenge;
        let payer = Payer { person, code, given: Some(which) };
        if right {
            Ok(payer)
        } else {
            Err(EarlyRefusal { payer: Some(payer), refusal: TillRefusal::PasswordWrong })
        }
    }

    fn judge(
        &mut self,
        request: &ChargeRequest,
        payer: &Payer,
    ) -> Result<StoredResponse, ChargeError> {
        let person = payer.person;
        let policy = &request.school.policy;
        let mut purse = self.purse(request, person)?;
        let check = ChargeCheck {
            policy,
            status: self.status(person)?,
            amount: request.amount,
            given: payer.given,
            now: self.now,
        };
        let spent = self.inputs.spent.entry(person).or_default();
        match check.decide(&mut purse, spent) {
            RuleOutcome::Charged(drawn) => {
                self.purses.insert(person, purse);
                let left = purse.total().ok_or(missing("account"))?;
                let id = self.charge(request, payer, &check, drawn)?;
                self.tell(request, payer, id, left);
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
            RuleOutcome::Refused(refusal) => {
                self.tell_refused(request, payer, refusal.kind().code);
                Ok(refused(request, refusal)?)
            }
            RuleOutcome::Ask(which) => Ok(self.ask(request, payer, which)?),
        }
    }

    fn charge(
        &mut self,
        request: &ChargeRequest,
        payer: &Payer,
        check: &ChargeCheck<'_>,
        drawn: Drawn,
    ) -> Result<ChargeId, ChargeError> {
        let (school, person) = (request.school.id, payer.person);
        let act = (request.asked.terminal.uuid(), request.asked.seq.number());
        let merchant = postings::merchant_account(&request.merchant.code)?;
        let parties = Parties { school, person, act, payee: &merchant };
        self.decisions.transfers.push(postings::spent(&parties, &drawn, self.now));
        let id = ChargeId::new(self.now);
        self.decisions.charges.push(Charge {
            id,
            act,
            school,
            person,
            merchant: request.merchant.id.uuid(),
            meal: check.meal(),
            drawn,
            at: self.now,
            reversed_at: None,
        });
        Ok(id)
    }

    /// Adds the event that informs the phone of the used code, the amount and the merchant.
    fn tell(&mut self, request: &ChargeRequest, payer: &Payer, id: ChargeId, left: Balance) {
        let used = CodeUsed {
            charge_id: id.uuid(),
            amount_fen: request.amount,
            merchant_name: request.merchant.name.to_string(),
            balance_fen: left,
            purpose: CodePurpose::Pay.as_str().to_owned(),
            generation: payer.code.generation,
            tick: payer.code.tick,
            sub: payer.code.sub,
        };
        self.happened(request, payer, Happening::CodeUsed(used));
    }

    /// Adds the event that informs the phone that a code was used up without a charge, and why.
    fn tell_refused(&mut self, request: &ChargeRequest, payer: &Payer, reason: &'static str) {
        let refused = CodeRefused {
            reason: reason.to_owned(),
            amount_fen: request.amount,
            merchant_name: request.merchant.name.to_string(),
            purpose: CodePurpose::Pay.as_str().to_owned(),
            generation: payer.code.generation,
            tick: payer.code.tick,
            sub: payer.code.sub,
        };
        self.happened(request, payer, Happening::CodeRefused(refused));
    }

    fn happened(&mut self, request: &ChargeRequest, payer: &Payer, what: Happening) {
        let (school, person) = (request.school.id, payer.person);
        self.decisions.events.push(NewEvent { school, person, what, at: self.now });
    }

    fn ask(
        &mut self,
        request: &ChargeRequest,
        payer: &Payer,
        which: TillPassword,
    ) -> Result<StoredResponse, serde_json::Error> {
        let challenge = Challenge {
            id: ChallengeId::new(self.now),
            school: request.school.id,
            terminal: request.asked.terminal,
            seq: request.asked.seq,
            person: payer.person,
            amount: request.amount,
            which,
            code: payer.code,
            expires_at: self.now.plus(LIFE),
            claimed_by: None,
            used: false,
        };
        self.tell_refused(request, payer, PASSWORD_REQUIRED.code);
        let told = problem(request, &password_required(&challenge.id.to_string(), which));
        self.decisions.challenges.push(challenge);
        told
    }

    fn purse(&self, request: &ChargeRequest, person: PersonId) -> Result<Purse, DbError> {
        if let Some(purse) = self.purses.get(&person) {
            return Ok(*purse);
        }
        let balances = self.accounts.balances(request.school.id, person)?;
        Ok(Purse::new(&balances, request.school.policy.spend.card_balance))
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

fn refused(
    request: &ChargeRequest,
    refusal: TillRefusal,
) -> Result<StoredResponse, serde_json::Error> {
    let error = ApiError::new(refusal.kind());
    let error = match request.detail() {
        Some(detail) => error.detail(detail),
        None => error,
    };
    problem(request, &error)
}

/// The problem document of a refusal, stored for repeats.
fn problem(request: &ChargeRequest, error: &ApiError) -> Result<StoredResponse, serde_json::Error> {
    super::refusal::answer(error, &request.request_id)
}
