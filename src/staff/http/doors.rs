//! Rights to pass doors, and the log of doors.

use super::{problems::OWN_CARD, requests::DEFAULT_LIMIT};
use crate::{
    access::{
        desk::DoorRightError,
        listing::{AccessLogQuery, DoorNarrow, DoorRightQuery},
        log::{AccessWay, DoorDecision, LoggedAccess},
        rights::{DoorRight, DoorRightId, DoorTimes, RightSource},
    },
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{
            ApiError, PageSize, ValidJson, not_blank,
            problem::{self, INVALID, Problem, problem_kinds},
        },
    },
    staff::{
        DoorDesk, DoorGrant, DoorSearch, StaffActError,
        doors::{BadTimes, StaffDoorError},
        guard::{ChangeDoorRights, May, ReadAccessLog, ReadDoorRights},
    },
    terminals::DoorGroup,
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

problem_kinds! {
    RIGHT_ALLOCATED = "right_allocated", 409, "该权限来自宿舍分配，请更新分配名单";
    TOO_MANY_RIGHTS = "too_many_rights", 409, "此人在该门组的权限过多";
}

impl From<StaffDoorError> for ApiError {
    fn from(error: StaffDoorError) -> Self {
        match error {
            StaffDoorError::NoPerson | StaffDoorError::Door(DoorRightError::NotFound) => {
                Self::new(problem::NOT_FOUND)
            }
            StaffDoorError::Door(DoorRightError::Allocated) => Self::new(RIGHT_ALLOCATED),
            StaffDoorError::Door(DoorRightError::TooMany) => Self::new(TOO_MANY_RIGHTS),
            StaffDoorError::Own => Self::new(OWN_CARD),
            StaffDoorError::Right(refusal) => refusal.into(),
            StaffDoorError::Door(DoorRightError::Db(error)) | StaffDoorError::Db(error) => {
                Self::internal(&error)
            }
        }
    }
}

impl From<BadTimes> for ApiError {
    fn from(why: BadTimes) -> Self {
        let (field, detail) = match why {
            BadTimes::Until => ("/until", "须晚于开始时间和现在"),
            BadTimes::Hours(_) => ("/hours", "须为 06:00-23:30 一类的时段"),
        };
        Self::new(INVALID).field(field, detail)
    }
}

/// A right for somebody.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct NewDoorRight {
    /// 学号 or 工号.
    #[garde(length(chars, min = 1, max = 20))]
    student_no: String,
    /// The group of doors.
    #[garde(length(chars, min = 1, max = 40))]
    door_group: String,
    /// The first instant; now if left out.
    #[garde(skip)]
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// The first instant without the right; no end if left out.
    #[garde(skip)]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// Hours of each day in Asia/Shanghai: `06:00-23:30`, or `22:00-06:00` across midnight. The whole
    /// day if left out.
    #[garde(inner(length(bytes, min = 1, max = 11)))]
    hours: Option<String>,
    /// Why, for the audit log.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

impl NewDoorRight {
    fn grant(self, now: Timestamp) -> Result<DoorGrant, ApiError> {
        let invalid = |pointer, why| ApiError::new(INVALID).field(pointer, why);
        let instant = |pointer, text: Option<String>| {
            let parsed = text.map(|text| Timestamp::parse_rfc3339(&text)).transpose();
            parsed.map_err(|_| invalid(pointer, "须为 RFC 3339 时间"))
        };
        let ends = (instant("/from", self.from)?, instant("/until", self.until)?);
        let times = DoorGrant::times(ends, self.hours.as_deref(), now)?;
        let group = self.door_group.parse();
        Ok(DoorGrant {
            student_no: self.student_no,
            group: group.map_err(|_| invalid("/door_group", "不是门组名称"))?,
            times,
            reason: self.reason,
        })
    }
}

/// The end of a right.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct EndDoorRight {
    /// Why, for the audit log.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// A right to pass a group of doors.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct DoorRightView {
    #[schema(value_type = Uuid)]
    id: DoorRightId,
    /// 学号 or 工号.
    student_no: String,
    door_group: String,
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// The first instant without the right; `null` for no end.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// `00:00-24:00` for the whole day.
    hours: String,
    source: RightSource,
}

/// A page of rights.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct DoorRightList {
    items: Vec<DoorRightView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// An entry of the log of doors.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AccessLogView {
    id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// 学号 or 工号.
    student_no: String,
    /// Empty for a door without a group.
    door_group: String,
    way: AccessWay,
    /// The terminal or the lock.
    place_id: Uuid,
    decision: DoorDecision,
    /// Why it stayed closed; empty where it opened.
    reason: String,
}

/// A page of the log.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AccessLogList {
    items: Vec<AccessLogView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Which part of a list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DoorQuery {
    /// Of one person.
    student_no: Option<String>,
    /// Of one group of doors.
    door_group: Option<String>,
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
}

/// Why the log is read.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadingReason {
    /// 1 to 80 characters, for the audit log.
    reason: Option<String>,
}

impl ReadingReason {
    fn given(self) -> Result<String, ApiError> {
        let given = self.reason.filter(|reason| (1..=80).contains(&reason.trim().chars().count()));
        given.ok_or_else(|| {
            ApiError::new(INVALID).field("#query/reason", "请填写查阅原因，最多 80 个字")
        })
    }
}

