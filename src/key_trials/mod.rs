//! 试用密钥: whether a provider accepts the keys that are configured, before money or sign-ins depend on it.
//!
//! Invariant: a try asks a question that changes nothing at the provider.
//! Invariant: tries of one provider begin at least [`PAUSE`] apart for a school, at whatever server: many
//! calls with a wrong secret would have the provider block us.
//! Invariant: what is kept and told names no secret: a finding, the provider's own code, and how far the
//! clocks are apart.
//! Invariant: a try whose caller went away is kept and audited all the same.
//! Absent on purpose: tries by a schedule. Real calls show soon enough when a key no longer works.

mod finding;
mod store;

pub use finding::{TrialFinding, TrialVerdict, clock_words, seconds_ahead};

use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::{Clock, Timestamp},
        db::{Actor, Db, DbError, TxError},
        ids::SchoolId,
    },
    schools::Schools,
    staff_accounts::{self, StaffAct, StaffMember, StaffRefusal},
};
use async_trait::async_trait;
use std::{collections::HashMap, fmt::Debug, sync::Arc, time::Duration};

/// What lies at least between two tries.
pub const PAUSE: Duration = Duration::from_secs(10);
/// How long a try may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A provider's keys, as they are configured.
#[async_trait]
pub trait KeyTrial: Debug + Send + Sync {
    /// The section of the configuration that they stand in.
    fn section(&self) -> &'static str;

    /// What the provider is called, in Chinese.
    fn title(&self) -> &'static str;

    /// Asks the provider a question that changes nothing there, once.
    async fn try_keys(&self, clock: &dyn Clock) -> Tried;

    /// What it means and what to do about it, in Chinese, by the names of the settings.
    fn words(&self, finding: TrialFinding) -> &'static str;
}

/// What a try found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What it is.
    pub finding: TrialFinding,
    /// What the provider said of it, in its own code: letters, digits and a few signs; may be empty.
    pub detail: String,
    /// How far our clock is ahead of the provider's, where it told its time.
    pub clock_ahead_seconds: Option<i64>,
}

impl Tried {
    /// A finding without anything else.
    pub const fn found(finding: TrialFinding) -> Self {
        Self { finding, detail: String::new(), clock_ahead_seconds: None }
    }
}

/// The last try of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTrialResult {
    /// What it found.
    pub tried: Tried,
    /// When.
    pub at: Timestamp,
    /// Who tried it, as the audit log names them.
    pub by: String,
}

/// A provider that is configured for a school, and how its keys stand.
#[derive(Clone, Debug)]
pub struct KeyTrialState {
    /// Its section of the configuration.
    pub section: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// The last try, if there was one.
    pub last: Option<KeyTrialResult>,
    /// What that means, and what to do; empty where there was none.
    pub words: String,
}

/// Why keys were not tried.
#[derive(Debug, thiserror::Error)]
pub enum KeyTrialError {
    /// The school has no such provider.
    #[error("no such provider is configured for the school")]
    NotConfigured,
    /// They were tried a moment ago.
    #[error("tried less than {} s ago", PAUSE.as_secs())]
    TooSoon,
    /// The server is stopping.
    #[error("the try was cut off")]
    CutOff,
    /// Not allowed.
    #[error(transparent)]
    Right(#[from] StaffRefusal),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for KeyTrialError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::NotConfigured | Self::TooSoon | Self::CutOff | Self::Right(_) => None,
        }
    }
}

/// What can be tried: of all schools, and of single ones in its place.
#[derive(Debug, Default)]
pub struct KeyTrialSet {
    general: Vec<Arc<dyn KeyTrial>>,
    own: HashMap<String, Vec<Arc<dyn KeyTrial>>>,
}

impl KeyTrialSet {
    /// Adds what all schools use that have none of their own.
    pub fn add_general(&mut self, trial: Arc<dyn KeyTrial>) {
        self.general.push(trial);
    }

    /// Adds what one school uses.
    pub fn add_of_school(&mut self, code: &str, trial: Arc<dyn KeyTrial>) {
        self.own.entry(code.to_owned()).or_default().push(trial);
    }

    /// What a school uses, by section.
    fn of(&self, code: &str) -> Vec<Arc<dyn KeyTrial>> {
        let own = self.own.get(code).map(Vec::as_slice).unwrap_or_default();
        let has_own =
            |trial: &Arc<dyn KeyTrial>| own.iter().any(|one| one.section() == trial.section());
        let general = self.general.iter().filter(|trial| !has_own(trial));
        let mut all: Vec<_> = own.iter().chain(general).map(Arc::clone).collect();
        all.sort_by_key(|trial| trial.section());
        all
    }
}

