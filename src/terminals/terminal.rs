//! Terminals and merchants.

use super::names::{DoorGroup, MerchantCode, MerchantName, TerminalCode};
use super::store;
use crate::base::{
    clock::Timestamp,
    crypto::ed25519::Ed25519Key,
    db::{DbError, Tx, Write},
    ids::SchoolId,
};
use serde::Serialize;
use std::collections::HashSet;

crate::uuid_id! {
    /// A terminal of a school.
    TerminalId
}

crate::uuid_id! {
    /// A merchant of a school.
    MerchantId
}

/// The kind of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TerminalKind {
    /// A till.
    Pos,
    /// A door or a gate.
    Gate,
    /// A library desk.
    Library,
    /// A water meter.
    Water,
}

impl TerminalKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Pos, Self::Gate, Self::Library, Self::Water];

    /// The name in storage and on the command line.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pos => "pos",
            Self::Gate => "gate",
            Self::Library => "library",
            Self::Water => "water",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The merchant of a till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// The id.
    pub id: MerchantId,
    /// Its code, part of its account's path.
    pub code: MerchantCode,
    /// The name as shown to students.
    pub name: MerchantName,
}

/// A registered and enabled terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// The id.
    pub id: TerminalId,
    /// Its school.
    pub school: SchoolId,
    /// The school's code, the part of the key id before the slash.
    pub school_code: String,
    /// Its code, the part of the key id after the slash.
    pub code: TerminalCode,
    /// The kind of terminal.
    pub kind: TerminalKind,
    /// The key of its signatures.
    pub key: Ed25519Key,
    /// The key before, and the instant from which it is good no more.
    pub old_key: Option<(Ed25519Key, Timestamp)>,
    /// The merchant of a till, unless it is switched off.
    pub merchant: Option<Merchant>,
    /// The doors that it opens.
    pub door_group: Option<DoorGroup>,
    /// How often it, a key or the merchant of it was withdrawn.
    pub withdrawals: i64,
}

impl Terminal {
    /// By what its requests were accepted.
    pub const fn accepted(&self) -> Accepted {
        Accepted { terminal: self.id, withdrawals: self.withdrawals }
    }
}

/// That a terminal was accepted, on a copy of its row. It may have been withdrawn since, so whatever is
/// decided for it makes sure of that where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Accepted {
    /// The terminal.
    pub terminal: TerminalId,
    /// How often it was withdrawn by then.
    pub withdrawals: i64,
}

impl Accepted {
    /// Which of these are accepted still. Nothing is withdrawn from them until the transaction ends.
    pub async fn hold(tx: &Tx, accepted: &[Self]) -> Result<HashSet<Self>, DbError> {
        store::accepted::hold(tx, accepted).await
    }

    /// Makes sure that all of these are accepted still, together with other writes.
    pub fn unchanged(accepted: &[Self]) -> Write {
        store::accepted::unchanged(accepted)
    }
}
