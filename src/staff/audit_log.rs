//! The audit log as members of staff read it: their own acts, or what their roles let them see.

use super::{StaffDesk, requests::StaffActError};
use crate::{
    audit::{self, AuditAct, AuditFilter, AuditLine, Entry},
    base::db::Keyset,
    staff_accounts::{self, StaffAct, StaffMember},
};
use serde::Deserialize;

/// What acts are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// Requests that two persons decide.
    Approvals,
    /// Cases that staff work on.
    Cases,
    /// People and their cards.
    People,
    /// Merchants, terminals and locks.
    Terminals,
    /// Rights to pass doors.
    Doors,
    /// What was read or taken away whole.
    Reads,
    /// Members of staff and their sign-ins.
    Staff,
    /// Schools and their policies.
    Policy,
    /// Keys and MACs of rows.
    Rows,
}

/// Which entries somebody wants to see, as addresses name it. What is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// `approvals`, `cases`, `people`, `terminals`, `doors`, `reads`, `staff`, `policy` or `rows`.
    pub kind: Option<String>,
    /// A login.
    pub who: Option<String>,
    /// A subject as entries name it, or the id in it.
    pub object: Option<String>,
}

impl AuditKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Approvals,
        Self::Cases,
        Self::People,
        Self::Terminals,
        Self::Doors,
        Self::Reads,
        Self::Staff,
        Self::Policy,
        Self::Rows,
    ];

    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Approvals => "approvals",
            Self::Cases => "cases",
            Self::People => "people",
            Self::Terminals => "terminals",
            Self::Doors => "doors",
            Self::Reads => "reads",
            Self::Staff => "staff",
            Self::Policy => "policy",
            Self::Rows => "rows",
        }
    }

    const fn of(act: AuditAct) -> Self {
        match act {
            AuditAct::ApprovalAsked
            | AuditAct::ApprovalApproved
            | AuditAct::ApprovalRejected
            | AuditAct::ApprovalWithdrawn
            | AuditAct::ApprovalExpired => Self::Approvals,
            AuditAct::CaseTaken
            | AuditAct::CaseReleased
            | AuditAct::CaseTakenOver
            | AuditAct::CaseResolved
            | AuditAct::CaseChecked => Self::Cases,
            AuditAct::RosterImported
            | AuditAct::StandingChanged
            | AuditAct::LossReported
            | AuditAct::LossCancelled
            | AuditAct::DeviceEnded
            | AuditAct::BindingEnded
            | AuditAct::PhoneShared
            | AuditAct::PhoneRemoved => Self::People,
            AuditAct::MerchantAdded
            | AuditAct::MerchantChanged
            | AuditAct::MerchantDisabled
            | AuditAct::MerchantEnabled
            | AuditAct::TerminalAdded
            | AuditAct::TerminalChanged
            | AuditAct::TerminalDisabled
            | AuditAct::TerminalEnabled
            | AuditAct::TerminalKeyReplaced
            | AuditAct::LocksImported => Self::Terminals,
            AuditAct::DoorsAllocated | AuditAct::DoorRightAdded | AuditAct::DoorRightEnded => {
                Self::Doors
            }
            AuditAct::PersonOpened
            | AuditAct::PersonRevealed
            | AuditAct::AccessLogRead
            | AuditAct::ReadersExported
            | AuditAct::OrdersExported
            | AuditAct::CasesExported
            | AuditAct::TerminalsExported
            | AuditAct::AuditExported => Self::Reads,
            // For who looks after members of staff.
            AuditAct::ManyRevealed
            | AuditAct::StaffAdded
            | AuditAct::StaffFactorReset
            | AuditAct::StaffFactorEnrolled
            | AuditAct::StaffRecoveryUsed
            | AuditAct::StaffRecoveryRenewed
            | AuditAct::StaffSessionEnded
            | AuditAct::StaffPasswordChanged
            | AuditAct::StaffSessionsEnded
            | AuditAct::StaffRolesChanged
            | AuditAct::StaffDisabled
            | AuditAct::StaffEnabled
            | AuditAct::StaffSignedIn => Self::Staff,
            AuditAct::SchoolAdded | AuditAct::SchoolChanged => Self::Policy,
            AuditAct::RowsAuthenticated | AuditAct::RowsTakenOver | AuditAct::Rekeyed => Self::Rows,
        }
    }

    fn acts(self) -> impl Iterator<Item = &'static str> {
        let of_kind = move |act: &AuditAct| Self::of(*act) == self;
        AuditAct::ALL.into_iter().filter(of_kind).map(AuditAct::code)
    }
}

impl AuditQuery {
    /// The filter that is asked for, within what the member may read.
    pub fn filter(&self, member: &StaffMember) -> Result<AuditFilter, StaffActError> {
        let kind = text(self.kind.as_deref()).map(|code| {
            let known = AuditKind::ALL.into_iter().find(|kind| kind.code() == code);
            known.ok_or(StaffActError::BadFilter("kind"))
        });
        let plain = |name, value: Option<&str>| match text(value) {
            Some(text) if text.len() > 80 => Err(StaffActError::BadFilter(name)),
            text => Ok(text.map(ToOwned::to_owned)),
        };
        Ok(AuditFilter {
            school: member.school,
            only: only(member),
            acts: kind.transpose()?.map(|kind| kind.acts().collect()),
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
        &[AuditKind::Staff, AuditKind::Policy]
    } else {
        &[]
    };
    Some((kinds.iter().flat_map(|kind| kind.acts()).collect(), member.actor("").who))
}

impl StaffDesk {
    /// The most entries that one file has.
    pub const AUDIT_EXPORTED: u16 = 5000;

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

    /// All entries of a filter, for a file. The export is an entry itself.
    pub async fn export_audit(
        &self,
        member: &StaffMember,
        (filter, asked): (&AuditFilter, &str),
        format: &str,
    ) -> Result<Vec<AuditLine>, StaffActError> {
        let page = async |page| self.audit_page(filter, page).await;
        let lines = Keyset::read_all(Self::AUDIT_EXPORTED, |line| line.position, page).await?;
        let lines = lines.ok_or(StaffActError::TooMany(Self::AUDIT_EXPORTED))?;
        let entry = Entry {
            act: AuditAct::AuditExported,
            school: Some(member.school),
            subject: "audit log".to_owned(),
            detail: format!("{format}: {} entries{asked}", lines.len()),
        };
        let (db, now) = (self.db.clone().acting_as(member.actor("")), self.clock.now());
        db.in_tx(async |tx| {
            let act = StaffAct::ReadAudit;
            staff_accounts::hold::<StaffActError>(tx, member, act, now).await?;
            Ok::<_, StaffActError>(audit::record(tx, &entry, now).await?)
        })
        .await?;
        Ok(lines)
    }
}
