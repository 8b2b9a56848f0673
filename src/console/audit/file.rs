//! A part of the log as a file.

use super::{Asked, Row, row, scope};
use crate::{
    audit::AuditLine,
    base::table_file::TableShape,
    console::{
        Console,
        exports::{self, Exportable},
        frame::PageError,
        list::Place,
    },
    exports::{ExportKind, OpenedList},
    staff::{AuditQuery, guard::ReadAudit},
    staff_accounts::{StaffAct, StaffMember, StaffRoles},
};

const HEADER: &[&str] = &["序号", "时间", "谁", "做了什么", "对象", "内容", "理由"];

/// The log as it is exported.
pub(in crate::console) struct Log;

impl Exportable for Log {
    type Needs = ReadAudit;
    const KIND: ExportKind = ExportKind::Audit;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let (audit, place) =
            (exports::read::<AuditQuery>(query)?, exports::read::<Place<i64>>(query)?);
        let asked = Asked::of(member, &audit, place)?;
        let said = asked.chips().into_iter().map(|chip| format!(", {}", chip.text));
        let said = said.collect::<Vec<_>>().concat();
        let about = exports::about(member, (asked.chips(), "无"));
        let scope = [("范围", scope(member).to_owned())];
        let wide = [StaffAct::ReadWholeAudit, StaffAct::ReadStaffAudit];
        let widest = wide.into_iter().find(|act| member.roles.has(*act));
        let (desk, filter) = (console.staff.clone(), asked.filter);
        Ok(OpenedList {
            table: TableShape {
                name: "audit".to_owned(),
                sheet: "记录",
                header: HEADER,
                amounts: &[],
                about: scope.into_iter().chain(about).collect(),
            },
            needs: widest.unwrap_or(StaffAct::ReadAudit),
            subject: "audit log".to_owned(),
            asked: said,
            rows: OpenedList::pages(
                place.descending(),
                async move |page| desk.audit_page(&filter, page).await,
                |line| line.position,
                |line| cells(line).into(),
            ),
        })
    }
}

fn cells(line: AuditLine) -> [String; 7] {
    let Row { position, at, who, act, object, detail, why, .. } = row(line, &StaffRoles::new([]));
    [position.to_string(), at, who, act, object, detail, why]
}
