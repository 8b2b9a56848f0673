//! The chart of accounts: the kinds of account, their paths and their rules.

use crate::base::ids::{PersonId, SchoolId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

crate::uuid_id! {
    /// A physical card.
    CardId
}

/// An account of the transfer's person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PersonAccount {
    /// 电子账户: credited by top-ups.
    EAccount,
    /// 过渡余额: records spending by code.
    Transition,
    /// 电子钱包: mirrors the balance that the bank holds for the person.
    Wallet,
    /// Amounts reserved while water is running.
    Hold,
    /// Amounts paid for goods that are not delivered yet.
    Goods,
    /// Refunds in progress.
    Refund,
    /// Payouts to the person's bank card in progress.
    Payout,
    /// The shower balance, if the vendor does not keep it.
    Shower,
}

/// An account of one physical card of the transfer's person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CardAccount {
    /// 卡余额: the balance on the chip.
    Card,
    /// Amounts being written to the chip.
    Writing,
    /// The balance of a card that was replaced.
    Frozen,
}

/// An account of the school.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchoolAccount {
    /// Money that a payment provider has collected and not yet paid out to us.
    Clearing(Name),
    /// Money that a merchant has earned and has not been paid yet.
    Merchant(Name),
    /// Money owed to a utility vendor for what it delivered.
    Vendor(Name),
    /// Money received whose owner is not known.
    Suspense,
    /// Fees.
    Fee,
    /// Granted coupons.
    Coupon,
    /// Payouts to merchants in progress.
    Payout,
    /// Corrections, each approved by two persons.
    Adjustment,
    /// Balances migrated from the old system.
    Opening,
}

/// The name of a provider, merchant or vendor in an account path: `[a-z0-9_-]{1,32}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// The text is not a valid part of an account path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 32 of a-z, 0-9, _ and -")]
pub struct NotAName;

impl Name {
    /// Parses and validates a name.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if text.is_empty() || text.len() > 32 || !text.bytes().all(fits) {
            return Err(NotAName);
        }
        Ok(Self(text.to_owned()))
    }
}

/// One end of a leg.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// An account of the transfer's person. A transfer has at most one person, so one lock
    /// suffices.
    Person(PersonAccount),
    /// An account of a physical card of the transfer's person.
    Card(CardId, CardAccount),
    /// An account of the school.
    School(SchoolAccount),
}

/// The rules that an account follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Part of the person's spendable balance: only the sum must not fall below zero.
    Spendable,
    /// A person's account that must not fall below zero on its own.
    Guarded,
    /// A school's account: written concurrently, so its balance is folded when batches are sealed;
    /// may be negative.
    Hot,
}

impl Class {
    /// The stored code.
    pub const fn code(self) -> i32 {
        match self {
            Self::Spendable => 1,
            Self::Guarded => 2,
            Self::Hot => 3,
        }
    }

    /// Parses a stored code.
    pub const fn from_code(code: i32) -> Option<Self> {
        match code {
            1 => Some(Self::Spendable),
            2 => Some(Self::Guarded),
            3 => Some(Self::Hot),
            _ => None,
        }
    }
}

/// An account's key: the first 16 bytes of the SHA-256 of its school and path. The key is computed
/// without a lookup, and a row whose path was altered no longer matches its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(Uuid);

impl AccountId {
    /// The key of the account with this path.
    pub fn of_path(school: SchoolId, path: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(b"onecard-account-v1|")
            .chain_update(school.number().to_be_bytes())
            .chain_update(path.as_bytes())
            .finalize();
        let mut half = [0; 16];
        half.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self(Uuid::from_bytes(half))
    }

    /// Wraps a stored key.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The key for storage.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// An account row without its balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// The key.
    pub id: AccountId,
    /// The school.
    pub school: SchoolId,
    /// The owner; `None` for an account of the school.
    pub person: Option<PersonId>,
    /// The account path, unique within the school.
    pub path: String,
    /// The rules that it follows.
    pub class: Class,
}

impl Account {
    /// The account's row within a school; `None` for a person's account if no person is given.
    pub fn row(&self, school: SchoolId, person: Option<PersonId>) -> Option<AccountRow> {
        let (person, path, class) = match self {
            Self::Person(account) => {
                let person = person?;
                (Some(person), format!("person/{person}/{}", account.code()), account.class())
            }
            Self::Card(card, account) => {
                (Some(person?), format!("card/{card}/{}", account.code()), account.class())
            }
            Self::School(account) => (None, account.path(), Class::Hot),
        };
        Some(AccountRow { id: AccountId::of_path(school, &path), school, person, path, class })
    }
}

impl AccountRow {
    /// True if key, person and class match the path.
    pub fn fits_its_path(&self) -> bool {
        Account::of_path(&self.path, self.person)
            .and_then(|(account, person)| account.row(self.school, person))
            .is_some_and(|row| row == *self)
    }
}

impl Account {
    /// Parses a path into the account and its owner. The path of a card account does not name the
    /// holder, so `holder` is taken as the owner.
    fn of_path(path: &str, holder: Option<PersonId>) -> Option<(Self, Option<PersonId>)> {
        let mut parts = path.splitn(3, '/');
        match (parts.next()?, parts.next(), parts.next()) {
            ("person", Some(person), Some(code)) => {
                let account = PersonAccount::ALL.into_iter().find(|a| a.code() == code)?;
                Some((Self::Person(account), Some(person.parse().ok()?)))
            }
            ("card", Some(card), Some(code)) => {
                let account = CardAccount::ALL.into_iter().find(|a| a.code() == code)?;
                Some((Self::Card(card.parse().ok()?, account), holder))
            }
            (kind, name, None) => Some((Self::School(SchoolAccount::of_path(kind, name)?), None)),
            (_, _, Some(_)) => None,
        }
    }
}

