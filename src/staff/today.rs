//! What waits for a member, and how the day goes, as far as the roles let one see.

use super::{
    BillDesk, CaseDesk, PeopleDesk, StaffActError, StaffCaseError, StaffDesk, TerminalDesk,
    adjustments, audit_log::AuditQuery, bills, members, password_resets, policies, refunds,
};
use crate::{
    approvals::Approval,
    audit::{AuditAct, LedgerCheck},
    base::{
        clock::{Clock, Day, Timestamp},
        db::DbError,
        money::Fen,
    },
    ledger::SealingState,
    orders::{due::ProviderPulse, listing::OrderFilter},
    reconciliation::OpenDays,
    roster_imports::RosterDesk,
    staff_accounts::{StaffAct, StaffMember},
    terminals::listing::{TerminalFilter, TerminalState},
};
use std::sync::Arc;

/// What the first page of a member asks for.
#[derive(Clone, Debug)]
pub struct TodayDesk {
    /// Requests, messages, the system.
    pub staff: StaffDesk,
    /// People.
    pub people: PeopleDesk,
    /// Bills.
    pub bills: BillDesk,
    /// Terminals.
    pub terminals: TerminalDesk,
    /// Rosters.
    pub rosters: RosterDesk,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// Rows of a list that wait for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TodayCount {
    /// Of which list.
    pub kind: &'static str,
    /// How many, of which so many as were asked for were looked at.
    pub count: u64,
    /// Since when the oldest waits, where that is known.
    pub oldest: Option<Timestamp>,
}

/// How the day goes. What the member may not see is `None` or left out.
#[derive(Clone, Debug)]
pub struct Today {
    /// Lists in which something waits for the member to act.
    pub waiting: Vec<TodayCount>,
    /// Lists in which something is out of order.
    pub noted: Vec<TodayCount>,
    /// What came in and went back today, hour by hour.
    pub money: Option<[[Fen; 2]; 24]>,
    /// The payment providers.
    pub providers: Option<Vec<ProviderPulse>>,
    /// How far the ledger is sealed.
    pub sealing: Option<SealingState>,
    /// What its last check found.
    pub checked: Option<LedgerCheck>,
    /// The day.
    pub day: Day,
    /// When this was so.
    pub now: Timestamp,
}

/// What a query answers.
type Counted = (u64, Option<Timestamp>);

impl Today {
    /// What came in and what went back so far.
    pub fn sums(&self) -> Option<[Fen; 2]> {
        let sum = |which: usize| {
            let mut hours = self.money.iter().flatten().filter_map(|hour| hour.get(which));
            hours.try_fold(Fen::default(), |sum, fen| sum.plus(*fen).ok())
        };
        self.money.and(Some([sum(0)?, sum(1)?]))
    }
}

impl TodayDesk {
    /// How the day goes for the member. Each list costs one query, of which `most` rows are looked at; of the
    /// day's money a query reads the payments and refunds of the day.
    pub async fn today(&self, member: &StaffMember, most: u32) -> Result<Today, StaffCaseError> {
        let now = self.clock.now();
        let may = |act| member.roles.has(act);
        let yesterday = Day::from_number(now.day().number().saturating_sub(1));
        let days = if may(StaffAct::ReadBills) {
            Some(self.bills.open_days(member, (yesterday, most)).await?)
        } else {
            None
        };
        let mut waiting = self.requests(member, most).await?;
        waiting.extend(self.work(member, most).await?);
        waiting.extend(days.iter().flat_map(of_bills));
        let mut today = Today {
            waiting: waiting.into_iter().filter(|one| one.count > 0).collect(),
            noted: self.noted(member, days, (yesterday, most)).await?,
            money: None,
            providers: None,
            sealing: None,
            checked: None,
            day: now.day(),
            now,
        };
        let (db, school) = (&self.staff.db, member.school);
        if may(StaffAct::ReadOrders) {
            today.money = Some(OrderFilter::money_by_hour(db, school, today.day).await?);
        }
        if may(StaffAct::ReadHealth) {
            today.providers = Some(ProviderPulse::of_school(db, school, now).await?);
            today.sealing = Some(SealingState::of_school(db, school).await?);
            today.checked = LedgerCheck::last(db).await?;
        }
        Ok(today)
    }

