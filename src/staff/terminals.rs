//! Terminals as members of staff see and change them.

use crate::{
    audit::AuditLine,
    base::{
        clock::{Clock, Timestamp},
        crypto::ed25519::{NewEd25519Key, NoEd25519Key},
        db::{Db, DbError, Keyset, Source, Tx, TxError},
        ids::SchoolId,
        money::Fen,
    },
    cards::charges::{self, Charge, Taken},
    staff_accounts::{self, StaffAct, StaffMember, StaffRefusal},
    terminals::{
        NewTerminal, RegistryError, TerminalId, TerminalKind,
        desk::{self, KeyChange},
        listing::{ListedTerminal, Silence, TerminalFilter, TerminalState},
    },
};
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

/// What handlers about merchants and terminals ask for.
#[derive(Clone, Debug)]
pub struct TerminalDesk {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// The longest code of a terminal, in characters.
const LONGEST_CODE: usize = 64;

/// Which terminals somebody wants to see, as addresses name it. What is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TerminalQuery {
    /// The beginning of a code, in small or capital letters.
    pub code: Option<String>,
    /// `on`, `silent` (on, and not heard of for a day) or `off`.
    pub state: Option<String>,
    /// `pos`, `gate`, `library` or `water`.
    pub kind: Option<String>,
    /// The code of a merchant.
    pub merchant: Option<String>,
}

/// A terminal with what it took today.
#[derive(Clone, Debug)]
pub struct TakingTerminal {
    /// The terminal.
    pub terminal: ListedTerminal,
    /// How many charges, less those that were reversed.
    pub charges: u64,
    /// What they come to.
    pub taken: Fen,
}

/// A terminal with all that a member of staff needs to decide about it.
#[derive(Clone, Debug)]
pub struct TerminalDetail {
    /// The terminal.
    pub one: TakingTerminal,
    /// What was done to it, newest first.
    pub log: Vec<AuditLine>,
    /// Its last charges, newest first.
    pub last: Vec<Charge>,
}

/// A terminal to be added, as it was typed.
#[derive(Clone, Debug)]
pub struct TerminalAsk {
    /// Its code.
    pub code: String,
    /// Its kind.
    pub kind: String,
    /// The code of its merchant; may be empty.
    pub merchant: String,
    /// Its doors; may be empty.
    pub door_group: String,
    /// Why.
    pub reason: String,
}

/// Another key that is wanted for a terminal.
#[derive(Clone, Debug)]
pub struct KeyAsk {
    /// The terminal.
    pub terminal: TerminalId,
    /// The fingerprint of the key that it has, as whoever asks has seen it.
    pub known: String,
    /// Whether the old one is good for a day more.
    pub keeps_old: bool,
    /// Why.
    pub reason: String,
}

/// A new key of a terminal, to be shown once.
#[derive(Debug)]
pub struct IssuedKey {
    /// The terminal.
    pub terminal: TerminalId,
    /// Its code.
    pub code: String,
    /// The key.
    pub key: NewEd25519Key,
    /// Until when the old one is good.
    pub old_until: Option<Timestamp>,
}

