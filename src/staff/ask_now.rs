//! 现在查询: the provider is asked about what is unknown of an order or a refund, as the sweep would later.

use super::{
    OrderDesk, OrderDetail, RefundTarget, StaffDesk, StaffOrderError, StaffRefund,
    requests::StaffActError,
};
use crate::{
    approvals::{ApprovalId, ApprovalKind},
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        db::{Db, DbError, TxError},
    },
    orders::order::{OrderId, PaymentId},
    staff_accounts::{self, StaffAct, StaffMember, StaffRefusal},
};

impl OrderDesk {
    /// Has the provider asked about an order of the member's school, and tells how it stands then.
    pub async fn ask_now(
        &self,
        member: &StaffMember,
        id: OrderId,
    ) -> Result<OrderDetail, StaffOrderError> {
        self.find(member, id).await?;
        let (subject, now) = (format!("order {id}"), self.clock.now());
        recorded::<StaffOrderError>(&self.db, member, subject, now).await?;
        let asked = self.refunds.ask_now(member.school, RefundTarget::Order(id)).await;
        asked.map_err(StaffOrderError::Refund)?;
        self.find(member, id).await
    }
}

impl StaffDesk {
    /// Has the provider asked about what a request for a refund came to.
    pub async fn ask_about_refund(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<StaffRefund, StaffActError> {
        let asked = self.refund(member, id).await?.approval;
        if asked.kind != ApprovalKind::Refund {
            return Err(StaffActError::NotFound);
        }
        let subject = format!("approval {id}");
        recorded::<StaffActError>(&self.db, member, subject, self.clock.now()).await?;
        let payment = RefundTarget::Payment(PaymentId::from_uuid(asked.subject));
        self.refunds.ask_now(member.school, payment).await?;
        self.refund(member, id).await
    }
}

/// An entry of the log, where the member may ask.
async fn recorded<E: TxError + From<StaffRefusal> + From<DbError>>(
    db: &Db,
    member: &StaffMember,
    subject: String,
    now: Timestamp,
) -> Result<(), E> {
    let (act, school) = (AuditAct::ProviderAsked, Some(member.school));
    let entry = Entry { act, school, subject, detail: String::new() };
    let db = db.clone().acting_as(member.actor(""));
    db.in_tx(async |tx| {
        staff_accounts::hold::<E>(tx, member, StaffAct::AskProvider, now).await?;
        Ok(audit::record(tx, &entry, now).await?)
    })
    .await
}
