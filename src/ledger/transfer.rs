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

/// The kind of event that a transfer records. Declared once, as a constant, by the module that
/// posts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(&'static str);

impl Kind {
    /// A kind with this name, for use in constants.
    ///
    /// # Panics
    /// At compile time, if the name is empty or longer than 32 bytes.
    pub const fn new(name: &'static str) -> Self {
        assert!(!name.is_empty() && name.len() <= 32, "a kind has 1 to 32 characters");
        Self(name)
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// Whether the transfer may be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nature {
    /// A request: refused if it would take a person's balance below zero.
    Command,
    /// An event that has already happened: always posts.
    Fact,
}

impl Nature {
    /// The stored code.
    pub const fn code(self) -> i32 {
        match self {
            Self::Command => 1,
            Self::Fact => 2,
        }
    }

    /// Parses a stored code.
    pub const fn from_code(code: i32) -> Option<Self> {
        match code {
            1 => Some(Self::Command),
            2 => Some(Self::Fact),
            _ => None,
        }
    }
}

/// One positive amount from one account to another, so that an entry is always balanced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The account that is debited.
    pub from: Account,
    /// The account that is credited.
    pub to: Account,
    /// The amount; never zero.
    pub amount: Fen,
}

/// A transfer to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The school whose ledger is posted to.
    pub school: SchoolId,
    /// The person whose accounts are touched, if any.
    pub person: Option<PersonId>,
    /// The kind of event.
    pub kind: Kind,
    /// The external fact that it records: unique within school and kind, at most 128 bytes.
    pub reference: String,
    /// Whether it may be refused.
    pub nature: Nature,
    /// The value date.
    pub value_day: Day,
    /// 1 to 16 legs.
    pub legs: Vec<Leg>,
}

/// Why a transfer is invalid. A defect of the caller, not of the user's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTransfer {
    /// No legs, or more than sixteen.
    #[error("a transfer has 1 to 16 legs")]
    Legs,
    /// A leg with an amount of zero.
    #[error("a leg moves a positive amount")]
    Zero,
    /// A leg from an account to itself.
    #[error("a leg has two different ends")]
    SameAccount,
    /// A person's account in a transfer without a person.
    #[error("a person's account needs the transfer's person")]
    NoPerson,
    /// The reference is empty or too long.
    #[error("a reference has 1 to 128 bytes")]
    Reference,
}

/// A leg between accounts, by their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedLeg {
    /// The account that is debited.
    pub from: AccountId,
    /// The account that is credited.
    pub to: AccountId,
    /// The amount.
    pub amount: Fen,
}

/// A checked transfer with the keys of its accounts.
#[derive(Clone, Debug)]
pub(super) struct Keyed<'a> {
    /// The transfer as requested.
    pub transfer: &'a Transfer,
    /// The legs, in order.
    pub legs: Vec<KeyedLeg>,
    /// The distinct accounts that the legs touch.
    pub accounts: Vec<AccountRow>,
}

impl Transfer {
    /// Validates the transfer and computes the keys of its accounts.
    pub(super) fn keyed(&self) -> Result<Keyed<'_>, BadTransfer> {
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

/// A stored transfer with its legs: exactly the fields that the digest covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The transfer.
    pub id: TransferId,
    /// The school.
    pub school: SchoolId,
    /// The batch: the transfers of one commit.
    pub batch: Uuid,
    /// The position within the batch, from 0.
    pub ordinal: i32,
    /// The kind's name.
    pub kind: String,
    /// The reference.
    pub reference: String,
    /// The person.
    pub person: Option<PersonId>,
    /// The stored code of the nature.
    pub nature: i32,
    /// When it was posted.
    pub at: Timestamp,
    /// The value date.
    pub value_day: Day,
    /// The legs, in order.
    pub legs: Vec<KeyedLeg>,
}

/// A SHA-256 hash.
pub type Hash = [u8; 32];

impl Record {
    /// SHA-256 over every field; strings and lists are prefixed with their lengths, so that
    /// different records have different encodings.
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

    /// True if this record equals `asked` in every field that the caller chose.
    pub(super) fn says_the_same(&self, asked: &Keyed<'_>) -> bool {
        self.differing(asked).next().is_none()
    }

    /// The fields in which this record differs from what posting `transfer` would have recorded.
    pub fn differences(&self, transfer: &Transfer) -> Result<Vec<&'static str>, BadTransfer> {
        Ok(self.differing(&transfer.keyed()?).collect())
    }

    fn differing(&self, asked: &Keyed<'_>) -> impl Iterator<Item = &'static str> + use<> {
        let transfer = asked.transfer;
        let legs = || self.legs.iter().zip(&asked.legs);
        let as_many = self.legs.len() == asked.legs.len();
        let same_ends =
            |(leg, asked): (&KeyedLeg, &KeyedLeg)| (leg.from, leg.to) == (asked.from, asked.to);
        let same_amount = |(leg, asked): (&KeyedLeg, &KeyedLeg)| leg.amount == asked.amount;
        let fields = [
            ("school", self.school == transfer.school),
            ("kind", self.kind == transfer.kind.name()),
            ("reference", self.reference == transfer.reference),
            ("person", self.person == transfer.person),
            ("nature", self.nature == transfer.nature.code()),
            ("value day", self.value_day == transfer.value_day),
            ("accounts", as_many && legs().all(same_ends)),
            ("amounts", as_many && legs().all(same_amount)),
        ];
        fields.into_iter().filter(|(_, same)| !same).map(|(field, _)| field)
    }
}

/// The digest of a batch: SHA-256 over its transfers' digests, in order.
pub fn batch_digest<'a>(digests: impl IntoIterator<Item = &'a Hash>) -> Hash {
    let start = Sha256::new().chain_update(b"onecard-batch-v1|");
    digests.into_iter().fold(start, Digest::chain_update).finalize().into()
}

pub(super) fn length(n: usize) -> [u8; 8] {
    u64::try_from(n).unwrap_or(u64::MAX).to_be_bytes()
}
