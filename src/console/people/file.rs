//! A list of people as a file. Names are masked, as on the page.

use super::{Asked, Wanted, words};
use crate::{
    base::table_file::{TableShape, yuan},
    console::{
        Console,
        exports::{self, Exportable},
        frame::PageError,
        list::Place,
    },
    exports::{ExportKind, OpenedList},
    schools::PersonKind,
    staff::{ListedPerson, PeopleQuery, guard::ExportPeople},
    staff_accounts::StaffMember,
};

const HEADER: &[&str] =
    &["学号或工号", "姓名", "类别", "院系", "班级", "状态", "余额（元）", "绑定"];
/// The columns of [`HEADER`] that are amounts.
const AMOUNTS: &[u16] = &[6];

/// People as they are exported.
pub(in crate::console) struct People;

impl Exportable for People {
    type Needs = ExportPeople;
    const KIND: ExportKind = ExportKind::People;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let (people, wanted) =
            (exports::read::<PeopleQuery>(query)?, exports::read::<Wanted>(query)?);
        let asked = Asked::of(member, console, (people, wanted, Place::default()))?;
        // Whom somebody looked for stands in no log.
        let said = asked.chips().into_iter().filter(|chip| chip.name != "of");
        let said = said.map(|chip| format!(", {}", chip.text)).collect::<Vec<_>>().concat();
        let about = exports::about(member, (asked.chips(), "无"));
        let (desk, member, query) = (console.people.clone(), member.clone(), asked.query);
        let day = console.clock.now().day();
        Ok(OpenedList {
            table: TableShape {
                name: format!("people-{day}"),
                sheet: "人员",
                header: HEADER,
                amounts: AMOUNTS,
                about: [("日期", format!("{day}（北京时间）"))].into_iter().chain(about).collect(),
            },
            needs: Self::KIND.act(),
            subject: "people".to_owned(),
            asked: said,
            rows: OpenedList::pages(
                false,
                async move |page| desk.page(&member, &query, page).await,
                |one| one.id.uuid(),
                |one| cells(one).into(),
            ),
        })
    }
}

fn cells(one: ListedPerson) -> [String; 8] {
    let bound = one.platforms.iter().map(|platform| words::platform(*platform));
    let bound = bound.collect::<Vec<_>>().join(" ");
    let kind = match one.kind {
        PersonKind::Student => "学生",
        PersonKind::Staff => "教职工",
        PersonKind::Temporary => "临时人员",
    };
    [
        one.person_no,
        one.name,
        kind.to_owned(),
        one.department,
        one.class_name,
        words::card(one.status).to_owned(),
        one.balance.map_or_else(String::new, |balance| yuan(balance.get())),
        bound,
    ]
}
