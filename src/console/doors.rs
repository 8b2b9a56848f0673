//! 门禁: rights of single persons to pass doors, and the log of doors.

mod end;
mod file;
mod log;
mod rights;

pub(super) use end::{ask as ask_end, end};
pub(super) use file::{Log, Rights, export_log};
pub(super) use log::{ask as ask_log, read as log};
pub(super) use rights::list as rights;

use super::{
    Console,
    browser::Sent,
    frame::{PageError, form_encoded, reason_of, sent_to},
    sealed::sealed,
};
use crate::{
    access::listing::DoorNarrow,
    base::{
        clock::Timestamp,
        http::{
            ApiError,
            problem::{INVALID, NOT_FOUND},
        },
    },
    staff::{
        DoorGrant, DoorSearch, StaffActError,
        guard::{ChangeDoorRights, ReadDoorRights},
    },
    staff_accounts::StaffMember,
};
use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;

const RIGHTS: (&str, &str) = ("/staff/doors", "门禁权限");
const LOG: (&str, &str) = ("/staff/doors/log", "门禁记录");
/// The longest reason, in characters.
const LONGEST_REASON: usize = 80;

/// Whose rights somebody looks for.
#[derive(Debug, Deserialize)]
pub(super) struct SearchForm {
    student_no: String,
    group: String,
}

/// A right to be given.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct GrantForm {
    student_no: String,
    group: String,
    /// A day, the first one without the right; empty for no end.
    until: String,
    /// Hours of the day; empty for all.
    hours: String,
    reason: String,
}

/// Sends the browser to the list, with the number sealed.
pub(super) async fn search(
    sent: Sent<ReadDoorRights, SearchForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let SearchForm { student_no, group } = sent.form;
    Ok(sent_to(&list_of(&console, &sent.seat.member, &student_no, &group)?, None))
}

pub(super) async fn give(
    sent: Sent<ChangeDoorRights, GrantForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let student_no = form.student_no.trim().to_owned();
    let giving = async {
        let grant = form.clone().grant(console.clock.now())?;
        Ok(console.doors.give(&seat.member, &grant).await.map_err(of_field)?)
    };
    match giving.await {
        Ok(_) => Ok(sent_to(&list_of(&console, &seat.member, &student_no, "")?, Some("given"))),
        Err(error) => rights::again(&seat, &console, form, error).await,
    }
}

impl GrantForm {
    fn grant(self, now: Timestamp) -> Result<DoorGrant, PageError> {
        let wrong = |field, why| PageError::from(ApiError::new(INVALID).field(field, why));
        let until = given(&self.until).map(|day| {
            let midnight = Timestamp::parse_rfc3339(&format!("{day}T00:00:00+08:00"));
            midnight.map_err(|_| wrong("/until", "到期日须为日期"))
        });
        let times =
            DoorGrant::times((None, until.transpose()?), given(&self.hours).as_deref(), now)?;
        let group = self.group.trim().parse();
        Ok(DoorGrant {
            reason: reason_of(&self.reason, LONGEST_REASON)?,
            student_no: self.student_no.trim().to_owned(),
            group: group.map_err(|_| wrong("/group", "请填写门组名称"))?,
            times,
        })
    }
}

/// Of a form, a number that nobody has is a field that is wrong.
fn of_field(error: impl Into<ApiError>) -> ApiError {
    let error = error.into();
    if is_nobody(&error) {
        ApiError::new(INVALID).field("/student_no", "没有这个人")
    } else {
        error
    }
}

/// Whether nobody has the number that is looked for.
fn is_nobody(error: &ApiError) -> bool {
    error.kind() == NOT_FOUND
}

/// What stands in a field, if anything does.
fn given(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn search_of(
    (student_no, group): (&str, &str),
    narrow: Result<DoorNarrow, &'static str>,
) -> Result<DoorSearch, PageError> {
    let narrow = narrow.map_err(StaffActError::BadFilter)?;
    let group = given(group).map(|group| group.parse()).transpose();
    let group = group.map_err(|_| ApiError::new(INVALID).field("/group", "不是门组名称"))?;
    Ok(DoorSearch { student_no: given(student_no), group, narrow })
}

/// The address of a list of one person's rights, or of all.
pub(super) fn list_of(
    console: &Console,
    member: &StaffMember,
    student_no: &str,
    group: &str,
) -> Result<String, PageError> {
    let (of, group) = (sealed(console, member, student_no)?, form_encoded(group.trim()));
    let of = if of.is_empty() { of } else { format!("&of={of}") };
    Ok(format!("{}?group={group}{of}", RIGHTS.0))
}
