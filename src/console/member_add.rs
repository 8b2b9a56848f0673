//! A new login of a member of staff, and the slip that signs it in.

use super::{
    Console,
    browser::{Seat, Sent},
    frame::{Frame, PageError, Wrong, shown, shown_as},
    member_requests,
    members::{HERE, RoleBox, TickedRoles, boxes, checked, path_of},
    qr::qr_of,
};
use crate::{
    base::http::{ApiError, problem::INVALID},
    staff::{AddedMember, guard::ChangeStaff},
    staff_accounts::{AddedStaff, Slip, StaffRoles},
};
use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;
use zeroize::Zeroizing;

#[derive(Template)]
#[template(path = "console/member_add.html")]
struct AddPage {
    frame: Frame,
    wrong: Option<Wrong>,
    login: String,
    staff_no: String,
    roles: Vec<RoleBox>,
    reason: String,
    form_id: Uuid,
}

#[derive(Template)]
#[template(path = "console/slip.html")]
struct SlipPage {
    frame: Frame,
    login: String,
    password: Zeroizing<String>,
    first_code: Zeroizing<String>,
    secret: Zeroizing<String>,
    qr: String,
    request: Option<String>,
    back: String,
}

/// A new login.
#[derive(Debug, Deserialize)]
pub(super) struct AddForm {
    form_id: Uuid,
    login: String,
    staff_no: String,
    reason: String,
    #[serde(flatten)]
    roles: TickedRoles,
}

pub(super) async fn ask_add(
    seat: Seat<ChangeStaff>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    shown(&AddPage {
        frame: Frame::of(&seat, &console, (HERE.0, "新增账号")).await?,
        wrong: None,
        login: String::new(),
        staff_no: String::new(),
        roles: boxes(&StaffRoles::new([])),
        reason: String::new(),
        form_id: Uuid::new_v4(),
    })
}

/// Adds the login; the answer to the form is its slip, once.
pub(super) async fn add(
    sent: Sent<ChangeStaff, AddForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let key = form.form_id.to_string();
    let added = match form.asked() {
        Ok((new, why)) => {
            let adding = console.staff.add_member(&seat.member, &new, (&why, &key)).await;
            adding.map_err(ApiError::from)
        }
        Err(wrong) => Err(wrong),
    };
    match added {
        Ok(AddedMember { member, slip, request }) => {
            let request = request.map(|request| member_requests::path_of(request.id));
            slip_page(&seat, &console, (&slip, path_of(member.id)), request).await
        }
        Err(error) => {
            let wrong = Wrong::of(&error);
            let frame = Frame::of(&seat, &console, (HERE.0, "新增账号")).await?;
            let roles = boxes(&form.roles.chosen());
            let AddForm { form_id, login, staff_no, reason, .. } = form;
            let status = wrong.status;
            let wrong = Some(wrong);
            shown_as(status, &AddPage { frame, wrong, login, staff_no, roles, reason, form_id })
        }
    }
}

/// A slip, which is shown once.
pub(super) async fn slip_page(
    seat: &Seat<ChangeStaff>,
    console: &Console,
    (slip, back): (&Slip, String),
    request: Option<String>,
) -> Result<HttpResponse, PageError> {
    let school = console.schools.require(seat.member.school).await?;
    let qr = qr_of(&slip.otpauth_uri(&school.code)).ok_or_else(PageError::internal)?;
    shown(&SlipPage {
        frame: Frame::of(seat, console, (HERE.0, "登录单")).await?,
        login: slip.login().to_string(),
        password: Zeroizing::new(slip.password().to_owned()),
        first_code: slip.first_code(),
        secret: slip.secret(),
        qr,
        request,
        back,
    })
}

impl AddForm {
    /// The login with the reason.
    fn asked(&self) -> Result<(AddedStaff, String), ApiError> {
        let wrong = |field: &'static str, why| ApiError::new(INVALID).field(field, why);
        let login = self.login.trim().parse();
        let login = login.map_err(|_| {
            wrong("/login", "账号由 1 到 32 个小写字母、数字、点、横线、下划线组成")
        })?;
        let staff_no = self.staff_no.trim().parse();
        let staff_no = staff_no
            .map_err(|_| wrong("/staff_no", "工号由 1 到 32 个大写字母、数字、横线组成"))?;
        let roles = self.roles.chosen();
        let why = checked(&roles, &self.reason)?;
        Ok((AddedStaff { login, staff_no, roles }, why))
    }
}
