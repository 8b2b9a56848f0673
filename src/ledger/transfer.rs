//! A transfer: the only thing that changes a balance.

use super::account::{Account, AccountId, AccountRow};
use crate::base::{
    clock::{Day, Timestamp},
    ids::{PersonId, SchoolId},
    money::Fen,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

crate::uuid_id! {
    /// A posted transfer.
    TransferId
}

/// What sort of act a transfer records. Declared once, as a constant, by the slice whose act it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(&'static str);

impl Kind {
    /// A kind of that name, a constant.
    ///
    /// # Panics
    /// When the program is compiled, if the name is empty or longer than 32 bytes.
    pub const fn new(name: &'static str) -> Self {
        assert!(!name.is_empty() && name.len() <= 32, "a kind has 1 to 32 characters");
        Self(name)
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// May the transfer be refused?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nature {
    /// Somebody asks for it: never takes a person below zero.
    Command,
    /// It has happened in the world: always posts.
    Fact,
}

impl Nature {
    /// For storage.
    pub const fn code(self) -> i32 {
        match self {
            Self::Command => 1,
            Self::Fact => 2,
        }
    }

    /// As stored.
    pub const fn from_code(code: i32) -> Option<Self> {
        match code {
            1 => Some(Self::Command),
            2 => Some(Self::Fact),
            _ => None,
        }
    }
}

/// One positive amount from one account to another: an unbalanced entry cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Goes down.
    pub from: Account,
    /// Goes up.
    pub to: Account,
    /// How much; never zero.
    pub amount: Fen,
}

/// What is to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The school whose books these are.
    pub school: SchoolId,
    /// The one person whose accounts are touched, if any.
    pub person: Option<PersonId>,
    /// The sort of act.
    pub kind: Kind,
    /// The outside fact it records: unique within school and kind, at most 128 bytes.
    pub reference: String,
    /// Whether it may be refused.
    pub nature: Nature,
    /// The day it counts for.
    pub value_day: Day,
    /// 1 to 16 legs.
    pub legs: Vec<Leg>,
}

/// Why a transfer is not one. A defect of the caller, not of what somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTransfer {
    /// None, or more than sixteen.
    #[error("a transfer has 1 to 16 legs")]
    Legs,
    /// An amount of zero.
    #[error("a leg moves a positive amount")]
    Zero,
    /// From an account to itself.
    #[error("a leg has two different ends")]
    SameAccount,
    /// A person's account in a transfer without a person.
    #[error("a person's account needs the transfer's person")]
    NoPerson,
    /// Empty or too long.
    #[error("a reference has 1 to 128 bytes")]
    Reference,
}

/// A leg between accounts that have keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedLeg {
    /// Goes down.
    pub from: AccountId,
    /// Goes up.
    pub to: AccountId,
    /// How much.
    pub amount: Fen,
}

/// A checked transfer whose accounts have keys.
#[derive(Clone, Debug)]
pub struct Keyed<'a> {
    /// As asked.
    pub transfer: &'a Transfer,
    /// Its legs, in order.
    pub legs: Vec<KeyedLeg>,
    /// The accounts they touch, each once.
    pub accounts: Vec<AccountRow>,
}

impl Transfer {
    /// Checks the transfer's form and names its accounts.
    pub fn keyed(&self) -> Result<Keyed<'_>, BadTransfer> {
        if self.legs.is_empty() || self.legs.len() > 16 {
            return Err(BadTransfer::Legs);
        }
        if self.reference.is_empty() || self.reference.len() > 128 {
            return Err(BadTransfer::Reference);
        }
        let mut accounts: Vec<AccountRow> = Vec::with_capacity(2 * self.legs.len());
        let mut key = |account: &Account| {
            let row = account.row(self.school, self.person).ok_or(BadTransfer::NoPerson)?;
            let id = row.id;
            if accounts.iter().all(|known| known.id != id) {
                accounts.push(row);
            }
            Ok(id)
        };
        let mut legs = Vec::with_capacity(self.legs.len());
        for leg in &self.legs {
            let (from, to) = (key(&leg.from)?, key(&leg.to)?);
            if leg.amount.is_zero() {
                return Err(BadTransfer::Zero);
            }
            if from == to {
                return Err(BadTransfer::SameAccount);
            }
            legs.push(KeyedLeg { from, to, amount: leg.amount });
        }
        Ok(Keyed { transfer: self, legs, accounts })
    }
}

/// A transfer as its row and its legs' rows say: what the digest covers, field by field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The transfer.
    pub id: TransferId,
    /// The school.
    pub school: SchoolId,
    /// Those posted by one commit.
    pub batch: Uuid,
    /// The place within the batch, from 0.
    pub ordinal: i32,
    /// The kind's name.
    pub kind: String,
    /// The reference.
    pub reference: String,
    /// The person.
    pub person: Option<PersonId>,
    /// Stored code of the nature.
    pub nature: i32,
    /// When it was posted.
    pub at: Timestamp,
    /// The value date.
    pub value_day: Day,
    /// The legs, in order.
    pub legs: Vec<KeyedLeg>,
}

/// A SHA-256.
pub type Hash = [u8; 32];

impl Record {
    /// SHA-256 over every field; texts and lists are preceded by their lengths, so that no two
    /// records have one encoding.
    pub fn digest(&self) -> Hash {
        let text = |hash: Sha256, text: &str| {
            hash.chain_update(length(text.len())).chain_update(text.as_bytes())
        };
        let mut hash = Sha256::new()
            .chain_update(b"onecard-transfer-v1|")
            .chain_update(self.id.uuid().as_bytes())
            .chain_update(self.school.number().to_be_bytes())
            .chain_update(self.batch.as_bytes())
            .chain_update(self.ordinal.to_be_bytes());
        hash = text(hash, &self.kind);
        hash = text(hash, &self.reference);
        hash = hash
            .chain_update(self.person.map_or(Uuid::nil(), PersonId::uuid).as_bytes())
            .chain_update(self.nature.to_be_bytes())
            .chain_update(self.at.micros().to_be_bytes())
            .chain_update(self.value_day.number().to_be_bytes())
            .chain_update(length(self.legs.len()));
        for leg in &self.legs {
            hash = hash
                .chain_update(leg.from.uuid().as_bytes())
                .chain_update(leg.to.uuid().as_bytes())
                .chain_update(leg.amount.get().to_be_bytes());
        }
        hash.finalize().into()
    }

    /// True if this is what `asked` would be posted as: every field that the asker chose.
    pub fn says_the_same(&self, asked: &Keyed<'_>) -> bool {
        let transfer = asked.transfer;
        self.school == transfer.school
            && self.kind == transfer.kind.name()
            && self.reference == transfer.reference
            && self.person == transfer.person
            && self.nature == transfer.nature.code()
            && self.value_day == transfer.value_day
            && self.legs == asked.legs
    }
}

/// The digest of a batch: SHA-256 over its transfers' digests, in order.
pub fn batch_digest<'a>(digests: impl IntoIterator<Item = &'a Hash>) -> Hash {
    let start = Sha256::new().chain_update(b"onecard-batch-v1|");
    digests.into_iter().fold(start, Digest::chain_update).finalize().into()
}

fn length(n: usize) -> [u8; 8] {
    u64::try_from(n).unwrap_or(u64::MAX).to_be_bytes()
}
