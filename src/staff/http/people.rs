//! People as members of staff find and open them, and what they do for one.

use super::{problems::OWN_CARD, requests::DEFAULT_LIMIT};
use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{
            ApiError, PageSize, ValidJson, not_blank,
            problem::{self, INVALID, Problem, problem_kinds},
        },
        ids::PersonId,
        money::Balance,
    },
    cards::CardStatus,
    passcode::{DeviceId, PersonDevice},
    schools::PersonKind,
    sessions::{PersonBinding, Platform},
    staff::{
        ListedPerson, PeopleDesk, PeopleQuery, PersonAct, PersonDetail, RevealReason,
        StaffPeopleError,
        guard::{ChangePerson, May, ReadPeople, RevealPerson},
    },
    staff_accounts::StaffMember,
};
use actix_web::{
    get, post,
    web::{Data, Json, Path},
};
use garde::Validate;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

problem_kinds! {
    PERSON_CHANGED = "person_changed", 409, "状态已变化，没有办理";
    SHOWN_BEFORE = "shown_before", 409, "这一次已经显示过，没有再显示";
}

impl From<StaffPeopleError> for ApiError {
    fn from(error: StaffPeopleError) -> Self {
        match error {
            StaffPeopleError::NotFound => Self::new(problem::NOT_FOUND),
            StaffPeopleError::BadFilter(name) => {
                Self::new(INVALID).field(format!("/{name}"), "没有这样的筛选条件")
            }
            StaffPeopleError::OwnCard => Self::new(OWN_CARD),
            StaffPeopleError::Changed => Self::new(PERSON_CHANGED),
            StaffPeopleError::ShownBefore => Self::new(SHOWN_BEFORE),
            StaffPeopleError::Right(refusal) => refusal.into(),
            StaffPeopleError::Loss(error) => error.into(),
            StaffPeopleError::Sealed(_) | StaffPeopleError::Db(_) => Self::internal(&error),
        }
    }
}

/// Who is looked for.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct PeopleSearch {
    /// 学号 or 工号 or its beginning, a whole name or a whole phone number.
    #[garde(inner(length(chars, max = 60)))]
    text: Option<String>,
    /// 院系.
    #[garde(inner(length(chars, max = 60)))]
    department: Option<String>,
    /// 班级.
    #[garde(inner(length(chars, max = 60)))]
    class_name: Option<String>,
    /// `normal`, `lost`, `dormant`, `expired` or `closed`.
    #[garde(inner(length(chars, max = 20)))]
    state: Option<String>,
    /// Only who owes something.
    #[garde(skip)]
    #[serde(default)]
    in_debt: bool,
    /// At most so many; 1 to 100, otherwise 50.
    #[garde(skip)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[garde(skip)]
    cursor: Option<Uuid>,
}

/// A person in a list.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffPersonView {
    #[schema(value_type = Uuid)]
    id: PersonId,
    /// 学号 or 工号.
    person_no: String,
    /// The masked name.
    name: String,
    kind: PersonKind,
    department: String,
    class_name: String,
    status: CardStatus,
    /// What the person has, negative for a debt; `null` for roles without money.
    balance_fen: Option<i64>,
    /// Where the person is bound.
    platforms: Vec<Platform>,
}

/// A page of people.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffPersonList {
    items: Vec<StaffPersonView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// A person with what belongs to them.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffPersonDetail {
    person: StaffPersonView,
    /// The last four digits of the phone number.
    phone_end: Option<String>,
    /// The last day, as in `2028-07-31`.
    valid_until: Option<String>,
    /// When the card was reported lost, if it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    lost_at: Option<Timestamp>,
    /// Oldest first.
    bindings: Vec<StaffBindingView>,
    /// What shows the person's codes, oldest first.
    devices: Vec<StaffDeviceView>,
    /// The newest orders, for roles that read orders.
    orders: Vec<Uuid>,
}

/// A binding of a person.
#[derive(Serialize, utoipa::ToSchema)]
struct StaffBindingView {
    id: Uuid,
    platform: Platform,
    #[schema(value_type = String, format = DateTime)]
    bound_at: Timestamp,
}

