//! Every list that can be exported.

use super::Exportable;
use crate::{
    console::{Console, audit, cases, orders, people, terminals},
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
        };
        opened.map_err(|error| error.to_string().into())
    }
}
