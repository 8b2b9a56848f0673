//! Loss reports by the holder: `features.md` S72 and S73.

use super::CardLife;
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::{
            password::equals_default,
            seal::{SealError, Sealer},
        },
        db::{DbError, Tx, TxError},
        ids::SchoolId,
    },
    events::{self, Happening, NewEvent},
    ledger::HeldPersons,
    passcode::{self, EndReason},
    passwords::{self, PasswordFault, Proven},
    schools::{
        People, Person, School,
        policy::{LossDoor, LossField, LossScope},
    },
    sessions::{self, NoticeKind, Student},
};
use secrecy::{ExposeSecret, SecretString};

/// Why a card is reported.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LossReason {
    /// 遗失.
    #[default]
    Lost,
    /// 损坏: its first step is the same report.
    Damaged,
}

impl LossReason {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Damaged => "damaged",
        }
    }
}

/// What a holder gives to report a loss, or to take a report back.
#[derive(Debug)]
pub struct LossClaim {
    /// The query password.
    pub query_password: SecretString,
    /// The ID number, where the school asks for it.
    pub id_number: Option<SecretString>,
    /// The number of the chip, where the school asks for it.
    pub chip_number: Option<SecretString>,
}

/// How a card stands, and what its school asks for.
#[derive(Debug)]
pub struct LossView {
    /// When it was reported, if it is.
    pub reported_at: Option<Timestamp>,
    /// The number of the chip, where the school asks for it: that of the reported card.
    pub chip_number: Option<SecretString>,
    /// Who may report.
    pub report: LossDoor,
    /// Who may take a report back.
    pub cancel: LossDoor,
    /// What a report stops.
    pub stops: LossScope,
}

/// Why a report was not taken, or not taken back.
#[derive(Debug, thiserror::Error)]
pub enum LossError {
    /// The school does it at the counter only.
    #[error("only at the service counter")]
    CounterOnly,
    /// A field is missing that the school asks for.
    #[error("a field is missing")]
    Missing(LossField),
    /// There is no report to take back.
    #[error("the card is not reported")]
    NotReported,
    /// The binding has ended.
    #[error("no longer bound")]
    NotBound,
    /// The password or another field was refused; which one is not told.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// Stored personal data could not be opened.
    #[error("personal data could not be opened: {0}")]
    Sealed(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for LossError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Password(fault) => fault.db(),
            Self::CounterOnly
            | Self::Missing(_)
            | Self::NotReported
            | Self::NotBound
            | Self::Sealed(_) => None,
        }
    }
}

impl CardLife {
    /// How the student's card stands.
    pub async fn loss(&self, student: &Student) -> Result<LossView, LossError> {
        let school = self.schools.require(student.school).await?;
        let person = self.people.require(student.person).await?;
        self.view(&school, &person)
    }

    /// Reports the student's card as lost. A repetition changes nothing; `true` if it was new.
    pub async fn report(
        &self,
        student: &Student,
        claim: LossClaim,
        reason: LossReason,
    ) -> Result<(LossView, bool), LossError> {
        let school = self.schools.require(student.school).await?;
        let door = &school.policy.loss.report;
        let proven = self.prove(&school, student, (door, ChipOf::PresentCard), claim).await?;
        let now = self.clock.now();
        let (person, is_new) = self
            .db
            .in_tx(async |tx| {
                let (held, person) = hold(tx, student, &proven).await?;
                let is_new = person.lost_at.is_none();
                if is_new {
                    let by = student.user.platform.code();
                    let change = LossChange { school: &school, person: &person, by };
                    change.report(tx, &held, (&self.sealer, reason), now).await?;
                    sessions::loss_changed(tx, student, NoticeKind::LossReported, now).await?;
                }
                Ok::<_, LossError>((People::hold(tx, person.id).await?, is_new))
            })
            .await?;
        Ok((self.view(&school, &person)?, is_new))
    }

    /// Takes the report of the student's card back.
    pub async fn cancel(&self, student: &Student, claim: LossClaim) -> Result<LossView, LossError> {
        let school = self.schools.require(student.school).await?;
        let door = &school.policy.loss.cancel;
        let proven = self.prove(&school, student, (door, ChipOf::ReportedCard), claim).await?;
        let now = self.clock.now();
        let person = self
            .db
            .in_tx(async |tx| {
                let (held, person) = hold(tx, student, &proven).await?;
                if person.lost_at.is_none() {
                    return Err(LossError::NotReported);
                }
                // Another report has come between: its card may be another.
                if person.lost_at != proven.person().lost_at {
                    return Err(PasswordFault::Wrong.into());
                }
                let by = student.user.platform.code();
                let change = LossChange { school: &school, person: &person, by };
                change.cancel(tx, &held, now).await?;
                sessions::loss_changed(tx, student, NoticeKind::LossCancelled, now).await?;
                Ok(People::hold(tx, person.id).await?)
            })
            .await?;
        self.view(&school, &person)
    }