/// A device that shows a person's codes.
#[derive(Serialize, utoipa::ToSchema)]
struct StaffDeviceView {
    #[schema(value_type = Uuid)]
    id: DeviceId,
    platform: Platform,
    /// `phone` or `server`.
    kind: &'static str,
    /// As its owner named it.
    name: Option<String>,
    /// The number of its enrolment.
    generation: u32,
    #[schema(value_type = String, format = DateTime)]
    enrolled_at: Timestamp,
    /// To the hour.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
}

/// Why something is done for a person.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct PersonActRequest {
    /// For the audit log.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// Whether something was done.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PersonActed {
    /// False where it was so before.
    changed: bool,
}

/// Why a name and a phone are asked for.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct RevealRequest {
    #[garde(skip)]
    reason: RevealReason,
    /// In words; needed with `other`.
    #[garde(inner(length(chars, max = 80)))]
    text: Option<String>,
}

/// A person's name and phone, not masked.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct RevealedPerson {
    name: String,
    phone: Option<String>,
}

/// People of the school in the order of their numbers, with masked names. It is a POST: no address names
/// a person. All roles but `admin` may; `in_debt` needs `card_office`, `finance` or `auditor`.
#[utoipa::path(tag = "staff", request_body = PeopleSearch, security(("staff" = [])),
    responses((status = 200, body = StaffPersonList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[post("/people/search")]
pub(super) async fn search(
    member: May<ReadPeople>,
    body: ValidJson<PeopleSearch>,
    desk: Data<PeopleDesk>,
) -> Result<Json<StaffPersonList>, ApiError> {
    let PeopleSearch { text, department, class_name, state, in_debt, limit, cursor } =
        body.into_inner();
    let debt = in_debt.then(|| "1".to_owned());
    let query = PeopleQuery { text, department, class: class_name, state, debt };
    let size = PageSize::asked(limit, DEFAULT_LIMIT);
    let read = Keyset { beyond: cursor, descending: false, most: size.to_read() };
    let found = desk.page(&member, &query, read).await?;
    let (found, next_cursor) = size.page(found, |one| one.id.to_string());
    Ok(Json(StaffPersonList { items: found.into_iter().map(listed).collect(), next_cursor }))
}

/// A person: card, bindings, devices, the newest orders. The opening is an entry of the audit log. The same
/// roles may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 200, body = StaffPersonDetail), (status = 404, body = Problem)))]
#[get("/people/{id}")]
pub(super) async fn show(
    member: May<ReadPeople>,
    id: Path<PersonId>,
    desk: Data<PeopleDesk>,
) -> Result<Json<StaffPersonDetail>, ApiError> {
    Ok(Json(view(desk.open(&member, id.into_inner()).await?)))
}

/// Reports a card lost: its codes stop with the commit where the school stops them with the card. The
/// roles `card_office` and `network_center` may.
#[utoipa::path(tag = "staff", request_body = PersonActRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 200, body = PersonActed), (status = 404, body = Problem),
        (status = 403, description = "`staff_right_missing`, `own_card`", body = Problem)))]
#[post("/people/{id}/loss")]
pub(super) async fn loss(
    member: May<ChangePerson>,
    id: Path<PersonId>,
    body: ValidJson<PersonActRequest>,
    desk: Data<PeopleDesk>,
) -> Result<Json<PersonActed>, ApiError> {
    acted(&member, (id.into_inner(), PersonAct::Loss), body, &desk).await
}

/// Takes the report back. The same roles may.
#[utoipa::path(tag = "staff", request_body = PersonActRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 200, body = PersonActed), (status = 404, body = Problem),
        (status = 403, description = "`staff_right_missing`, `own_card`", body = Problem)))]
#[post("/people/{id}/cancel-loss")]
pub(super) async fn cancel_loss(
    member: May<ChangePerson>,
    id: Path<PersonId>,
    body: ValidJson<PersonActRequest>,
    desk: Data<PeopleDesk>,
) -> Result<Json<PersonActed>, ApiError> {
    let act = PersonAct::CancelLoss { reported_at: None };
    acted(&member, (id.into_inner(), act), body, &desk).await
}

/// Ends a device: none of its codes is good after the commit, and it enrols again with the query password
/// alone. The person is told. The same roles may.
#[utoipa::path(tag = "staff", request_body = PersonActRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The person"),
        ("device" = Uuid, Path, description = "The device")),
    responses((status = 200, body = PersonActed), (status = 404, body = Problem),
        (status = 403, description = "`staff_right_missing`, `own_card`", body = Problem)))]
