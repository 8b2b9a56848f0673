//! The classes that an admin gives to counsellors.

use super::members::{StaffLoginView, view};
use crate::{
    base::http::{
        ApiError, ValidJson, not_blank,
        problem::{INVALID, Problem},
    },
    staff::{
        StaffDesk,
        guard::{ChangeStaff, May},
    },
    staff_accounts::{StaffClasses, StaffId},
};
use actix_web::{
    post,
    web::{Data, Json, Path},
};
use garde::Validate;
use serde::Deserialize;
use uuid::Uuid;

/// The classes whose people a counsellor is to see.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct ClassesRequest {
    /// Their names, as on the roster; at most 100.
    #[garde(length(max = 100), inner(length(chars, max = 60)))]
    classes: Vec<String>,
    /// Those that were shown: if there are others by now, nothing changes.
    #[garde(inner(length(max = 100)))]
    classes_before: Option<Vec<String>>,
    /// Why, for the audit log.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// Gives a login the classes whose people it sees as a counsellor; none: nobody. The role `admin` may, and not for
/// the own login.
#[utoipa::path(tag = "staff", request_body = ClassesRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The login")),
    responses((status = 200, body = StaffLoginView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`, `own_login`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`login_changed`", body = Problem),
        (status = 422, description = "a class that nobody is in", body = Problem)))]
#[post("/staff/{id}/classes")]
pub(super) async fn change(
    member: May<ChangeStaff>,
    id: Path<Uuid>,
    body: ValidJson<ClassesRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffLoginView>, ApiError> {
    let ClassesRequest { classes, classes_before, reason } = body.into_inner();
    let seen = classes_before.as_deref().map(classes_of).transpose()?;
    let id = StaffId::from_uuid(id.into_inner());
    let wanted = (id, seen, &classes_of(&classes)?);
    desk.set_classes(&member, wanted, reason.trim()).await?;
    Ok(Json(view(&desk.member(&member, id).await?)))
}

fn classes_of(names: &[String]) -> Result<StaffClasses, ApiError> {
    let classes = StaffClasses::new(names.iter().map(String::as_str));
    classes.ok_or_else(|| ApiError::new(INVALID).field("/classes", "班级名称有误，或超过 100 个"))
}