impl DoorQuery {
    /// What is searched for, the page with one extra row, and its size.
    fn parts(
        self,
        narrow: Result<DoorNarrow, &'static str>,
    ) -> Result<(DoorSearch, Keyset, PageSize), ApiError> {
        let narrow = narrow.map_err(StaffActError::BadFilter)?;
        let size = PageSize::asked(self.limit, DEFAULT_LIMIT);
        let group: Option<DoorGroup> = self
            .door_group
            .map(|group| group.parse())
            .transpose()
            .map_err(|_| ApiError::new(INVALID).field("/door_group", "不是门组名称"))?;
        let page = Keyset { beyond: self.cursor, descending: true, most: size.to_read() };
        Ok((DoorSearch { student_no: self.student_no, group, narrow }, page, size))
    }
}

fn view(right: &DoorRight, student_no: Option<&String>) -> DoorRightView {
    let DoorTimes { from, until, window } = right.times;
    DoorRightView {
        id: right.id,
        student_no: student_no.cloned().unwrap_or_default(),
        door_group: right.group.to_string(),
        from,
        until,
        hours: window.to_string(),
        source: right.source,
    }
}

fn logged(entry: LoggedAccess, student_no: Option<&String>) -> AccessLogView {
    AccessLogView {
        id: entry.id.uuid(),
        at: entry.at,
        student_no: student_no.cloned().unwrap_or_default(),
        door_group: entry.group,
        way: entry.way,
        place_id: entry.place,
        decision: entry.decision,
        reason: entry.reason,
    }
}

/// Rights of the school that are in force, newest first. The roles `card_office`, `network_center` and
/// `auditor` may.
#[utoipa::path(tag = "staff", params(DoorQuery, DoorRightQuery), security(("staff" = [])),
    responses((status = 200, body = DoorRightList), (status = 403, body = Problem),
        (status = 404, description = "Nobody has this number", body = Problem)))]
#[get("/door-rights")]
pub(super) async fn rights(
    member: May<ReadDoorRights>,
    query: Query<DoorQuery>,
    which: Query<DoorRightQuery>,
    desk: Data<DoorDesk>,
) -> Result<Json<DoorRightList>, ApiError> {
    let narrow = which.narrow(desk.clock.now());
    let (search, page, size) = query.into_inner().parts(narrow)?;
    let found = desk.found(&member, &search).await?;
    let found = desk.rights(&member, &found, page).await?;
    let numbers = found.student_nos;
    let (rows, next_cursor) = size.page(found.rows, |right| right.id.to_string());
    let view = |right: DoorRight| {
        let number = numbers.get(&right.person);
        view(&right, number)
    };
    Ok(Json(DoorRightList { items: rows.into_iter().map(view).collect(), next_cursor }))
}

/// Gives somebody a right. One that there is already, from then on or earlier, is the same. The role `card_office` may.
#[utoipa::path(tag = "staff", request_body = NewDoorRight, security(("staff" = [])),
    responses((status = 201, body = DoorRightView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 404, description = "Nobody has this number", body = Problem),
        (status = 409, description = "`too_many_rights`", body = Problem)))]
#[post("/door-rights")]
pub(super) async fn give(
    member: May<ChangeDoorRights>,
    body: ValidJson<NewDoorRight>,
    desk: Data<DoorDesk>,
) -> Result<HttpResponse, ApiError> {
    let grant = body.into_inner().grant(desk.clock.now())?;
    let right = desk.give(&member, &grant).await?;
    Ok(HttpResponse::Created().json(view(&right, Some(&grant.student_no))))
}

/// Ends a right that staff gave: in force for every door that decides later. The role `card_office` may.
#[utoipa::path(tag = "staff", request_body = EndDoorRight, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The right")),
    responses((status = 200, body = DoorRightView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`right_allocated`: it comes from an allocation",
            body = Problem)))]
#[post("/door-rights/{id}/end")]
pub(super) async fn end(
    member: May<ChangeDoorRights>,
    id: Path<DoorRightId>,
    body: ValidJson<EndDoorRight>,
    desk: Data<DoorDesk>,
) -> Result<Json<DoorRightView>, ApiError> {
    let mut ended = desk.end(&member, id.into_inner(), &body.into_inner().reason).await?;
    let right = ended.rows.pop().ok_or(ApiError::new(problem::NOT_FOUND))?;
    let number = ended.student_nos.get(&right.person);
    Ok(Json(view(&right, number)))
}

/// Who came to which door, newest first. Each reading is an entry of the audit log. The roles
/// `card_office` and `auditor` may.
#[utoipa::path(tag = "staff", params(DoorQuery, AccessLogQuery, ReadingReason), security(("staff" = [])),
    responses((status = 200, body = AccessLogList),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 404, description = "Nobody has this number", body = Problem),
        (status = 422, description = "`request_invalid`: no reason", body = Problem)))]
#[get("/access-log")]
pub(super) async fn log(
    member: May<ReadAccessLog>,
    query: Query<DoorQuery>,
    which: Query<AccessLogQuery>,
    reason: Query<ReadingReason>,
    desk: Data<DoorDesk>,
) -> Result<Json<AccessLogList>, ApiError> {
    let reason = reason.into_inner().given()?;
    let (search, page, size) = query.into_inner().parts(which.narrow())?;
    let found = desk.found(&member, &search).await?;
    let found = desk.log(&member, &found, (page, &reason)).await?;
    let numbers = found.student_nos;
    let (rows, next_cursor) = size.page(found.rows, |entry| entry.id.to_string());
    let view = |entry: LoggedAccess| {
        let number = numbers.get(&entry.person);
        logged(entry, number)
    };
    Ok(Json(AccessLogList { items: rows.into_iter().map(view).collect(), next_cursor }))
}
