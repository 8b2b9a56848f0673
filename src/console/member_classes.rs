//! The classes of a counsellor, as an admin gives them.

use super::{
    Console,
    browser::Sent,
    frame::{PageError, reason_of, sent_to},
    members::{path_of, with_classes},
    way_back::after,
};
use crate::{
    base::http::{
        ApiError,
        problem::{INVALID, NOT_FOUND},
    },
    staff::guard::ChangeStaff,
    staff_accounts::{StaffClasses, StaffId},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;
use uuid::Uuid;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 80;

/// Classes, one a line, with a reason.
#[derive(Debug, Deserialize)]
pub(super) struct ClassesForm {
    /// Those that the page showed.
    classes_before: String,
    #[serde(default)]
    classes: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    back: String,
}

/// Changes them; what is wrong stands above the form as it was filled in.
pub(super) async fn change(
    sent: Sent<ChangeStaff, ClassesForm>,
    id: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, StaffId::from_uuid(id.into_inner()));
    let changed = match form.checked() {
        Ok((seen, classes, why)) => {
            let wanted = (id, Some(seen), &classes);
            console.staff.set_classes(&seat.member, wanted, &why).await.map_err(ApiError::from)
        }
        Err(wrong) => Err(wrong),
    };
    match changed {
        Ok(()) => Ok(sent_to(&after(&form.back, &path_of(id)), Some("classes-changed"))),
        Err(error) if error.kind() == NOT_FOUND => Err(error.into()),
        Err(error) => {
            let written = ([form.classes, form.reason], form.back);
            with_classes(&seat, &console, id, written, &error).await
        }
    }
}

impl ClassesForm {
    fn checked(&self) -> Result<(StaffClasses, StaffClasses, String), ApiError> {
        let wrong = |field, why: String| ApiError::new(INVALID).field(field, why);
        let of = |text: &str| {
            let classes = StaffClasses::new(text.lines());
            let most = format!("一行一个班级，最多 {} 个", StaffClasses::MOST);
            classes.ok_or_else(|| wrong("/classes", most))
        };
        let why = reason_of(&self.reason, LONGEST_REASON)
            .map_err(|_| wrong("/reason", format!("请填写原因，最多 {LONGEST_REASON} 个字")))?;
        Ok((of(&self.classes_before)?, of(&self.classes)?, why))
    }
}
