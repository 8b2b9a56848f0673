//! What finance does with a day of bills: have it compared again now, close it by hand.

use super::{BillDesk, StaffActError};
use crate::{
    audit::{self, AuditAct, Entry},
    base::clock::{Day, Timestamp},
    orders::fact::Provider,
    reconciliation::{BillDay, ReconcileError, Reconciliation},
    staff_accounts::{self, StaffAct, StaffMember},
};
use uuid::Uuid;

impl BillDesk {
    /// A day of the member's school.
    pub async fn day(&self, member: &StaffMember, id: Uuid) -> Result<BillDay, StaffActError> {
        self.bills.day(member.school, id).await?.ok_or(StaffActError::NotFound)
    }

    /// Which of the days the member's school can have compared: a merchant that was taken out of the settings has
    /// no bills.
    pub async fn askable(
        &self,
        member: &StaffMember,
        days: &[BillDay],
    ) -> Result<Vec<bool>, StaffActError> {
        let school = self.bills.schools.require(member.school).await?;
        Ok(days.iter().map(|day| self.bills.has_bills_of(&school, &day.key)).collect())
    }

    /// Fetches the bill of a day and compares it, now. The entry of the log is written before the provider is
    /// asked, where the member may.
    pub async fn compare_now(
        &self,
        member: &StaffMember,
        (provider, day): (Provider, Day),
    ) -> Result<BillDay, StaffActError> {
        let school = self.bills.schools.require(member.school).await?;
        self.bills.check_askable(&school, provider, day).await?;
        let (db, now) = (self.db.clone().acting_as(member.actor("")), self.clock.now());
        let entry = entry(AuditAct::BillsCompared, member, (provider, day));
        db.in_tx(async |tx| {
            let act = StaffAct::CompareBills;
            staff_accounts::hold::<StaffActError>(tx, member, act, now).await?;
            Ok::<_, StaffActError>(audit::record(tx, &entry, now).await?)
        })
        .await?;
        Ok(self.bills.compare_now(&school, (provider, day)).await?)
    }

    /// Compares a day again. One of a merchant that the school has no more cannot be asked for.
    pub async fn compare_again(
        &self,
        member: &StaffMember,
        found: &BillDay,
    ) -> Result<BillDay, StaffActError> {
        let (provider, day) = (found.key.provider, found.key.day);
        let school = self.bills.schools.require(member.school).await?;
        if self.bills.key_of(&school, provider, day)?.merchant != found.key.merchant {
            return Err(StaffActError::NotFound);
        }
        self.compare_now(member, (provider, day)).await
    }

    /// Closes a day that the member saw as it was compared at `seen`, and in which nothing differs.
    pub async fn close_day(
        &self,
        member: &StaffMember,
        (provider, day): (Provider, Day),
        seen: Timestamp,
    ) -> Result<BillDay, StaffActError> {
        let school = self.bills.schools.require(member.school).await?;
        let key = self.bills.key_of(&school, provider, day)?;
        let found = self.bills.day_of(&key).await?.ok_or(StaffActError::NotFound)?;
        self.close_found(member, found, seen).await
    }

    /// The same for a day that was found, of whichever merchant.
    pub async fn close_found(
        &self,
        member: &StaffMember,
        found: BillDay,
        seen: Timestamp,
    ) -> Result<BillDay, StaffActError> {
        let actor = member.actor("");
        let (by, now) = (actor.who.clone(), self.clock.now());
        let mut entry = entry(AuditAct::BillsClosed, member, (found.key.provider, found.key.day));
        entry.detail = format!("{} fen net", found.totals.billed_fen - found.totals.refunded_fen);
        let db = self.db.clone().acting_as(actor);
        let closed = db.in_tx(async |tx| {
            let act = StaffAct::CloseBills;
            staff_accounts::hold::<StaffActError>(tx, member, act, now).await?;
            Reconciliation::close_by_hand(tx, &found, seen, (&by, now)).await?;
            Ok::<_, StaffActError>(audit::record(tx, &entry, now).await?)
        });
        match closed.await {
            // A second click: it was closed so by the same person.
            Err(StaffActError::Bills(ReconcileError::Changed)) => {
                let now = self.day(member, found.id).await?;
                let same = is_by(&now, &by) && now.compared_at == found.compared_at;
                if same { Ok(now) } else { Err(ReconcileError::Changed.into()) }
            }
            Err(error) => Err(error),
            Ok(()) => self.day(member, found.id).await,
        }
    }
}

fn is_by(day: &BillDay, who: &str) -> bool {
    day.confirmed.as_ref().is_some_and(|(by, _)| by == who)
}

fn entry(act: AuditAct, member: &StaffMember, (provider, day): (Provider, Day)) -> Entry {
    let subject = format!("bill {} {day}", provider.code());
    Entry { act, school: Some(member.school), subject, detail: String::new() }
}
