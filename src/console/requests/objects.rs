//! What requests are about: one query for a page of them.

use super::{Desk, Listed};
use crate::{
    approvals::{Approval, ApprovalQuery},
    base::db::Keyset,
    console::{Console, frame::PageError},
    orders::order::OrderId,
    staff::{StaffRefund, StaffRepair},
    staff_accounts::StaffMember,
};

/// So many fields of a policy are named.
const NAMED: usize = 3;

impl Desk {
    /// A page of its requests. Each desk asks for its own right.
    pub(super) async fn page(
        self,
        console: &Console,
        member: &StaffMember,
        query: &ApprovalQuery,
        page: Keyset,
    ) -> Result<Vec<Listed>, PageError> {
        member.may(self.reads(), console.clock.now())?;
        let (staff, people) = (&console.staff, &console.people);
        match self {
            Self::Refunds => {
                let found = staff.refunds(member, query, page).await?;
                Ok(found.into_iter().map(Listed::from).collect())
            }
            Self::Repairs => {
                let found = console.bills.repairs(member, query, page).await?;
                Ok(found.into_iter().map(Listed::from).collect())
            }
            Self::Adjustments => {
                of_people(console, people.adjustments(member, query, page).await?).await
            }
            Self::Resets => {
                of_people(console, people.reset_requests(member, query, page).await?).await
            }
            Self::Logins => {
                let found = staff.staff_requests(member, query, page).await?;
                let logins = staff.request_logins(member, &found).await?;
                let object = |one: &Approval| logins.get(&one.subject).cloned();
                Ok(found.into_iter().map(|one| listed(object(&one), one)).collect())
            }
            Self::Policies => {
                let found = staff.policy_requests(member, query, page).await?;
                let changes = staff.policy_changes(member, &found).await?;
                let object = |one: &Approval| changes.get(&one.id.uuid()).map(|all| named(all));
                Ok(found.into_iter().map(|one| listed(object(&one), one)).collect())
            }
        }
    }
}

async fn of_people(console: &Console, found: Vec<Approval>) -> Result<Vec<Listed>, PageError> {
    let names = console.people.subjects(&found).await?;
    let object = |one: &Approval| names.get(&one.subject).cloned();
    Ok(found.into_iter().map(|one| listed(object(&one), one)).collect())
}

fn listed(object: Option<String>, approval: Approval) -> Listed {
    Listed { approval, standing: None, object: object.unwrap_or_default() }
}

/// The first fields, and how many there are.
fn named(all: &[&str]) -> String {
    let first = all.iter().take(NAMED).copied().collect::<Vec<_>>().join("、");
    if all.len() > NAMED { format!("{first} 等 {} 项", all.len()) } else { first }
}

/// `…21c08f3a`: the end of a number.
fn end_of(number: &str) -> String {
    let end = number.char_indices().rev().nth(7).and_then(|(at, _)| number.get(at..));
    format!("…{}", end.unwrap_or(number))
}

impl From<(StaffRefund, Option<OrderId>)> for Listed {
    fn from((refund, order): (StaffRefund, Option<OrderId>)) -> Self {
        let order = order.map(|order| end_of(&order.uuid().simple().to_string()));
        let object = order.map(|end| format!("订单 {end}")).unwrap_or_default();
        Self { approval: refund.approval, standing: refund.standing, object }
    }
}

impl From<StaffRepair> for Listed {
    fn from(StaffRepair { approval, difference }: StaffRepair) -> Self {
        let number = &difference.found.difference.out_trade_no;
        Self { approval, standing: None, object: format!("支付 {}", end_of(number)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_fields_are_named_and_all_are_counted() {
        assert_eq!(named(&["甲"]), "甲");
        assert_eq!(named(&["甲", "乙", "丙"]), "甲、乙、丙");
        assert_eq!(named(&["甲", "乙", "丙", "丁"]), "甲、乙、丙 等 4 项");
        assert_eq!(end_of("0123456789"), "…23456789");
        assert_eq!(end_of("89"), "…89");
    }
}
