//! What one decides about a refund by: the order, whose money it is, and the figures of now.

use super::Console;
use crate::{
    approvals::{Approval, ApprovalState},
    base::money::Balance,
    console::{frame::PageError, orders, words},
    ledger::balances::PersonBalances,
    staff_accounts::StaffMember,
};

/// An order's page and the end of its number, and facts.
#[derive(Default)]
pub(super) struct About {
    pub(super) order: Option<(String, String)>,
    pub(super) facts: Vec<(&'static str, String)>,
}

/// The figures are asked for afresh: they are what an approval would find.
pub(super) async fn of(
    console: &Console,
    member: &StaffMember,
    approval: &Approval,
) -> Result<About, PageError> {
    let Some(quote) = console.staff.refund_quote(member, approval).await? else {
        return Ok(About::default());
    };
    let person = console.people.find(member, quote.person).await?;
    let mut facts = vec![
        ("人", format!("{}（{}）", person.listed.name, quote.person_no)),
        ("渠道", words::provider(quote.provider).to_owned()),
    ];
    if approval.state_at(console.clock.now()) == ApprovalState::Requested {
        facts.push(("可退", quote.refundable.to_string()));
        let balances = person.balances.filter(|_| quote.from_balance);
        let left = balances.as_ref().and_then(holdable);
        facts.extend(left.map(|left| ("现有余额", words::yuan(left.get()))));
    }
    let order = (orders::path_of(quote.order), orders::end_of(quote.order));
    Ok(About { order: Some(order), facts })
}

/// What a refund can be taken from: not what is on a card's chip.
fn holdable(balances: &PersonBalances) -> Option<Balance> {
    let own = balances.e_account.plus(balances.transition)?;
    Some(own.min(balances.total()))
}
