//! Every list that can be exported.

use super::Exportable;
use crate::{
    console::{
        Console, audit, bills, cases, doors, members, merchants, messages, orders, people,
        requests, terminals,
    },
    exports::{ExportKind, ExportLists, ListError, OpenedList},
    staff_accounts::StaffMember,
};

impl ExportLists for Console {
    fn open(
        &self,
        member: &StaffMember,
        kind: ExportKind,
        query: &str,
    ) -> Result<OpenedList, ListError> {
        let opened = match kind {
            ExportKind::Orders => orders::Orders::open(self, member, query),
            ExportKind::People => people::People::open(self, member, query),
            ExportKind::Cases => cases::Cases::open(self, member, query),
            ExportKind::Terminals => terminals::Terminals::open(self, member, query),
            ExportKind::Audit => audit::Log::open(self, member, query),
            ExportKind::RefundRequests => requests::Refunds::open(self, member, query),
            ExportKind::RepairRequests => requests::Repairs::open(self, member, query),
            ExportKind::Adjustments => requests::Adjustments::open(self, member, query),
            ExportKind::PasswordResets => requests::PasswordResets::open(self, member, query),
            ExportKind::StaffRequests => requests::Logins::open(self, member, query),
            ExportKind::PolicyRequests => requests::Policies::open(self, member, query),
            ExportKind::Statement => people::Statement::open(self, member, query),
            ExportKind::Merchants => merchants::Merchants::open(self, member, query),
            ExportKind::Members => members::Members::open(self, member, query),
            ExportKind::BillDays => bills::Days::open(self, member, query),
            ExportKind::DoorRights => doors::Rights::open(self, member, query),
            ExportKind::AccessLog => doors::Log::open(self, member, query),
            ExportKind::Messages => messages::Failed::open(self, member, query),
        };
        opened.map_err(|error| error.to_string().into())
    }
}
