//! Messages of one kind that could not be delivered for one reason, as a file.

use super::{Wanted, kind_word, reason_word};
use crate::{
    base::{
        http::{ApiError, problem::NOT_FOUND},
        table_file::TableShape,
    },
    console::{
        Console,
        exports::{self, Exportable},
        frame::PageError,
        list::Place,
        words,
    },
    exports::{ExportKind, OpenedList},
    messages::FailedMessages,
    staff::guard::ReadMessages,
    staff_accounts::StaffMember,
};

const HEADER: &[&str] = &["消息", "原因", "支付或退款单号", "时间", "次数"];

/// Failed messages as they are exported.
pub(in crate::console) struct Failed;

impl Exportable for Failed {
    type Needs = ReadMessages;
    const KIND: ExportKind = ExportKind::Messages;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let (Wanted { kind, reason }, place) =
            (exports::read::<Wanted>(query)?, exports::read::<Place>(query)?);
        if !FailedMessages::knows(&kind) {
            return Err(ApiError::new(NOT_FOUND).into());
        }
        let words = [kind_word(&kind).to_owned(), reason_word(&reason)];
        let [_, taker] = exports::about(member, (Vec::new(), ""));
        let (desk, member) = (console.staff.clone(), member.clone());
        Ok(OpenedList {
            table: TableShape {
                name: format!("failed-messages-{}", console.clock.now().day()),
                sheet: "没有送达的消息",
                header: HEADER,
                amounts: &[],
                about: vec![("筛选", words.join("，")), taker],
            },
            needs: Self::KIND.act(),
            subject: "failed messages".to_owned(),
            asked: format!(", {}", words.join("，")),
            rows: OpenedList::pages(
                place.descending(),
                async move |page| desk.failed_messages_of(&member, (&kind, &reason), page).await,
                |one| one.id,
                move |one| {
                    let [kind, reason] = words.clone();
                    let at = words::when(one.refused_at);
                    vec![kind, reason, one.subject, at, one.tries.to_string()]
                },
            ),
        })
    }
}