    /// Verifies what the holder gave, as one attempt.
    async fn prove(
        &self,
        school: &School,
        student: &Student,
        (door, chip_of): (&LossDoor, ChipOf),
        claim: LossClaim,
    ) -> Result<Proven, LossError> {
        let LossDoor::Holder(fields) = door else { return Err(LossError::CounterOnly) };
        let LossClaim { query_password, id_number, chip_number } = claim;
        let mut asked = Vec::with_capacity(fields.len());
        for field in fields {
            let given = match field {
                LossField::IdNumber => id_number.as_ref(),
                LossField::ChipNumber => chip_number.as_ref(),
            };
            asked.push((*field, given.ok_or(LossError::Missing(*field))?));
        }
        let fits = |person: &Person| {
            asked.iter().try_fold(true, |fits, (field, given)| {
                Ok(fits & self.fits(person, *field, chip_of, given)?)
            })
        };
        Ok(self.passwords.check_with(school, student, query_password, fits).await?)
    }

    /// True if this is the person's, compared in constant time. Where the school has none it fits
    /// nobody.
    fn fits(
        &self,
        person: &Person,
        field: LossField,
        chip_of: ChipOf,
        given: &SecretString,
    ) -> Result<bool, SealError> {
        let known = match field {
            LossField::IdNumber => person.id_number(&self.sealer)?,
            LossField::ChipNumber => chip_of.number(person, &self.sealer)?,
        };
        let given = SecretString::from(given.expose_secret().trim().to_ascii_uppercase());
        Ok(known.is_some_and(|known| equals_default(&given, &known)))
    }

    fn view(&self, school: &School, person: &Person) -> Result<LossView, LossError> {
        let loss = &school.policy.loss;
        let (door, chip_of) = match person.lost_at {
            None => (&loss.report, ChipOf::PresentCard),
            Some(_) => (&loss.cancel, ChipOf::ReportedCard),
        };
        let chip_number =
            if door.asks_for_chip() { chip_of.number(person, &self.sealer)? } else { None };
        let (report, cancel, stops) = (loss.report.clone(), loss.cancel.clone(), loss.stops);
        Ok(LossView { reported_at: person.lost_at, chip_number, report, cancel, stops })
    }
}

/// Whose chip a number is of.
#[derive(Clone, Copy, Debug)]
enum ChipOf {
    PresentCard,
    ReportedCard,
}

impl ChipOf {
    fn number(self, person: &Person, sealer: &Sealer) -> Result<Option<SecretString>, SealError> {
        match self {
            Self::PresentCard => person.chip_number(sealer),
            Self::ReportedCard => person.lost_chip_number(sealer),
        }
    }
}

/// Locks the person as charges do, then the person's row and the binding.
async fn hold(
    tx: &Tx,
    student: &Student,
    proven: &Proven,
) -> Result<(HeldPersons, Person), LossError> {
    let held = HeldPersons::hold(tx, [(student.school, student.person)].into()).await?;
    let person = passwords::hold_student(tx, student, Some(proven)).await?;
    Ok((held, person.ok_or(LossError::NotBound)?))
}

/// A change of a held person.
pub(super) struct LossChange<'a> {
    pub(super) school: &'a School,
    pub(super) person: &'a Person,
    /// Where it was said: a platform's code, or the counter.
    pub(super) by: &'a str,
}

impl LossChange<'_> {
    /// Marks the card as lost, ends the phones where codes stop, and tells clients and the audit log.
    pub(super) async fn report(
        &self,
        tx: &Tx,
        held: &HeldPersons,
        (sealer, reason): (&Sealer, LossReason),
        now: Timestamp,
    ) -> Result<(), LossError> {
        let chip = self.person.lost_chip(sealer)?;
        People::report_lost(tx, held, self.person, chip, now).await?;
        if self.school.policy.loss.stops == LossScope::CardAndCodes {
            passcode::end_devices(tx, self.person.id, EndReason::Lost, now).await?;
        }
        self.tell(tx, Happening::LossReported, (AuditAct::LossReported, reason.code()), now).await
    }

    /// Marks the card as found.
    pub(super) async fn cancel(
        &self,
        tx: &Tx,
        held: &HeldPersons,
        now: Timestamp,
    ) -> Result<(), LossError> {
        People::report_found(tx, held, self.person, now).await?;
        self.tell(tx, Happening::LossCancelled, (AuditAct::LossCancelled, "found"), now).await
    }

    async fn tell(
        &self,
        tx: &Tx,
        what: Happening,
        (act, detail): (AuditAct, &str),
        now: Timestamp,
    ) -> Result<(), LossError> {
        let (school, person): (SchoolId, _) = (self.person.school, self.person.id);
        events::add(tx, &[NewEvent { school, person, what, at: now }]).await?;
        let subject = format!("person {person}");
        let detail = format!("{detail}, at {}", self.by);
        let entry = Entry { act, school: Some(school), subject, detail };
        Ok(audit::record(tx, &entry, now).await?)
    }
}
