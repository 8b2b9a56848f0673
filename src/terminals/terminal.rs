//! Terminals and merchants.

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
    /// The merchant of a till.
    pub merchant: Option<Merchant>,
    /// The doors that it opens.
    pub door_group: Option<DoorGroup>,
}
