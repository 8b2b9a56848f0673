//! Who may be the second person: asked before a form is shown. The transaction that decides asks again, by the
//! same rules.

use super::{
    RefundTarget, StaffDesk,
    requests::{StaffActError, decider},
};
use crate::{
    approvals::{Approval, ApprovalError, ApprovalKind, ApprovalVerdict},
    base::db::{DbError, Keyset},
    orders::order::PaymentId,
    staff_accounts::{StaffAct, StaffFilter, StaffMember},
};
use std::collections::BTreeSet;

/// The most logins of a school that are looked at.
const LOGINS: u16 = 1000;

impl StaffDesk {
    /// Why the member may not approve a request that waits, as far as it is not a matter of rights; `None` where
    /// nothing is in the way.
    pub async fn why_not_approve(
        &self,
        member: &StaffMember,
        asked: &Approval,
    ) -> Result<Option<StaffActError>, StaffActError> {
        if asked.kind == ApprovalKind::Refund {
            let payment = RefundTarget::Payment(PaymentId::from_uuid(asked.subject));
            // A payment of which nothing can be refunded any more is said when it is approved.
            if let Ok(quote) = self.refunds.quote(member.school, payment).await
                && member.is_person(&quote.person_no)
            {
                return Ok(Some(StaffActError::OwnMoney));
            }
        }
        let now = self.clock.now();
        let by = self.db.in_tx(async |tx| decider(tx, member, asked, now).await).await?;
        let refused = asked.check(ApprovalVerdict::Approve, &by, now).err();
        Ok(refused.map(|refusal| ApprovalError::from(refusal).into()))
    }

    /// How many other persons of the school have a right. Several logins of one person are one.
    pub async fn others_who_may(
        &self,
        member: &StaffMember,
        act: StaffAct,
    ) -> Result<usize, DbError> {
        let filter = StaffFilter::all(member.school);
        let page = Keyset { beyond: None, descending: false, most: LOGINS };
        let logins = filter.page(&self.db, page).await?;
        let may = logins.iter().filter(|login| login.enabled && login.roles.has(act));
        let others = may.filter(|login| login.staff_no != member.staff_no);
        Ok(others.map(|login| login.staff_no.to_string()).collect::<BTreeSet<_>>().len())
    }
}