/// The keys of providers, as somebody tries them.
#[derive(Clone, Debug)]
pub struct KeyTrials {
    /// The database of the tries.
    pub db: Db,
    /// The schools.
    pub schools: Arc<Schools>,
    /// What can be tried.
    pub set: Arc<KeyTrialSet>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl KeyTrials {
    /// The providers of a school, and how their keys stood when they were last tried: one query.
    pub async fn of(&self, school: SchoolId) -> Result<Vec<KeyTrialState>, DbError> {
        let mut results: HashMap<_, _> =
            store::of_school(&self.db, school).await?.into_iter().collect();
        let trials = self.configured(school).await?;
        let state = |trial: Arc<dyn KeyTrial>| state(&*trial, results.remove(trial.section()));
        Ok(trials.into_iter().map(state).collect())
    }

    /// Tries the keys of a provider for a member of staff, whose right is asked again where the try begins.
    pub async fn try_for(
        &self,
        member: &StaffMember,
        section: &str,
    ) -> Result<KeyTrialState, KeyTrialError> {
        let by = member.actor("");
        self.run((member.school, section), (by, Some(member))).await
    }

    /// Tries them for whoever has the command line.
    pub async fn try_by_command(
        &self,
        school: SchoolId,
        section: &str,
        by: Actor,
    ) -> Result<KeyTrialState, KeyTrialError> {
        self.run((school, section), (by, None)).await
    }

    async fn configured(&self, school: SchoolId) -> Result<Vec<Arc<dyn KeyTrial>>, DbError> {
        let school = self.schools.by_id(school).await?;
        Ok(school.map(|school| self.set.of(&school.code)).unwrap_or_default())
    }

    async fn run(
        &self,
        (school, section): (SchoolId, &str),
        (by, member): (Actor, Option<&StaffMember>),
    ) -> Result<KeyTrialState, KeyTrialError> {
        let trials = self.configured(school).await?.into_iter();
        let trial = trials.filter(|trial| trial.section() == section).last();
        let trial = trial.ok_or(KeyTrialError::NotConfigured)?;
        let began = self.clock.now();
        let db = self.db.clone().acting_as(by.clone());
        // Boxed: it is most of what its callers do.
        Box::pin(db.in_tx(async |tx| {
            if let Some(member) = member {
                staff_accounts::hold::<KeyTrialError>(tx, member, StaffAct::TryKeys, began).await?;
            }
            let is_due = store::begin(tx, (school, section), PAUSE, began).await?;
            if is_due { Ok(()) } else { Err(KeyTrialError::TooSoon) }
        }))
        .await?;
        let running = Running { trial, school, began, by: by.who, db, clock: self.clock.clone() };
        // In a task of its own: the answer is kept when the browser has gone away.
        tokio::task::spawn_local(running.finish()).await.map_err(|_| KeyTrialError::CutOff)?
    }
}

/// A try that has begun.
struct Running {
    trial: Arc<dyn KeyTrial>,
    school: SchoolId,
    began: Timestamp,
    by: String,
    db: Db,
    clock: Arc<dyn Clock>,
}

impl Running {
    async fn finish(self) -> Result<KeyTrialState, KeyTrialError> {
        let Self { trial, school, began, by, db, clock } = self;
        let trying = tokio::time::timeout(PATIENCE, trial.try_keys(clock.as_ref())).await;
        let tried = trying.unwrap_or_else(|_| Tried::found(TrialFinding::TimedOut));
        let (of, now) = ((school, trial.section()), clock.now());
        let entry = entry(of, &tried);
        Box::pin(db.in_tx(async |tx| {
            store::keep(tx, of, (&tried, &by), (began, now)).await?;
            audit::record(tx, &entry, now).await
        }))
        .await?;
        Ok(state(&*trial, Some(KeyTrialResult { tried, at: now, by })))
    }
}

fn entry((school, section): (SchoolId, &str), tried: &Tried) -> Entry {
    Entry {
        act: AuditAct::KeysTried,
        school: Some(school),
        subject: format!("keys {section}"),
        detail: tried.finding.code().to_owned(),
    }
}

fn state(trial: &dyn KeyTrial, last: Option<KeyTrialResult>) -> KeyTrialState {
    let words = last.as_ref().map(|last| words(trial, &last.tried));
    KeyTrialState {
        section: trial.section(),
        title: trial.title(),
        words: words.unwrap_or_default(),
        last,
    }
}

fn words(trial: &dyn KeyTrial, tried: &Tried) -> String {
    let mut words = trial.words(tried.finding).to_owned();
    if !tried.detail.is_empty() {
        words = format!("{words}（{}）", tried.detail);
    }
    match clock_words(tried.clock_ahead_seconds) {
        Some(clock) => format!("{words}{clock}。"),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Of(&'static str, &'static str);

    #[async_trait]
    impl KeyTrial for Of {
        fn section(&self) -> &'static str {
            self.0
        }

        fn title(&self) -> &'static str {
            self.1
        }

        async fn try_keys(&self, _: &dyn Clock) -> Tried {
            Tried::found(TrialFinding::Works)
        }

        fn words(&self, _: TrialFinding) -> &'static str {
            "通了。"
        }
    }

    #[test]
    fn a_school_tries_its_own_in_place_of_the_general_ones() {
        let mut set = KeyTrialSet::default();
        set.add_general(Arc::new(Of("pay", "general")));
        set.add_general(Arc::new(Of("app", "general")));
        set.add_of_school("xnec", Arc::new(Of("pay", "own")));
        set.add_of_school("ynart", Arc::new(Of("mail", "own")));
        let of = |code| -> Vec<_> {
            set.of(code).iter().map(|trial| (trial.section(), trial.title())).collect()
        };
        assert_eq!(of("xnec"), [("app", "general"), ("pay", "own")]);
        assert_eq!(of("hbkj"), [("app", "general"), ("pay", "general")]);
        assert_eq!(of("ynart"), [("app", "general"), ("mail", "own"), ("pay", "general")]);
    }

    #[test]
    fn words_name_the_providers_code_and_the_clock() {
        let tried = |detail: &str, clock_ahead_seconds| Tried {
            finding: TrialFinding::Works,
            detail: detail.to_owned(),
            clock_ahead_seconds,
        };
        let of = Of("pay", "own");
        assert_eq!(words(&of, &tried("", Some(3))), "通了。");
        assert_eq!(words(&of, &tried("40013", None)), "通了。（40013）");
        let both = "通了。（X）本服务器的时钟比对方慢 1 分 0 秒。";
        assert_eq!(words(&of, &tried("X", Some(-60))), both);
    }
}
