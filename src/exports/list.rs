//! Lists that can be exported. What stands in their rows is written where their pages are.

use crate::{
    audit::AuditAct,
    base::{db::Keyset, table_file::TableShape},
    staff_accounts::{StaffAct, StaffMember},
};
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, LocalBoxStream},
};
use std::fmt;

/// A list. The name in storage stays for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// Orders.
    Orders,
    /// People, masked.
    People,
    /// Cases.
    Cases,
    /// Terminals.
    Terminals,
    /// The audit log.
    Audit,
    /// Requests for refunds.
    RefundRequests,
    /// Requests to accept differences of bills.
    RepairRequests,
    /// Requests to adjust balances.
    Adjustments,
    /// Requests to reset query passwords.
    PasswordResets,
    /// Requests about logins of members of staff.
    StaffRequests,
    /// Requests to change the policy.
    PolicyRequests,
    /// What one person paid in and out.
    Statement,
    /// Merchants.
    Merchants,
    /// Logins of members of staff.
    Members,
    /// Days of bills.
    BillDays,
    /// Rights to pass doors.
    DoorRights,
    /// The log of doors.
    AccessLog,
    /// Messages that could not be delivered.
    Messages,
}

impl ExportKind {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Orders,
        Self::People,
        Self::Cases,
        Self::Terminals,
        Self::Audit,
        Self::RefundRequests,
        Self::RepairRequests,
        Self::Adjustments,
        Self::PasswordResets,
        Self::StaffRequests,
        Self::PolicyRequests,
        Self::Statement,
        Self::Merchants,
        Self::Members,
        Self::BillDays,
        Self::DoorRights,
        Self::AccessLog,
        Self::Messages,
    ];

    /// The name in storage and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::People => "people",
            Self::Cases => "cases",
            Self::Terminals => "terminals",
            Self::Audit => "audit",
            Self::RefundRequests => "refund_requests",
            Self::RepairRequests => "repair_requests",
            Self::Adjustments => "adjustments",
            Self::PasswordResets => "password_resets",
            Self::StaffRequests => "staff_requests",
            Self::PolicyRequests => "policy_requests",
            Self::Statement => "statement",
            Self::Merchants => "merchants",
            Self::Members => "staff",
            Self::BillDays => "bill_days",
            Self::DoorRights => "door_rights",
            Self::AccessLog => "access_log",
            Self::Messages => "messages",
        }
    }

    /// What its rows are called in the log.
    pub(super) const fn rows(self) -> &'static str {
        match self {
            Self::Audit | Self::AccessLog | Self::Statement => "entries",
            Self::RefundRequests
            | Self::RepairRequests
            | Self::Adjustments
            | Self::PasswordResets
            | Self::StaffRequests
            | Self::PolicyRequests => "requests",
            Self::Members => "logins",
            Self::BillDays => "days",
            Self::DoorRights => "rights",
            Self::Orders
            | Self::People
            | Self::Cases
            | Self::Terminals
            | Self::Merchants
            | Self::Messages => self.code(),
        }
    }

    /// What somebody must be allowed to do.
    pub const fn act(self) -> StaffAct {
        match self {
            Self::Orders => StaffAct::ReadOrders,
            Self::People => StaffAct::ExportPeople,
            Self::Cases => StaffAct::ReadCases,
            Self::Terminals | Self::Merchants => StaffAct::ReadTerminals,
            Self::Audit => StaffAct::ReadAudit,
            Self::RefundRequests => StaffAct::ReadRefunds,
            Self::RepairRequests | Self::BillDays => StaffAct::ReadBills,
            Self::Adjustments => StaffAct::ReadAdjustments,
            Self::PasswordResets => StaffAct::ReadPasswordResets,
            Self::Members | Self::StaffRequests => StaffAct::ReadStaff,
            Self::PolicyRequests => StaffAct::ReadPolicy,
            Self::Statement => StaffAct::ReadBalances,
            Self::DoorRights => StaffAct::ReadDoorRights,
            Self::AccessLog => StaffAct::ReadAccessLog,
            Self::Messages => StaffAct::ReadMessages,
        }
    }

    /// What the log says was done.
    pub(super) const fn audited(self) -> AuditAct {
        match self {
            Self::Orders => AuditAct::OrdersExported,
            Self::People => AuditAct::PeopleExported,
            Self::Cases => AuditAct::CasesExported,
            Self::Terminals => AuditAct::TerminalsExported,
            Self::Audit => AuditAct::AuditExported,
            Self::RefundRequests
            | Self::RepairRequests
            | Self::Adjustments
            | Self::PasswordResets
            | Self::StaffRequests
            | Self::PolicyRequests
            | Self::Statement
            | Self::Merchants
            | Self::Members
            | Self::BillDays
            | Self::DoorRights
            | Self::AccessLog
            | Self::Messages => AuditAct::ListExported,
        }
    }
}

