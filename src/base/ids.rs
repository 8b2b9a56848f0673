//! Typed identifiers. Those created here are version 7 UUIDs: they sort by the time that was passed
//! in, which keeps new rows together in an index.

use crate::base::clock::Timestamp;
use uuid::Uuid;

/// A new version 7 UUID with the timestamp `now`.
pub fn uuid_at(now: Timestamp) -> Uuid {
    let seconds = u64::try_from(now.seconds()).unwrap_or(0);
    let nanos = u32::try_from(now.micros().rem_euclid(1_000_000)).unwrap_or(0).saturating_mul(1000);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}

/// The lowest version 7 UUID with the timestamp `instant`: UUIDs of earlier milliseconds sort
/// before it.
pub fn first_uuid_at(instant: Timestamp) -> Uuid {
    let millis = u128::try_from(instant.micros().div_euclid(1000)).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

/// Declares an identifier type over a UUID.
#[macro_export]
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A new identifier with the timestamp `now`.
            pub fn new(now: $crate::base::clock::Timestamp) -> Self {
                Self($crate::base::ids::uuid_at(now))
            }

            /// As stored.
            pub const fn from_uuid(id: uuid::Uuid) -> Self {
                Self(id)
            }

            /// For storage.
            pub const fn uuid(self) -> uuid::Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id! {
    /// A person of one school. In the ledger, the owner of accounts; locked before the accounts
    /// are.
    PersonId
}

/// A school: one tenant, with its own merchants and its own sealed history. The number is the id of
/// the school's row.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct SchoolId(i64);

impl SchoolId {
    /// As stored.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// For storage.
    pub const fn number(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_their_timestamp() {
        let early = uuid_at(Timestamp::from_seconds(1_700_000_000));
        let late = uuid_at(Timestamp::from_seconds(1_700_000_001));
        assert!(early < late);
        assert_ne!(early, uuid_at(Timestamp::from_seconds(1_700_000_000)));
    }

    #[test]
    fn the_first_id_of_an_instant_sorts_before_all_its_ids() {
        let noon = Timestamp::from_seconds(1_700_000_000);
        let before = Timestamp::from_micros(noon.micros() - 1);
        assert!(uuid_at(before) < first_uuid_at(noon));
        assert!(first_uuid_at(noon) < uuid_at(noon));
        assert_eq!(first_uuid_at(Timestamp::from_seconds(-1)), Uuid::nil());
    }
}