impl PersonAccount {
    const ALL: [Self; 8] = [
        Self::EAccount,
        Self::Transition,
        Self::Wallet,
        Self::Hold,
        Self::Goods,
        Self::Refund,
        Self::Payout,
        Self::Shower,
    ];

    /// The last segment of the path.
    pub const fn code(self) -> &'static str {
        match self {
            Self::EAccount => "e_account",
            Self::Transition => "transition",
            Self::Wallet => "wallet",
            Self::Hold => "hold",
            Self::Goods => "goods",
            Self::Refund => "refund",
            Self::Payout => "payout",
            Self::Shower => "shower",
        }
    }

    const fn class(self) -> Class {
        match self {
            Self::EAccount | Self::Transition => Class::Spendable,
            Self::Wallet
            | Self::Hold
            | Self::Goods
            | Self::Refund
            | Self::Payout
            | Self::Shower => Class::Guarded,
        }
    }
}

impl CardAccount {
    const ALL: [Self; 3] = [Self::Card, Self::Writing, Self::Frozen];

    const fn code(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Writing => "writing",
            Self::Frozen => "frozen",
        }
    }

    const fn class(self) -> Class {
        match self {
            Self::Card => Class::Spendable,
            Self::Writing | Self::Frozen => Class::Guarded,
        }
    }
}

impl SchoolAccount {
    fn path(&self) -> String {
        match self {
            Self::Clearing(Name(name)) => format!("clearing/{name}"),
            Self::Merchant(Name(name)) => format!("merchant/{name}"),
            Self::Vendor(Name(name)) => format!("vendor/{name}"),
            Self::Suspense => "suspense".into(),
            Self::Fee => "fee".into(),
            Self::Coupon => "coupon".into(),
            Self::Payout => "payout".into(),
            Self::Adjustment => "adjustment".into(),
            Self::Opening => "opening".into(),
        }
    }

    fn of_path(kind: &str, name: Option<&str>) -> Option<Self> {
        match (kind, name.map(Name::parse)) {
            ("clearing", Some(Ok(name))) => Some(Self::Clearing(name)),
            ("merchant", Some(Ok(name))) => Some(Self::Merchant(name)),
            ("vendor", Some(Ok(name))) => Some(Self::Vendor(name)),
            ("suspense", None) => Some(Self::Suspense),
            ("fee", None) => Some(Self::Fee),
            ("coupon", None) => Some(Self::Coupon),
            ("payout", None) => Some(Self::Payout),
            ("adjustment", None) => Some(Self::Adjustment),
            ("opening", None) => Some(Self::Opening),
            (_, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    #[test]
    fn the_key_follows_from_school_and_path_alone() {
        let (one, two) = (SchoolId::from_number(1), SchoolId::from_number(2));
        assert_eq!(AccountId::of_path(one, "suspense"), AccountId::of_path(one, "suspense"));
        assert_ne!(AccountId::of_path(one, "suspense"), AccountId::of_path(two, "suspense"));
        assert_ne!(AccountId::of_path(one, "suspense"), AccountId::of_path(one, "fee"));
    }

    #[test]
    fn a_persons_account_needs_a_person() {
        let school = SchoolId::from_number(1);
        let account = Account::Person(PersonAccount::EAccount);
        assert_eq!(account.row(school, None), None);
        let person = PersonId::new(Timestamp::from_seconds(1));
        let row = account.row(school, Some(person)).unwrap();
        assert_eq!(row.path, format!("person/{person}/e_account"));
        assert_eq!(row.class, Class::Spendable);
    }

    #[test]
    fn a_row_fits_its_path_and_no_other() {
        let now = Timestamp::from_seconds(1);
        let (school, person, card) =
            (SchoolId::from_number(1), PersonId::new(now), CardId::new(now));
        let canteen = Name::parse("canteen-1").unwrap();
        let mut accounts: Vec<Account> =
            PersonAccount::ALL.into_iter().map(Account::Person).collect();
        accounts.extend(CardAccount::ALL.into_iter().map(|a| Account::Card(card, a)));
        accounts.extend(
            [
                SchoolAccount::Clearing(canteen.clone()),
                SchoolAccount::Merchant(canteen.clone()),
                SchoolAccount::Vendor(canteen),
                SchoolAccount::Suspense,
                SchoolAccount::Fee,
                SchoolAccount::Coupon,
                SchoolAccount::Payout,
                SchoolAccount::Adjustment,
                SchoolAccount::Opening,
            ]
            .map(Account::School),
        );
        for account in accounts {
            let good = account.row(school, Some(person)).unwrap();
            assert!(good.fits_its_path(), "{good:?}");
            let class = match good.class {
                Class::Spendable | Class::Hot => Class::Guarded,
                Class::Guarded => Class::Spendable,
            };
            let mut bad = [
                AccountRow { school: SchoolId::from_number(2), ..good.clone() },
                AccountRow { class, ..good.clone() },
                AccountRow { path: format!("{}/x", good.path), ..good.clone() },
                AccountRow { path: good.path.to_uppercase(), ..good.clone() },
                AccountRow { person: good.person.xor(Some(person)), ..good.clone() },
            ];
            bad[2].id = AccountId::of_path(school, &bad[2].path);
            for bad in bad {
                assert!(!bad.fits_its_path(), "{bad:?}");
            }
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        for bad in ["", "A", "a b", "a/b", "é", &"x".repeat(33)] {
            assert_eq!(Name::parse(bad), Err(NotAName), "{bad}");
        }
        assert!(Name::parse("wechat_pay").is_ok());
    }
}
