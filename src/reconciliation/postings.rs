//! What a row of a bill posts: the provider's fee, and the merchant's coupon. Both are facts, and
//! belong to no person.

use super::{
    bill::{BillEntry, BillRow},
    day::DayKey,
};
use crate::{
    base::{
        clock::Day,
        ids::{PersonId, SchoolId},
        money::{Fen, InvalidAmount},
    },
    ledger::{
        account::{Account, Name, NotAName, PersonAccount, SchoolAccount},
        transfer::{Kind, Leg, Nature, Transfer},
    },
    orders::fact::Provider,
};
use uuid::Uuid;

/// What a provider charges for a payment, or gives back of it with a refund.
pub const FEE: Kind = Kind::new("fee");
/// What a merchant's coupon paid of a payment, or gets back with a refund.
pub const COUPON: Kind = Kind::new("coupon");

/// What two persons agreed that a person's balance is to be corrected by.
pub const CORRECTED: Kind = Kind::new("corrected");

/// A correction of a person's balance, once for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The school.
    pub school: SchoolId,
    /// Whose balance.
    pub person: PersonId,
    /// The request that two persons agreed on.
    pub approval: Uuid,
    /// The day on which they did.
    pub day: Day,
    /// What the person gets; below zero for what is taken.
    pub stake_fen: i64,
}

impl Correction {
    /// The id of the request.
    pub fn reference(&self) -> String {
        self.approval.to_string()
    }

    /// adjustment → 电子账户, or the other way round; what is taken is a command, which cannot take more
    /// than there is. `None` where there is nothing to move.
    pub fn transfer(&self) -> Option<Transfer> {
        let size = i64::try_from(self.stake_fen.unsigned_abs()).ok()?;
        let amount = Fen::new(size).ok().filter(|amount| !amount.is_zero())?;
        let person = Account::Person(PersonAccount::EAccount);
        let school = Account::School(SchoolAccount::Adjustment);
        let gets = self.stake_fen > 0;
        let (from, to) = if gets { (school, person) } else { (person, school) };
        Some(Transfer {
            school: self.school,
            person: Some(self.person),
            kind: CORRECTED,
            reference: self.reference(),
            nature: if gets { Nature::Fact } else { Nature::Command },
            value_day: self.day,
            legs: vec![Leg { from, to, amount }],
        })
    }
}

/// A row of a bill, as far as it posts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The school whose payment it is.
    pub school: SchoolId,
    /// The provider.
    pub provider: Provider,
    /// The merchant number there.
    pub merchant: String,
    /// The day of the bill.
    pub day: Day,
    /// The provider's number of the payment or refund.
    pub number: String,
    /// Whether it is a refund.
    pub is_refund: bool,
    /// In fen; below zero for a fee that is given back.
    pub fee_fen: i64,
    /// The part that a coupon paid, or gets back.
    pub coupon: Fen,
}

/// Why a row cannot be posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpostable {
    /// A provider's name that cannot be an account's.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// A fee that is no amount.
    #[error(transparent)]
    Amount(#[from] InvalidAmount),
}

impl Posting {
    /// Of a row in the bill of a day.
    pub fn of(row: &BillRow, key: &DayKey) -> Self {
        Self {
            school: key.school,
            provider: key.provider,
            merchant: key.merchant.clone(),
            day: key.day,
            number: row.number().to_owned(),
            is_refund: match row.entry {
                BillEntry::Payment => false,
                BillEntry::Refund { .. } => true,
            },
            fee_fen: row.fee.fen(),
            coupon: row.coupon,
        }
    }

    /// `provider:merchant:number`.
    pub fn reference(&self) -> String {
        format!("{}:{}:{}", self.provider.code(), self.merchant, self.number)
    }

    /// What it posts; nothing where there is neither fee nor coupon.
    pub fn transfers(&self) -> Result<Vec<Transfer>, Unpostable> {
        Ok(self.fee()?.into_iter().chain(self.coupon()?).collect())
    }

    /// fee → clearing; of a fee that is given back the other way round.
    pub fn fee(&self) -> Result<Option<Transfer>, Unpostable> {
        if self.fee_fen == 0 {
            return Ok(None);
        }
        let size = i64::try_from(self.fee_fen.unsigned_abs()).unwrap_or(i64::MAX);
        self.transfer(FEE, SchoolAccount::Fee, Fen::new(size)?, self.fee_fen > 0).map(Some)
    }

    /// coupon → clearing; of a refund the other way round.
    pub fn coupon(&self) -> Result<Option<Transfer>, Unpostable> {
        if self.coupon.is_zero() {
            return Ok(None);
        }
        self.transfer(COUPON, SchoolAccount::Coupon, self.coupon, !self.is_refund).map(Some)
    }

    fn transfer(
        &self,
        kind: Kind,
        account: SchoolAccount,
        amount: Fen,
        to_clearing: bool,
    ) -> Result<Transfer, Unpostable> {
        let clearing = Account::School(SchoolAccount::Clearing(Name::parse(self.provider.code())?));
        let account = Account::School(account);
        let (from, to) = if to_clearing { (account, clearing) } else { (clearing, account) };
        Ok(Transfer {
            school: self.school,
            person: None,
            kind,
            reference: self.reference(),
            nature: Nature::Fact,
            value_day: self.day,
            legs: vec![Leg { from, to, amount }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_and_coupons_go_to_clearing_and_come_back_with_refunds() {
        let posting = |is_refund, fee_fen, coupon| Posting {
            school: SchoolId::from_number(1),
            provider: Provider::WechatPay,
            merchant: "10".to_owned(),
            day: Day::from_number(20_000),
            number: "42".to_owned(),
            is_refund,
            fee_fen,
            coupon: Fen::new(coupon).unwrap(),
        };
        let clearing =
            || Account::School(SchoolAccount::Clearing(Name::parse("wechat_pay").unwrap()));
        let (fee, coupon) =
            (|| Account::School(SchoolAccount::Fee), || Account::School(SchoolAccount::Coupon));
        let leg = |from, to, fen| Leg { from, to, amount: Fen::new(fen).unwrap() };
        for (posting, legs) in [
            (posting(false, 0, 0), vec![]),
            (posting(false, 30, 0), vec![leg(fee(), clearing(), 30)]),
            (posting(true, -7, 0), vec![leg(clearing(), fee(), 7)]),
            (
                posting(false, 24, 1000),
                vec![leg(fee(), clearing(), 24), leg(coupon(), clearing(), 1000)],
            ),
            (posting(true, 0, 200), vec![leg(clearing(), coupon(), 200)]),
        ] {
            let transfers = posting.transfers().unwrap();
            assert!(
                transfers.iter().all(|t| t.reference == "wechat_pay:10:42" && t.person.is_none())
            );
            let posted: Vec<_> = transfers.into_iter().flat_map(|t| t.legs).collect();
            assert_eq!(posted, legs, "{posting:?}");
        }
    }
}