/// Why something about merchants or terminals was refused.
#[derive(Debug, thiserror::Error)]
pub enum StaffTerminalError {
    /// A field that is not filled in as it must be.
    #[error("{0} is not filled in as it must be")]
    Invalid(&'static str),
    /// A filter that there is not, by its name.
    #[error("no such {0}")]
    BadFilter(&'static str),
    /// Not allowed.
    #[error(transparent)]
    Right(#[from] StaffRefusal),
    /// The registry refuses it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// No key could be made.
    #[error(transparent)]
    NoKey(#[from] NoEd25519Key),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl StaffTerminalError {
    /// What has the code that was wanted.
    pub const fn taken_by(&self) -> Option<Uuid> {
        if let Self::Registry(RegistryError::Taken(id)) = self { Some(*id) } else { None }
    }
}

impl TxError for StaffTerminalError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Registry(error) => error.db(),
            Self::Invalid(_) | Self::BadFilter(_) | Self::Right(_) | Self::NoKey(_) => None,
        }
    }
}

impl TerminalQuery {
    /// The filter that is asked for.
    pub fn filter(
        &self,
        school: SchoolId,
        now: Timestamp,
    ) -> Result<TerminalFilter, StaffTerminalError> {
        Ok(TerminalFilter {
            code: read("code", self.code.as_deref(), beginning)?,
            state: read("state", self.state.as_deref(), TerminalState::from_code)?,
            kind: read("kind", self.kind.as_deref(), TerminalKind::from_code)?,
            merchant: read("merchant", self.merchant.as_deref(), |code| code.parse().ok())?,
            ..TerminalFilter::all(school, now)
        })
    }
}

/// The beginning of a code: what no code begins with finds nothing.
fn beginning(text: &str) -> Option<String> {
    (text.chars().count() <= LONGEST_CODE).then(|| text.to_owned())
}

/// What a filter says, if it says anything.
pub(super) fn read<T>(
    name: &'static str,
    text: Option<&str>,
    known: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, StaffTerminalError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(|text| known(text).ok_or(StaffTerminalError::BadFilter(name))).transpose()
}

impl TerminalAsk {
    /// The terminal with this key. A till needs a merchant: without one it cannot charge.
    fn terminal(
        &self,
        school: SchoolId,
        key: &NewEd25519Key,
    ) -> Result<NewTerminal, StaffTerminalError> {
        let wrong = StaffTerminalError::Invalid;
        let (merchant, doors) = (self.merchant.trim(), self.door_group.trim());
        let kind = TerminalKind::from_code(&self.kind).ok_or(wrong("/kind"))?;
        if kind == TerminalKind::Pos && merchant.is_empty() {
            return Err(wrong("/merchant"));
        }
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(NewTerminal {
            school,
            code: self.code.trim().parse().map_err(|_| wrong("/code"))?,
            kind,
            key: key.public.clone(),
            merchant: given(merchant)
                .map(|code| code.parse())
                .transpose()
                .map_err(|_| wrong("/merchant"))?,
            door_group: given(doors)
                .map(|group| group.parse())
                .transpose()
                .map_err(|_| wrong("/door_group"))?,
        })
    }
}

impl TerminalDetail {
    /// The charges since it was last heard of: that is written a few times a minute.
    pub fn since_contact(&self) -> impl Iterator<Item = &Charge> {
        let seen_at = self.one.terminal.seen_at;
        self.last.iter().filter(move |charge| seen_at.is_none_or(|seen_at| charge.at >= seen_at))
    }
}

impl TerminalDesk {
    /// How many entries of the log, and charges, are shown with a terminal.
    pub(super) const SHOWN: u16 = 20;

    /// A page of terminals with what they took today: two queries.
    pub async fn page(
        &self,
        filter: &TerminalFilter,
        page: Keyset<Silence>,
    ) -> Result<Vec<TakingTerminal>, StaffTerminalError> {
        let found = filter.page(&self.db, page).await?;
        let ids: Vec<Uuid> = found.iter().map(|terminal| terminal.id.uuid()).collect();
        let today = self.clock.now().day();
        let taken = charges::taken(Source::Db(&self.db), ids, today).await?;
        Ok(found.into_iter().map(|terminal| taking(terminal, &taken)).collect())
    }

    /// How many terminals there are, among the first `most`.
    pub async fn count(&self, filter: &TerminalFilter, most: u32) -> Result<u64, DbError> {
        filter.count(&self.db, most).await
    }

    /// A terminal of the member's school, with its log and its last charges.
    pub async fn find(
        &self,
        member: &StaffMember,
        id: TerminalId,
    ) -> Result<TerminalDetail, StaffTerminalError> {
        let all = TerminalFilter::all(member.school, self.clock.now());
        let filter = TerminalFilter { only: Some(id), ..all };
        let one = Keyset { beyond: None, descending: true, most: 1 };
        let one = self.page(&filter, one).await?.pop().ok_or(RegistryError::NotFound)?;
        let subject = format!("terminal {}", one.terminal.code);
        let log = AuditLine::about(&self.db, member.school, &subject, Self::SHOWN).await?;
        let last = charges::latest_at(Source::Db(&self.db), id.uuid(), Self::SHOWN).await?;
        Ok(TerminalDetail { one, log, last })
    }