    /// Requests that the member may decide, by desk: a query for all.
    async fn requests(&self, member: &StaffMember, most: u32) -> Result<Vec<TodayCount>, DbError> {
        let all = [
            ("refund_requests", &refunds::RULES),
            ("repair_requests", &bills::RULES),
            ("adjustment_requests", &adjustments::RULES),
            ("password_resets", &password_resets::RULES),
            ("staff_requests", &members::RULES),
            ("policy_requests", &policies::RULES),
        ];
        let desks: Vec<_> =
            all.into_iter().filter(|(_, rules)| member.roles.has(rules.decide)).collect();
        let kinds: Vec<_> = desks.iter().map(|(_, rules)| rules.kinds).collect();
        let of = (member.school, &*kinds);
        let limits = (self.clock.now(), most);
        let waiting = Approval::waiting(&self.staff.db, of, &member.staff_no, limits).await?;
        Ok(desks.iter().zip(waiting).map(|((list, _), found)| counted(list, found)).collect())
    }

    /// Other work that the member may do.
    async fn work(
        &self,
        member: &StaffMember,
        most: u32,
    ) -> Result<Vec<TodayCount>, StaffCaseError> {
        let may = |act| member.roles.has(act);
        let mut found = Vec::new();
        if may(StaffAct::HandleCases) {
            let cases = CaseDesk { staff: self.staff.clone() };
            let [free, own] = cases.waiting_for(member, most).await?;
            found.extend([counted("free_cases", free), counted("own_cases", own)]);
        }
        if may(StaffAct::ImportRoster) {
            found.push(counted("checked_rosters", self.rosters.waiting(member, most).await?));
        }
        Ok(found)
    }

    /// What is out of order, though it waits for nobody.
    async fn noted(
        &self,
        member: &StaffMember,
        days: Option<OpenDays>,
        (yesterday, most): (Day, u32),
    ) -> Result<Vec<TodayCount>, StaffActError> {
        let (may, now) = (|act| member.roles.has(act), self.clock.now());
        let mut found = Vec::new();
        let differ = days.map(|days| (days.of_yesterday, None));
        found.extend(differ.map(|differ| counted("differences_of_yesterday", differ)));
        if may(StaffAct::ReadStaffAudit) {
            let often = AuditQuery::since(AuditAct::ManyRevealed, yesterday).filter(member)?;
            let often = (self.staff.audit_count(&often, most).await?, None);
            found.push(counted("many_reveals", often));
        }
        if may(StaffAct::ReadMessages) {
            let failed = self.staff.failed_messages(member).await?;
            let messages = failed.iter().map(|group| group.jobs).sum();
            found.push(counted("failed_messages", (messages, None)));
        }
        if may(StaffAct::ReadTerminals) {
            let all = TerminalFilter::all(member.school, now);
            let off = TerminalFilter { state: Some(TerminalState::Off), ..all };
            found.push(counted("terminals_off", (self.off(&off, most).await?, None)));
        }
        found.retain(|one| one.count > 0);
        Ok(found)
    }

    async fn off(&self, filter: &TerminalFilter, most: u32) -> Result<u64, DbError> {
        self.terminals.count(filter, most).await
    }
}

/// Days of bills that wait for somebody.
fn of_bills(days: &OpenDays) -> [TodayCount; 2] {
    let since = |(count, oldest): (u64, Option<Day>)| (count, oldest.map(Day::start));
    [
        counted("open_bill_days", since(days.differ)),
        counted("awaited_bill_days", since(days.awaited)),
    ]
}

const fn counted(kind: &'static str, (count, oldest): Counted) -> TodayCount {
    TodayCount { kind, count, oldest }
}
