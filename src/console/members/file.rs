//! A list of logins as a file: what the page shows, and nothing that signs anybody in.

use super::{MemberRow, list::Asked};
use crate::{
    base::table_file::TableShape,
    console::{
        Console,
        exports::{self, Exportable},
        frame::PageError,
        list::Place,
    },
    exports::{ExportKind, OpenedList},
    staff::guard::ReadStaff,
    staff_accounts::{ListedStaff, StaffMember, StaffPlace, StaffQuery},
};

const HEADER: &[&str] = &["账号", "工号", "角色", "班级", "验证器", "企业账号", "最近登录", "状态"];

/// Logins as they are exported.
pub(in crate::console) struct Members;

impl Exportable for Members {
    type Needs = ReadStaff;
    const KIND: ExportKind = ExportKind::Members;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let (staff, place) =
            (exports::read::<StaffQuery>(query)?, exports::read::<Place<StaffPlace>>(query)?);
        let asked = Asked::of(member, (staff, place))?;
        let said = exports::said(&asked.chips());
        let about = exports::about(member, (asked.chips(), "无"));
        let (desk, member, descending) =
            (console.staff.clone(), member.clone(), asked.place.descending());
        let query = asked.query;
        Ok(OpenedList {
            table: TableShape {
                name: format!("staff-{}", console.clock.now().day()),
                sheet: "工作人员",
                header: HEADER,
                amounts: &[],
                about: about.into(),
            },
            needs: Self::KIND.act(),
            subject: "staff".to_owned(),
            asked: said,
            rows: OpenedList::pages(
                descending,
                async move |page| desk.members(&member, &query, page).await,
                StaffPlace::of,
                |one| cells(&one).into(),
            ),
        })
    }
}

fn cells(one: &ListedStaff) -> [String; 8] {
    let MemberRow { login, staff_no, roles, factor, signed_in, state, work_id, .. } =
        MemberRow::of(one);
    let classes = one.classes.to_string().replace('\n', " ");
    [login, staff_no, roles, classes, factor.to_owned(), work_id, signed_in, state.to_owned()]
}
