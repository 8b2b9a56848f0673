//! The page that asks before somebody's right ends, and its end.

use super::{LONGEST_REASON, RIGHTS, list_of, rights};
use crate::{
    access::rights::{DoorRight, DoorRightId},
    base::http::{ApiError, problem::NOT_FOUND},
    console::{
        Console,
        browser::{Seat, Sent},
        confirm::{ConfirmPage, Why},
        frame::{Frame, PageError, Wrong, reason_of, sent_to, shown, shown_as},
        way_back::{CameFrom, after},
    },
    staff::{Numbered, guard::ChangeDoorRights},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use serde::Deserialize;

/// The end of a right.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct EndForm {
    reason: String,
    back: String,
}

/// The page that asks; the list where the right has ended or is an allocation's.
pub(in crate::console) async fn ask(
    seat: Seat<ChangeDoorRights>,
    id: Path<DoorRightId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let form = EndForm { back: from.given(), ..EndForm::default() };
    let page = page(&seat, &console, *id, (form, None)).await?;
    if page.path.is_none() {
        return Ok(sent_to(&page.back, Some("already")));
    }
    shown(&page)
}

/// Ends it. A second click finds that done, and says the same.
pub(in crate::console) async fn end(
    sent: Sent<ChangeDoorRights, EndForm>,
    id: Path<DoorRightId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, id.into_inner());
    let member = &seat.member;
    let ending = async {
        let reason = reason_of(&form.reason, LONGEST_REASON)?;
        Ok::<_, PageError>(console.doors.end(member, id, &reason).await?)
    };
    match ending.await {
        Ok(ended) => {
            let own = list_of(&console, member, number_of(&ended), "")?;
            Ok(sent_to(&after(&form.back, &own), Some("ended")))
        }
        Err(error) => {
            let error: ApiError = error.refusal()?;
            if error.kind() == NOT_FOUND {
                return Err(error.into());
            }
            let wrong = Wrong::of(&error);
            let status = wrong.status;
            shown_as(status, &page(&seat, &console, id, (form, Some(wrong))).await?)
        }
    }
}

fn number_of(found: &Numbered<DoorRight>) -> &str {
    let number = found.rows.first().and_then(|right| found.student_nos.get(&right.person));
    number.map(String::as_str).unwrap_or_default()
}

async fn page(
    seat: &Seat<ChangeDoorRights>,
    console: &Console,
    id: DoorRightId,
    (form, wrong): (EndForm, Option<Wrong>),
) -> Result<ConfirmPage, PageError> {
    let found = console.doors.right(&seat.member, id).await?;
    let (number, now) = (number_of(&found).to_owned(), console.clock.now());
    let right = found.rows.first().ok_or_else(|| ApiError::new(NOT_FOUND))?;
    let row = rights::row(right, (number, ""), now);
    let whole = list_of(console, &seat.member, &row.student_no, "")?;
    Ok(ConfirmPage {
        frame: Frame::of(seat, console, (RIGHTS.0, "结束权限")).await?,
        wrong,
        sentence: format!("结束 {} 在 {} 的权限？即刻生效，门不再开。", row.student_no, row.group),
        facts: vec![
            ("学号或工号", row.student_no),
            ("门组", row.group),
            ("起", row.from),
            ("止", row.until),
            ("时段", row.hours),
            ("来源", row.source.to_owned()),
        ],
        notes: Vec::new(),
        path: row.end.is_some().then(|| path_of(id)),
        button: "结束权限".to_owned(),
        keeps_old: None,
        reason: Some(Why::needed(form.reason)),
        back: after(&form.back, &whole),
        hidden: vec![("back", form.back)],
    })
}

pub(super) fn path_of(id: DoorRightId) -> String {
    format!("{}/rights/{id}/end", RIGHTS.0)
}