/// What files are for whose rows fewer may read than the list. The names in storage stay for good.
const WIDER: &[(StaffAct, &str)] = &[
    (StaffAct::ReadMoneyCases, "export_of_money_cases"),
    (StaffAct::ReadStaffAudit, "export_of_staff_audit"),
    (StaffAct::ReadWholeAudit, "export_of_whole_audit"),
];

/// What somebody must be allowed to do for a file of this purpose, besides reading the list.
pub(super) fn wider(purpose: &str) -> Option<StaffAct> {
    WIDER.iter().find(|(_, wider)| *wider == purpose).map(|(act, _)| *act)
}

/// Why a list cannot be read.
pub type ListError = Box<dyn std::error::Error + Send + Sync>;

/// Rows, a page at a time.
pub type RowPages = LocalBoxStream<'static, Result<Vec<Vec<String>>, ListError>>;

/// A list that is about to be read.
pub struct OpenedList {
    /// Its file, but for the rows.
    pub table: TableShape,
    /// What somebody must be allowed to do to read these rows.
    pub needs: StaffAct,
    /// What the log says was exported.
    pub subject: String,
    /// With which filter, as in `, state open`.
    pub asked: String,
    /// The rows.
    pub rows: RowPages,
}

impl fmt::Debug for OpenedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedList").field("table", &self.table).finish_non_exhaustive()
    }
}

/// Opens lists as their pages do.
pub trait ExportLists: fmt::Debug + Send + Sync {
    /// The list with this query, as this member may read it.
    fn open(
        &self,
        member: &StaffMember,
        kind: ExportKind,
        query: &str,
    ) -> Result<OpenedList, ListError>;
}

/// Rows that are read at a time.
const AT_ONCE: u16 = 1000;

impl OpenedList {
    /// What its file is for.
    pub(super) fn purpose(&self) -> &'static str {
        let wider = WIDER.iter().find(|(act, _)| *act == self.needs);
        wider.map_or("export", |(_, purpose)| *purpose)
    }

    /// The rows of a list, a thousand at a time: `page` reads those beyond a place, `place` tells where a
    /// row is, `cells` writes it.
    pub fn pages<T, R, E>(
        descending: bool,
        page: impl AsyncFn(Keyset<T>) -> Result<Vec<R>, E> + 'static,
        place: impl Fn(&R) -> T + 'static,
        cells: impl Fn(R) -> Vec<String> + 'static,
    ) -> RowPages
    where
        T: 'static,
        R: 'static,
        E: Into<ListError>,
    {
        let begin = (Some(None), page, place, cells);
        stream::try_unfold(begin, move |(beyond, page, place, cells)| async move {
            let Some(beyond) = beyond else { return Ok(None) };
            let keyset = Keyset { beyond, descending, most: AT_ONCE };
            let found = page(keyset).await.map_err(Into::into)?;
            let more = found.len() == usize::from(AT_ONCE);
            let next = found.last().filter(|_| more).map(&place).map(Some);
            let rows = found.into_iter().map(&cells).collect();
            Ok(Some((rows, (next, page, place, cells))))
        })
        .into_stream()
        .boxed_local()
    }
}
