//! The key ring over HTTP.

use super::{
    DoorId, DoorKeys, Opening, OpeningId, OpeningRefusal, OpeningState, RingDoor, RingView,
};
use crate::{
    base::{
        clock::Timestamp,
        http::{ApiError, Arrived, IdempotencyKey, Principal, problem::Problem},
    },
    sessions::Student,
};
use actix_web::{
    get, post,
    web::{Data, Json, Path},
};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the paths of this journey; needs `Data<DoorKeys>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_doors).service(open_door).service(show_opening);
}

/// The doors of a person.
#[derive(Serialize, utoipa::ToSchema)]
struct DoorsBody {
    /// By place and name; 100 at most.
    doors: Vec<DoorBody>,
    /// Why none of them opens, where that is so.
    blocked: Option<ReasonBody>,
}

/// A door.
#[derive(Serialize, utoipa::ToSchema)]
struct DoorBody {
    id: uuid::Uuid,
    /// As in 402 室.
    name: String,
    /// As in 东区 3 栋; may be empty.
    place: String,
    /// When it may be opened today, where that is later than now.
    #[schema(value_type = Option<String>, format = DateTime)]
    opens_at: Option<Timestamp>,
}

/// Why a door does not open.
#[derive(Serialize, utoipa::ToSchema)]
struct ReasonBody {
    /// Of the person: `account_lost`, `account_dormant`, `account_expired`, `account_closed`,
    /// `right_missing`, `right_not_now`. Of the lock: `no_such_lock`, `offline`, `blocked`, `battery`, `too_late`,
    /// `unreachable`, `not_received`, `other`.
    code: &'static str,
    /// In Chinese, for the person.
    title: &'static str,
}

/// An attempt to open a door.
#[derive(Serialize, utoipa::ToSchema)]
struct OpeningBody {
    id: uuid::Uuid,
    door_id: uuid::Uuid,
    state: OpeningCode,
    /// Where it was refused.
    reason: Option<ReasonBody>,
    /// In Chinese, for the person at the door.
    title: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Until when the lock may still open. Until then the same door cannot be asked for again.
    #[schema(value_type = String, format = DateTime)]
    open_until: Timestamp,
}

/// How an attempt stands.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum OpeningCode {
    /// The lock reported that it opened.
    Opened,
    /// It did not open, and will not.
    Refused,
    /// The lock has not answered: the person looks whether the door is open.
    Unknown,
}

/// The doors that the student has a right to now or later today.
#[utoipa::path(tag = "doors", security(("bearer" = [])), responses(
    (status = 200, body = DoorsBody), (status = 403, description = "`not_bound`", body = Problem)))]
#[get("/api/v1/me/doors")]
async fn list_doors(
    student: Principal<Student>,
    ring: Data<DoorKeys>,
) -> Result<Json<DoorsBody>, ApiError> {
    Ok(Json(ring.ring(&student).await?.into()))
}

/// Opens a door. Whether the student may pass is decided now, and the lock is asked once. A repetition
/// gives the attempt as it stands; where it is `unknown`, ask for it instead of opening again.
#[utoipa::path(tag = "doors", security(("bearer" = [])),
    params(("door" = uuid::Uuid, Path), ("Idempotency-Key" = String, Header)), responses(
    (status = 200, body = OpeningBody), (status = 403, description = "`not_bound`", body = Problem),
    (status = 404, description = "`door_not_found`, `doors_not_offered`", body = Problem),
    (status = 409, description = "`opening_under_way`; with `Retry-After`", body = Problem),
    (status = 429, description = "`too_many_openings`; with `Retry-After`", body = Problem),
    (status = 503, description = "`unavailable`: nothing was attempted", body = Problem)))]
#[post("/api/v1/me/doors/{door}/open")]
async fn open_door(
    student: Principal<Student>,
    door: Path<uuid::Uuid>,
    key: IdempotencyKey,
    arrived: Arrived,
    ring: Data<DoorKeys>,
) -> Result<Json<OpeningBody>, ApiError> {
    let door = DoorId::from_uuid(door.into_inner());
    Ok(Json(ring.open(&student, door, (&key, arrived.0)).await?.into()))
}

/// An attempt of the student. The lock is asked about one that is `unknown`, at most once in two
/// seconds; this opens nothing.
#[utoipa::path(tag = "doors", security(("bearer" = [])), params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = OpeningBody), (status = 403, description = "`not_bound`", body = Problem),
    (status = 404, description = "`opening_not_found`", body = Problem)))]
#[get("/api/v1/me/doors/openings/{id}")]
async fn show_opening(
    student: Principal<Student>,
    id: Path<uuid::Uuid>,
    ring: Data<DoorKeys>,
) -> Result<Json<OpeningBody>, ApiError> {
    let id = OpeningId::from_uuid(id.into_inner());
    Ok(Json(ring.opening(&student, id).await?.into()))
}

impl From<RingView> for DoorsBody {
    fn from(RingView { doors, blocked }: RingView) -> Self {
        let blocked = blocked.map(|refusal| OpeningRefusal::Person(refusal).into());
        Self { doors: doors.into_iter().map(DoorBody::from).collect(), blocked }
    }
}

impl From<RingDoor> for DoorBody {
    fn from(RingDoor { lock, opens_at }: RingDoor) -> Self {
        let (name, place) = (lock.name.to_string(), lock.place);
        Self { id: lock.id.uuid(), name, place, opens_at }
    }
}

impl From<OpeningRefusal> for ReasonBody {
    fn from(refusal: OpeningRefusal) -> Self {
        Self { code: refusal.code(), title: refusal.title() }
    }
}

impl From<Opening> for OpeningBody {
    fn from(opening: Opening) -> Self {
        let (state, reason) = match opening.state {
            OpeningState::Unknown => (OpeningCode::Unknown, None),
            OpeningState::Opened => (OpeningCode::Opened, None),
            OpeningState::Refused(refusal) => (OpeningCode::Refused, Some(refusal.into())),
        };
        Self {
            id: opening.id.uuid(),
            door_id: opening.door.uuid(),
            state,
            reason,
            title: opening.state.title(),
            at: opening.created_at,
            open_until: opening.open_until,
        }
    }
}
