//! The transfer of an adjustment, and the request that it stands for.

use crate::{
    approvals::{Approval, ApprovalId, ApprovalKind},
    base::{
        clock::Day,
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    ledger::{
        account::{Account, PersonAccount, SchoolAccount},
        transfer::{Kind, Leg, Nature, Transfer},
    },
};
use sha2::{Digest, Sha256};

/// What two persons agreed that somebody gets or gives up.
pub const ADJUSTED: Kind = Kind::new("adjusted");

/// What somebody is to get, or to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// The school.
    pub school: SchoolId,
    /// Whose balance.
    pub person: PersonId,
    /// What the person gets; below zero for what is taken.
    pub change_fen: i64,
}

impl Adjustment {
    /// The most that one request moves: ¥1,000.
    pub const MOST: Fen = match Fen::new(100_000) {
        Ok(most) => most,
        Err(_) => Fen::ZERO,
    };
    /// The requests for one: to give, and to take.
    pub const KINDS: [ApprovalKind; 2] = [ApprovalKind::AdjustUp, ApprovalKind::AdjustDown];

    /// What a request asks for; `None` for requests of other kinds.
    pub fn of(approval: &Approval) -> Option<Self> {
        let change_fen = match approval.kind {
            ApprovalKind::AdjustUp => approval.amount.get(),
            ApprovalKind::AdjustDown => approval.amount.get().saturating_neg(),
            ApprovalKind::Refund
            | ApprovalKind::RefundEnd
            | ApprovalKind::BillRepair
            | ApprovalKind::PasswordReset
            | ApprovalKind::StaffRoles
            | ApprovalKind::StaffFactor
            | ApprovalKind::PolicyChange => return None,
        };
        let person = PersonId::from_uuid(approval.subject);
        Some(Self { school: approval.school, person, change_fen })
    }

    /// The kind of the request for it.
    pub const fn kind(&self) -> ApprovalKind {
        if self.change_fen < 0 { ApprovalKind::AdjustDown } else { ApprovalKind::AdjustUp }
    }

    /// How much it moves; `None` where it moves nothing or too much.
    pub fn amount(&self) -> Option<Fen> {
        let size = i64::try_from(self.change_fen.unsigned_abs()).ok()?;
        Fen::new(size).ok().filter(|amount| !amount.is_zero() && *amount <= Self::MOST)
    }

    /// SHA-256 of what is asked for, and why.
    pub fn digest(&self, reason: &str) -> [u8; 32] {
        let Self { school, person, change_fen } = self;
        let fixed = format!("adjust|{}|{person}|{change_fen}|", school.number());
        Sha256::new().chain_update(fixed).chain_update(reason).finalize().into()
    }

    /// adjustment → 电子账户, or the other way round: what is taken is a command, which cannot take more than there
    /// is. `None` where it moves nothing or too much.
    pub fn transfer(&self, approval: ApprovalId, day: Day) -> Option<Transfer> {
        let amount = self.amount()?;
        let person = Account::Person(PersonAccount::EAccount);
        let school = Account::School(SchoolAccount::Adjustment);
        let gets = self.change_fen > 0;
        let (from, to) = if gets { (school, person) } else { (person, school) };
        Some(Transfer {
            school: self.school,
            person: Some(self.person),
            kind: ADJUSTED,
            reference: approval.to_string(),
            nature: if gets { Nature::Fact } else { Nature::Command },
            value_day: day,
            legs: vec![Leg { from, to, amount }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    #[test]
    fn what_is_given_is_a_fact_and_what_is_taken_a_command() {
        let now = Timestamp::from_seconds(1_767_232_800);
        let (person, approval) = (PersonId::new(now), ApprovalId::new(now));
        let account = Account::School(SchoolAccount::Adjustment);
        let e_account = Account::Person(PersonAccount::EAccount);
        let cases = [
            (1200, Some((Nature::Fact, account.clone(), e_account.clone(), 1200))),
            (-1200, Some((Nature::Command, e_account.clone(), account.clone(), 1200))),
            (100_000, Some((Nature::Fact, account.clone(), e_account.clone(), 100_000))),
            (-100_000, Some((Nature::Command, e_account, account, 100_000))),
            (100_001, None),
            (-100_001, None),
            (0, None),
            (i64::MIN, None),
        ];
        for (change_fen, expected) in cases {
            let one = Adjustment { school: SchoolId::from_number(1), person, change_fen };
            let transfer = one.transfer(approval, now.day());
            let told = transfer.as_ref().map(|posted| {
                let leg = posted.legs.first().unwrap();
                assert_eq!(posted.reference, approval.to_string());
                (posted.nature, leg.from.clone(), leg.to.clone(), leg.amount.get())
            });
            assert_eq!(told, expected, "{change_fen}");
        }
    }

    #[test]
    fn a_request_covers_whose_money_how_much_and_why() {
        let at = |seconds| PersonId::new(Timestamp::from_seconds(seconds));
        let person = at(1);
        let one = Adjustment { school: SchoolId::from_number(1), person, change_fen: 1200 };
        let others = [
            (Adjustment { school: SchoolId::from_number(2), ..one }, "多收"),
            (Adjustment { person: at(2), ..one }, "多收"),
            (Adjustment { change_fen: -1200, ..one }, "多收"),
            (one, "多收了"),
        ];
        for (other, reason) in others {
            assert_ne!(one.digest("多收"), other.digest(reason), "{other:?} {reason}");
        }
    }
}
