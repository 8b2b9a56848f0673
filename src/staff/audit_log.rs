//! The audit log as members of staff read it: their own acts, or what their roles let them see.

use super::{StaffDesk, requests::StaffActError};
use crate::{
    audit::{AuditAct, AuditFilter, AuditHead, AuditKind, AuditLine},
    base::{clock::Day, db::Keyset},
    ledger::SealingState,
    staff_accounts::{StaffAct, StaffMember},
};
use serde::Deserialize;

/// Which entries somebody wants to see, as addresses name it. What is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// `approvals`, `cases`, `people`, `terminals`, `doors`, `reads`, `staff`, `policy`, `refusals` or
    /// `rows`.
    pub kind: Option<String>,
    /// One act by its name, as in `person.revealed_often`; where a kind is given, that goes before it.
    pub act: Option<String>,
    /// From this day on, as in `2026-11-28`.
    pub since: Option<String>,
    /// A login.
    pub who: Option<String>,
    /// A subject as entries name it, or the id in it.
    pub object: Option<String>,
}

impl AuditQuery {
    /// Entries of one act from a day on.
    pub fn since(act: AuditAct, day: Day) -> Self {
        let (act, since) = (Some(act.code().to_owned()), Some(day.to_string()));
        Self { act, since, ..Self::default() }
    }

    /// The filter that is asked for, within what the member may read.
    pub fn filter(&self, member: &StaffMember) -> Result<AuditFilter, StaffActError> {
        let kind = text(self.kind.as_deref()).map(|code| {
            let known = AuditKind::ALL.into_iter().find(|kind| kind.code() == code);
            known.ok_or(StaffActError::BadFilter("kind"))
        });
        let act = text(self.act.as_deref()).map(|code| {
            let known = AuditAct::ALL.iter().find(|act| act.code() == code);
            known.map(|act| vec![act.code()]).ok_or(StaffActError::BadFilter("act"))
        });
        let since = text(self.since.as_deref())
            .map(|day| day.parse::<Day>().map_err(|_| StaffActError::BadFilter("since")));
        let plain = |name, value: Option<&str>| match text(value) {
            Some(text) if text.len() > 80 => Err(StaffActError::BadFilter(name)),
            text => Ok(text.map(ToOwned::to_owned)),
        };
        let (kind, act) = (kind.transpose()?, act.transpose()?);
        Ok(AuditFilter {
            school: member.school,
            only: only(member),
            acts: kind.map(|kind| kind.acts().collect()).or(act),
            since: since.transpose()?.map(Day::start),
            who: plain("who", self.who.as_deref())?,
            object: plain("object", self.object.as_deref())?,
        })
    }
}

fn text(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|text| !text.is_empty())
}

/// What the member may read if it is not all: their own acts, with those of some kinds.
fn only(member: &StaffMember) -> Option<(Vec<&'static str>, String)> {
    if member.roles.has(StaffAct::ReadWholeAudit) {
        return None;
    }
    let kinds: &[AuditKind] = if member.roles.has(StaffAct::ReadStaffAudit) {
        &[AuditKind::Staff, AuditKind::Policy, AuditKind::Refusals]
    } else {
        &[]
    };
    Some((kinds.iter().flat_map(|kind| kind.acts()).collect(), member.actor("").who))
}

/// Where the chains of the log and of the ledger end.
#[derive(Clone, Debug)]
pub struct ChainHeads {
    /// Of the log, over all schools.
    pub log: Option<AuditHead>,
    /// Of the school's ledger.
    pub ledger: SealingState,
}

impl StaffDesk {
    /// Where the chains end now: whoever notes both can show later that nothing before was changed.
    pub async fn chain_heads(&self, member: &StaffMember) -> Result<ChainHeads, StaffActError> {
        let log = AuditHead::read(&self.db).await?;
        Ok(ChainHeads { log, ledger: SealingState::of_school(&self.db, member.school).await? })
    }

    /// A page of the audit log.
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        page: Keyset<i64>,
    ) -> Result<Vec<AuditLine>, StaffActError> {
        Ok(filter.page(&self.db, page).await?)
    }

    /// How many entries there are, among the first `most`.
    pub async fn audit_count(&self, filter: &AuditFilter, most: u32) -> Result<u64, StaffActError> {
        Ok(filter.count(&self.db, most).await?)
    }
}