#[post("/people/{id}/devices/{device}/end")]
pub(super) async fn end_device(
    member: May<ChangePerson>,
    path: Path<(PersonId, DeviceId)>,
    body: ValidJson<PersonActRequest>,
    desk: Data<PeopleDesk>,
) -> Result<Json<PersonActed>, ApiError> {
    let (id, device) = path.into_inner();
    let act = PersonAct::EndDevice { device, generation: None };
    acted(&member, (id, act), body, &desk).await
}

/// Ends a binding, with the sessions of its identity, the phone number it gave and its devices. The person
/// is told. The same roles may.
#[utoipa::path(tag = "staff", request_body = PersonActRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The person"),
        ("binding" = Uuid, Path, description = "The binding")),
    responses((status = 200, body = PersonActed), (status = 404, body = Problem),
        (status = 403, description = "`staff_right_missing`, `own_card`", body = Problem)))]
#[post("/people/{id}/bindings/{binding}/end")]
pub(super) async fn end_binding(
    member: May<ChangePerson>,
    path: Path<(PersonId, Uuid)>,
    body: ValidJson<PersonActRequest>,
    desk: Data<PeopleDesk>,
) -> Result<Json<PersonActed>, ApiError> {
    let (id, binding) = path.into_inner();
    acted(&member, (id, PersonAct::EndBinding { binding }), body, &desk).await
}

/// A person's name and phone, not masked. Each time is an entry of the audit log with its reason. The roles
/// `card_office`, `finance` and `network_center` may, with a fresh second factor.
#[utoipa::path(tag = "staff", request_body = RevealRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 200, body = RevealedPerson), (status = 404, body = Problem),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`, `own_card`",
            body = Problem),
        (status = 422, description = "`request_invalid`: `other` without a text", body = Problem)))]
#[post("/people/{id}/reveal")]
pub(super) async fn reveal(
    member: May<RevealPerson>,
    id: Path<PersonId>,
    body: ValidJson<RevealRequest>,
    desk: Data<PeopleDesk>,
) -> Result<Json<RevealedPerson>, ApiError> {
    let RevealRequest { reason, text } = body.into_inner();
    let why = reason.why(text.as_deref().unwrap_or_default());
    let why =
        why.ok_or_else(|| ApiError::new(INVALID).field("/text", "请填写原因，最多 80 个字"))?;
    let (name, phone) = desk.reveal(&member, (id.into_inner(), Uuid::new_v4()), &why).await?;
    Ok(Json(RevealedPerson {
        name: name.expose_secret().to_owned(),
        phone: phone.map(|phone| phone.expose_secret().to_owned()),
    }))
}

async fn acted(
    member: &StaffMember,
    act: (PersonId, PersonAct),
    body: ValidJson<PersonActRequest>,
    desk: &PeopleDesk,
) -> Result<Json<PersonActed>, ApiError> {
    let changed = desk.act(member, act, &body.into_inner().reason).await?;
    Ok(Json(PersonActed { changed }))
}

fn listed(one: ListedPerson) -> StaffPersonView {
    let ListedPerson { id, person_no, name, kind, department, class_name, status, .. } = one;
    StaffPersonView {
        id,
        person_no,
        name,
        kind,
        department,
        class_name,
        status,
        balance_fen: one.balance.map(Balance::get),
        platforms: one.platforms,
    }
}

fn view(detail: PersonDetail) -> StaffPersonDetail {
    let PersonDetail { listed: one, phone_end, valid_until, lost_at, .. } = detail;
    let binding =
        |PersonBinding { id, platform, bound_at, .. }| StaffBindingView { id, platform, bound_at };
    let device = |one: PersonDevice| StaffDeviceView {
        id: one.id,
        platform: one.channel.platform(),
        kind: one.kind.code(),
        name: one.name,
        generation: one.generation,
        enrolled_at: one.enrolled_at,
        seen_at: one.seen_at,
    };
    StaffPersonDetail {
        person: listed(one),
        phone_end,
        valid_until: valid_until.map(|day| day.to_string()),
        lost_at,
        bindings: detail.bindings.into_iter().map(binding).collect(),
        devices: detail.devices.into_iter().map(device).collect(),
        orders: detail.orders.iter().map(|whole| whole.order.id.uuid()).collect(),
    }
}
