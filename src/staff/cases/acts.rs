//! Who has a case, and how it ends.

use super::{
    CaseDesk, StaffCaseError,
    detail::{holds_money, subject_of, waits},
    visible, worker,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    cases::{CaseAct, CaseId, CaseKind, CaseRefusal, FoundCase},
    orders::order::PaymentId,
    staff::{StaffActError, StaffRefund, endings::EndingAsk},
    staff_accounts::{self, StaffAct, StaffMember},
};
use uuid::Uuid;

impl CaseDesk {
    /// Does `act` to a case that was read in this version. A case of one's own money is not for oneself; one
    /// about money is ended with a fresh second factor, and only where no request about it waits and its
    /// refund holds nothing. The same act by the same person again is the same act.
    pub async fn act(
        &self,
        member: &StaffMember,
        (id, version): (CaseId, i64),
        (act, why): (CaseAct<'_>, &str),
    ) -> Result<FoundCase, StaffCaseError> {
        let case = self.case(member, id).await?;
        let right = match act {
            CaseAct::Resolve(_) if case.is_money => StaffAct::EndMoneyCases,
            CaseAct::Take | CaseAct::Release | CaseAct::TakeOver | CaseAct::Resolve(_) => {
                StaffAct::HandleCases
            }
        };
        let now = self.staff.clock.now();
        member.may(right, now)?;
        if act != CaseAct::Release {
            self.check_not_own(member, &case).await?;
        }
        if matches!(act, CaseAct::Resolve(_)) && case.end.is_none() {
            self.check_done(&case).await?;
        }
        let by = worker(member);
        let db = self.staff.db.clone().acting_as(member.actor(why));
        db.in_tx(async |tx| {
            staff_accounts::hold::<StaffCaseError>(tx, member, right, now).await?;
            let was = visible(FoundCase::lock(tx, member.school, id).await?, member)?;
            let from = was.holder.clone();
            let (is, is_new) = was.act(tx, act, (&by, version), now).await??;
            if is_new {
                let from = from.filter(|from| from.by.staff_no != by.staff_no);
                let from = from.map(|from| format!("{}, no. {}", from.by.login, from.by.staff_no));
                record(tx, &is, entry_of(act, from), now).await?;
            }
            Ok(is)
        })
        .await
    }

    /// Asks that the refund of a case be ended, which the member has, for a reason and under an idempotency
    /// key. Another person decides.
    pub async fn ask_ending_of(
        &self,
        member: &StaffMember,
        id: CaseId,
        (reason, key): (String, String),
    ) -> Result<StaffRefund, StaffCaseError> {
        let case = held_by(self.case(member, id).await?, member)?;
        let refund: Uuid = case.facts.refund.ok_or(StaffCaseError::NoRefund)?;
        let asked = self.staff.ask_ending(member, &EndingAsk { refund, reason, key }).await?;
        let (by, now) = (worker(member), self.staff.clock.now());
        self.staff.db.in_tx(async |tx| FoundCase::touch(tx, id, &by, now).await).await?;
        Ok(asked)
    }

    /// Asks the provider about a refund of the payment of a case, which the member has: one that somebody made
    /// in the provider's console, by its number there. What the provider says is posted like any answer of
    /// it, and ends the case if nothing is left.
    pub async fn check_refund(
        &self,
        member: &StaffMember,
        id: CaseId,
        number: &str,
    ) -> Result<(), StaffCaseError> {
        let case = self.case(member, id).await?;
        let (right, now) = (StaffAct::EndMoneyCases, self.staff.clock.now());
        member.may(right, now)?;
        let case = held_by(case, member)?;
        self.check_not_own(member, &case).await?;
        let payment = case.facts.payment.filter(|_| case.facts.refund.is_none());
        let (payment, (_, _, transaction)) =
            payment.zip(case.reference()).ok_or(StaffCaseError::NoPayment)?;
        let db = self.staff.db.clone().acting_as(member.actor(number));
        let by = worker(member);
        db.in_tx(async |tx| {
            staff_accounts::hold::<StaffCaseError>(tx, member, right, now).await?;
            record(tx, &case, (AuditAct::CaseChecked, None), now).await?;
            Ok::<_, StaffCaseError>(FoundCase::touch(tx, id, &by, now).await?)
        })
        .await?;
        let payment = PaymentId::from_uuid(payment);
        let has_ended =
            self.staff.refunds.ask_about(member.school, (payment, transaction), number).await?;
        match self.case(member, id).await?.end {
            Some(_) => Ok(()),
            None if has_ended => Err(StaffCaseError::NotOver),
            None => Err(StaffCaseError::NotFoundThere),
        }
    }

    /// Nobody acts on money of their own. Whose it is does not change, so that it is asked before the
    /// transaction.
    async fn check_not_own(
        &self,
        member: &StaffMember,
        case: &FoundCase,
    ) -> Result<(), StaffCaseError> {
        let order = self.order_of(case).await?;
        let is_own = order.is_some_and(|order| member.is_person(&order.person_no));
        if is_own { Err(StaffActError::OwnMoney.into()) } else { Ok(()) }
    }

    /// That no money of it is on its way.
    async fn check_done(&self, case: &FoundCase) -> Result<(), StaffCaseError> {
        if waits(&self.requests_of(case).await?, self.staff.clock.now()) {
            return Err(StaffCaseError::InReview);
        }
        if holds_money(case, self.standing_of(case).await?) {
            return Err(StaffCaseError::HoldsMoney);
        }
        Ok(())
    }
}

/// The case, if it is open and the member has it.
fn held_by(case: FoundCase, member: &StaffMember) -> Result<FoundCase, StaffCaseError> {
    if case.end.is_some() {
        return Err(CaseRefusal::Over.into());
    }
    if !case.is_held_by(&member.staff_no) {
        let held = case.holder.map(|holder| CaseRefusal::Held(Box::new(holder)));
        return Err(held.unwrap_or(CaseRefusal::NotTaken).into());
    }
    Ok(case)
}

/// The entry of an act, and from whom the case was taken by it.
fn entry_of(act: CaseAct<'_>, from: Option<String>) -> (AuditAct, Option<String>) {
    match act {
        CaseAct::Take | CaseAct::TakeOver if from.is_some() => (AuditAct::CaseTakenOver, from),
        CaseAct::Take | CaseAct::TakeOver => (AuditAct::CaseTaken, None),
        CaseAct::Release => (AuditAct::CaseReleased, None),
        CaseAct::Resolve(_) => (AuditAct::CaseResolved, None),
    }
}

/// What was done, as an entry of the audit log: to which case, and from whom it was taken.
async fn record(
    tx: &Tx,
    case: &FoundCase,
    (act, from): (AuditAct, Option<String>),
    now: Timestamp,
) -> Result<(), DbError> {
    let kind = case.kind.map_or("unknown", CaseKind::code);
    let amount = case.facts.amount;
    let parts = [
        Some(format!("case {kind}")),
        (!amount.is_zero()).then(|| format!("{} fen", amount.get())),
        from.map(|from| format!("from {from}")),
    ];
    let entry = Entry {
        act,
        school: Some(case.school),
        subject: subject_of(case.id),
        detail: parts.into_iter().flatten().collect::<Vec<_>>().join(", "),
    };
    audit::record(tx, &entry, now).await
}