    /// Adds a terminal with a key that is made for it.
    pub async fn add(
        &self,
        member: &StaffMember,
        ask: &TerminalAsk,
    ) -> Result<IssuedKey, StaffTerminalError> {
        let (key, now) = (NewEd25519Key::random()?, self.clock.now());
        let new = ask.terminal(member.school, &key)?;
        let terminal = self
            .act(member, (StaffAct::ChangeTerminals, &ask.reason), async |tx| {
                Ok(desk::add_terminal(tx, &new, now).await?)
            })
            .await?;
        Ok(IssuedKey { terminal, code: new.code.to_string(), key, old_until: None })
    }

    /// Switches a terminal off, in force at the commit at every server. One that is off stays so.
    pub async fn stop(
        &self,
        member: &StaffMember,
        terminal: TerminalId,
        reason: &str,
    ) -> Result<(), StaffTerminalError> {
        let now = self.clock.now();
        self.act(member, (StaffAct::StopTerminals, reason), async |tx| {
            desk::stop_terminal(tx, (member.school, terminal), now).await?;
            Ok(())
        })
        .await
    }

    /// Switches a terminal on, with a new key.
    pub async fn start(
        &self,
        member: &StaffMember,
        ask: &KeyAsk,
    ) -> Result<IssuedKey, StaffTerminalError> {
        let (key, now) = (NewEd25519Key::random()?, self.clock.now());
        let change = ask.change(&key);
        let changing = self.act(member, (StaffAct::ChangeTerminals, &ask.reason), async |tx| {
            Ok(desk::start_terminal(tx, member.school, &change, now).await?)
        });
        let (code, old_until) = changing.await?;
        Ok(IssuedKey { terminal: ask.terminal, code, key, old_until })
    }

    /// Gives a terminal that is on another key.
    pub async fn replace_key(
        &self,
        member: &StaffMember,
        ask: &KeyAsk,
    ) -> Result<IssuedKey, StaffTerminalError> {
        let (key, now) = (NewEd25519Key::random()?, self.clock.now());
        let change = ask.change(&key);
        let changing = self.act(member, (StaffAct::ChangeTerminals, &ask.reason), async |tx| {
            Ok(desk::replace_key(tx, member.school, &change, now).await?)
        });
        let (code, old_until) = changing.await?;
        Ok(IssuedKey { terminal: ask.terminal, code, key, old_until })
    }

    /// Runs an act of a member of staff, whose right is asked again under the lock of the login.
    pub(super) async fn act<T>(
        &self,
        member: &StaffMember,
        (act, reason): (StaffAct, &str),
        work: impl AsyncFn(&Tx) -> Result<T, StaffTerminalError>,
    ) -> Result<T, StaffTerminalError> {
        let now = self.clock.now();
        let db = self.db.clone().acting_as(member.actor(reason));
        // Boxed: it is most of what its callers do.
        Box::pin(db.in_tx(async |tx| {
            staff_accounts::hold::<StaffTerminalError>(tx, member, act, now).await?;
            work(tx).await
        }))
        .await
    }
}

impl KeyAsk {
    fn change(&self, key: &NewEd25519Key) -> KeyChange {
        let Self { terminal, known, keeps_old, .. } = self;
        let (known, key) = (known.clone(), key.public.clone());
        KeyChange { terminal: *terminal, known, key, keeps_old: *keeps_old }
    }
}

fn taking(terminal: ListedTerminal, taken: &[Taken]) -> TakingTerminal {
    let of_it = || taken.iter().filter(|taken| taken.terminal == terminal.id.uuid());
    let sum = of_it().fold(Fen::ZERO, |sum, one| sum.plus(one.amount).unwrap_or(sum));
    let charges = of_it().map(|taken| taken.charges).sum();
    TakingTerminal { terminal, charges, taken: sum }
}
