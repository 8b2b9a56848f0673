//! Terminals and merchants of a school, as members of staff list them.

use super::{MerchantCode, MerchantId, TerminalId, TerminalKind, store::listing as store};
use crate::base::{
    clock::{Day, Timestamp},
    crypto::ed25519::Ed25519Key,
    db::{Db, DbError, Keyset},
    ids::SchoolId,
};
use serde::{Deserialize, Deserializer, de::Error};
use std::{fmt, str::FromStr, time::Duration};
use uuid::Uuid;

/// A terminal that was not heard of for so long is silent.
pub const SILENT_AFTER: Duration = Duration::from_hours(24);

/// In which state terminals are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalState {
    /// Accepted, and heard of lately.
    On,
    /// Accepted, and not heard of for [`SILENT_AFTER`], or never.
    Silent,
    /// Refused.
    Off,
}

impl TerminalState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::On, Self::Silent, Self::Off];

    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Silent => "silent",
            Self::Off => "off",
        }
    }

    /// By the name on the wire.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// Which terminals of a school.
#[derive(Clone, Debug)]
pub struct TerminalFilter {
    /// The school.
    pub school: SchoolId,
    /// This one.
    pub only: Option<TerminalId>,
    /// Whose code begins so, in small or capital letters.
    pub code: Option<String>,
    /// In this state now.
    pub state: Option<TerminalState>,
    /// Of this kind.
    pub kind: Option<TerminalKind>,
    /// Of the merchant with this code.
    pub merchant: Option<MerchantCode>,
    /// When it is asked.
    pub now: Timestamp,
}

/// The place of a terminal in a list that begins with those that were silent the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// When it was last heard of, in microseconds; 0 for never.
    pub seen_at: i64,
    /// The terminal.
    pub terminal: TerminalId,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.seen_at, self.terminal.uuid().simple())
    }
}

/// Not a place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a list")]
pub struct NotASilence;

impl FromStr for Silence {
    type Err = NotASilence;

    fn from_str(text: &str) -> Result<Self, NotASilence> {
        let (seen_at, terminal) = text.split_once('.').ok_or(NotASilence)?;
        let seen_at = seen_at.parse().map_err(|_| NotASilence)?;
        let terminal = terminal.parse().map_err(|_| NotASilence)?;
        Ok(Self { seen_at, terminal })
    }
}

impl<'de> Deserialize<'de> for Silence {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A terminal in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTerminal {
    /// The id.
    pub id: TerminalId,
    /// Its code.
    pub code: String,
    /// Its kind.
    pub kind: TerminalKind,
    /// Its merchant.
    pub merchant: Option<NamedMerchant>,
    /// The doors that it opens.
    pub door_group: Option<String>,
    /// Whether it is accepted.
    pub enabled: bool,
    /// Its key.
    pub key: Ed25519Key,
    /// Since when it has that.
    pub key_set_at: Timestamp,
    /// Until when the key before is good beside it.
    pub old_key_until: Option<Timestamp>,
    /// When it was last heard of.
    pub seen_at: Option<Timestamp>,
}

/// The merchant of a terminal in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedMerchant {
    /// The id.
    pub id: MerchantId,
    /// Its code.
    pub code: String,
    /// The name as shown to students.
    pub name: String,
    /// Whether it sells.
    pub enabled: bool,
}

impl ListedTerminal {
    /// Its place in the list.
    pub fn place(&self) -> Silence {
        Silence { seen_at: self.seen_at.map_or(0, Timestamp::micros), terminal: self.id }
    }

    /// Its state now.
    pub fn state(&self, now: Timestamp) -> TerminalState {
        let is_heard = self.seen_at.is_some_and(|at| at >= now.minus(SILENT_AFTER));
        match (self.enabled, is_heard) {
            (false, _) => TerminalState::Off,
            (true, false) => TerminalState::Silent,
            (true, true) => TerminalState::On,
        }
    }
}

impl TerminalFilter {
    /// All terminals of a school.
    pub const fn all(school: SchoolId, now: Timestamp) -> Self {
        Self { school, only: None, code: None, state: None, kind: None, merchant: None, now }
    }

    /// A page of them, in one query: those that were silent the longest first where the page is descending.
    pub async fn page(
        &self,
        db: &Db,
        page: Keyset<Silence>,
    ) -> Result<Vec<ListedTerminal>, DbError> {
        store::terminals(db, self, page).await
    }

    /// How many there are, among the first `most`.
    pub async fn count(&self, db: &Db, most: u32) -> Result<u64, DbError> {
        store::count_terminals(db, self, most).await
    }
}

/// Which merchants of a school.
#[derive(Clone, Debug)]
pub struct MerchantFilter {
    /// The school.
    pub school: SchoolId,
    /// This one.
    pub only: Option<MerchantId>,
    /// That sell, or that do not.
    pub enabled: Option<bool>,
    /// Whose code or name has this in it.
    pub text: Option<String>,
}

/// A merchant in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMerchant {
    /// It.
    pub merchant: NamedMerchant,
    /// When it was added.
    pub created_at: Timestamp,
    /// How many there are in the whole list, up to [`ListedMerchant::COUNTED`].
    pub listed: u64,
}

impl ListedMerchant {
    /// So many of a list are counted.
    pub const COUNTED: u16 = 1001;
}

/// A terminal, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedTerminal {
    /// The terminal.
    pub terminal: Uuid,
    /// Its merchant now.
    pub merchant: Option<MerchantId>,
}

impl MerchantFilter {
    /// A page of them, in one query.
    pub async fn page(&self, db: &Db, page: Keyset) -> Result<Vec<ListedMerchant>, DbError> {
        store::merchants(db, self, page).await
    }

    /// The terminals that these have or may have had on that day: all that were changed since it began are
    /// among them.
    pub async fn terminals(
        &self,
        db: &Db,
        merchants: &[MerchantId],
        day: Day,
    ) -> Result<Vec<OwnedTerminal>, DbError> {
        store::terminals_of(db, self.school, (merchants, day)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let terminal = TerminalId::from_uuid(Uuid::from_u128(7));
        for seen_at in [0, 1_795_233_600_000_001] {
            let place = Silence { seen_at, terminal };
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for bad in ["", "1", "x.00000000000000000000000000000007", "1.7", "1.x"] {
            assert_eq!(bad.parse::<Silence>(), Err(NotASilence), "{bad}");
        }
    }
}
