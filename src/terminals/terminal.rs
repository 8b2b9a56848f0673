//! A terminal as its signature proves it.

use super::names::{DoorGroup, MerchantCode, MerchantName, TerminalCode};
use crate::base::{crypto::ed25519::Ed25519Key, ids::SchoolId};
use serde::Serialize;

crate::uuid_id! {
    /// A terminal of a school.
    TerminalId
}

crate::uuid_id! {
    /// A merchant of a school.
    MerchantId
}

/// What a terminal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TerminalKind {
    /// A till.
    Pos,
    /// A door or a gate.
    Gate,
    /// A library's desk.
    Library,
    /// A water meter.
    Water,
}

impl TerminalKind {
    /// All there are.
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

/// Who sells at a till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Its row.
    pub id: MerchantId,
    /// Names its account.
    pub code: MerchantCode,
    /// As students know it.
    pub name: MerchantName,
}

/// A registered terminal that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Its row.
    pub id: TerminalId,
    /// Where it stands.
    pub school: SchoolId,
    /// In its key id before the slash.
    pub school_code: String,
    /// In its key id behind the slash.
    pub code: TerminalCode,
    /// What it is for.
    pub kind: TerminalKind,
    /// What it signs with.
    pub key: Ed25519Key,
    /// Who sells there.
    pub merchant: Option<Merchant>,
    /// Which doors it opens.
    pub door_group: Option<DoorGroup>,
}
