//! Terminals as members of staff read and change them.

use super::requests::DEFAULT_LIMIT;
use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{
            ApiError, PageSize, ValidJson, not_blank,
            problem::{self, INVALID, Problem, problem_kinds},
        },
        money::Fen,
    },
    cards::charges::Charge,
    staff::{
        IssuedKey, KeyAsk, StaffTerminalError, TakingTerminal, TerminalAsk, TerminalDesk,
        TerminalQuery,
        guard::{ChangeTerminals, May, ReadTerminals, StopTerminals},
    },
    terminals::{
        RegistryError, TerminalId, TerminalKind,
        listing::{ListedTerminal, NamedMerchant, Silence},
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

problem_kinds! {
    CODE_TAKEN = "code_taken", 409, "这个编号已经有了";
    TERMINAL_CHANGED = "terminal_changed", 409, "这台终端刚被更改过，没有办理";
}

impl From<StaffTerminalError> for ApiError {
    fn from(error: StaffTerminalError) -> Self {
        match error {
            StaffTerminalError::Invalid(field) => Self::new(INVALID).field(field, detail_of(field)),
            StaffTerminalError::BadFilter(name) => {
                Self::new(INVALID).field(format!("/{name}"), "没有这样的筛选条件")
            }
            StaffTerminalError::Right(refusal) => refusal.into(),
            StaffTerminalError::Registry(RegistryError::NotFound) => Self::new(problem::NOT_FOUND),
            StaffTerminalError::Registry(RegistryError::Taken(_)) => Self::new(CODE_TAKEN),
            StaffTerminalError::Registry(RegistryError::Changed) => Self::new(TERMINAL_CHANGED),
            StaffTerminalError::Registry(RegistryError::NoMerchant(_)) => {
                Self::new(INVALID).field("/merchant", "没有这个编号的商户，请先新增商户")
            }
            StaffTerminalError::Registry(
                RegistryError::Db(_) | RegistryError::NoTerminal(_) | RegistryError::Differs { .. },
            )
            | StaffTerminalError::NoKey(_)
            | StaffTerminalError::Db(_) => Self::internal(&error),
        }
    }
}

/// How a field of a merchant or a terminal must be filled in.
fn detail_of(field: &str) -> &'static str {
    match field {
        "/code" => "编号只能用字母、数字、点、横线和下划线；商户的编号不用大写字母和点",
        "/name" => "请填写名称，最多 40 个字",
        "/kind" => "请选择种类",
        "/merchant" => "收款终端须填写商户的编号",
        "/door_group" => "门组名称最多 40 个字",
        "/reason" => "请填写理由，最多 80 个字",
        _ => "请检查这一项",
    }
}

/// A merchant, as its terminals name it.
#[derive(Serialize, utoipa::ToSchema)]
struct MerchantOfTerminal {
    id: Uuid,
    code: String,
    name: String,
    /// Whether it sells.
    enabled: bool,
}

impl From<NamedMerchant> for MerchantOfTerminal {
    fn from(NamedMerchant { id, code, name, enabled }: NamedMerchant) -> Self {
        Self { id: id.uuid(), code, name, enabled }
    }
}

/// A terminal.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffTerminalView {
    id: Uuid,
    /// The part of its key id after the slash.
    code: String,
    kind: TerminalKind,
    merchant: Option<MerchantOfTerminal>,
    door_group: Option<String>,
    /// `on`, `silent` (on, and not heard of for a day) or `off`.
    state: &'static str,
    /// When it was last heard of, to some seconds.
    #[schema(value_type = Option<String>, format = DateTime)]
    seen_at: Option<Timestamp>,
    /// SHA-256 of its public key's SPKI, in hex.
    key_sha256: String,
    #[schema(value_type = String, format = DateTime)]
    key_set_at: Timestamp,
    /// Until when the key before is good beside it.
    #[schema(value_type = Option<String>, format = DateTime)]
    old_key_until: Option<Timestamp>,
    /// What it took today in Beijing, less what was reversed.
    #[schema(value_type = i64)]
    taken_today_fen: Fen,
    charges_today: u64,
}

/// A page of terminals.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffTerminalList {
    items: Vec<StaffTerminalView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// A terminal with its last charges.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffTerminalDetail {
    #[serde(flatten)]
    terminal: StaffTerminalView,
    /// Newest first, at most twenty.
    last_charges: Vec<TerminalChargeView>,
}

/// A charge of a terminal.
#[derive(Serialize, utoipa::ToSchema)]
struct TerminalChargeView {
    id: Uuid,
    seq: i64,
    #[schema(value_type = i64)]
    amount_fen: Fen,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    reversed_at: Option<Timestamp>,
    /// Whether it was made after the terminal was last heard of.
    is_since_contact: bool,
}

/// A new key. The private half is in this answer and nowhere else.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct NewTerminalKey {
    terminal_id: Uuid,
    /// Ed25519, PKCS#8, PEM.
    private_key_pem: String,
    key_sha256: String,
    /// Until when the key before is good; `null` if it is not.
    #[schema(value_type = Option<String>, format = DateTime)]
    old_key_until: Option<Timestamp>,
}

/// A terminal to be added.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct NewTerminalRequest {
    /// A-Z, a-z, 0-9, dot, hyphen and underscore.
    #[garde(length(chars, min = 1, max = 64))]
    code: String,
    /// `pos`, `gate`, `library` or `water`.
    #[garde(length(chars, min = 1, max = 16))]
    kind: String,
    /// The code of its merchant: needed by a till.
    #[garde(inner(length(chars, max = 32)))]
    merchant: Option<String>,
    #[garde(inner(length(chars, max = 40)))]
    door_group: Option<String>,
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// Why a terminal is switched off.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct StopRequest {
    #[garde(inner(length(chars, max = 80)))]
    reason: Option<String>,
}

impl StopRequest {
    pub(super) fn reason(self) -> String {
        self.reason.unwrap_or_default()
    }
}

/// A terminal that is switched on with a new key.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct StartTerminalRequest {
    /// `key_sha256` of the terminal as it was read.
    #[garde(length(chars, min = 64, max = 64))]
    key_sha256: String,
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// Another key for a terminal.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct ReplaceKeyRequest {
    /// `key_sha256` of the terminal as it was read.
    #[garde(length(chars, min = 64, max = 64))]
    key_sha256: String,
    /// Whether the old key is good for 24 hours more.
    #[garde(skip)]
    keep_old: bool,
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// Which part of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TerminalPage {
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Silence>,
}

/// Terminals, those that were silent the longest first. The roles `card_office`, `finance`, `network_center`
/// and `auditor` may.
#[utoipa::path(tag = "staff", params(TerminalQuery, TerminalPage), security(("staff" = [])),
    responses((status = 200, body = StaffTerminalList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[get("/terminals")]
pub(super) async fn list(
    member: May<ReadTerminals>,
    query: Query<TerminalQuery>,
    page: Query<TerminalPage>,
    desk: Data<TerminalDesk>,
) -> Result<Json<StaffTerminalList>, ApiError> {
    let now = desk.clock.now();
    let filter = query.filter(member.school, now)?;
    let size = PageSize::asked(page.limit, DEFAULT_LIMIT);
    let read = Keyset { beyond: page.cursor, descending: true, most: size.to_read() };
    let found = desk.page(&filter, read).await?;
    let (found, next_cursor) = size.page(found, |one| one.terminal.place().to_string());
    let items = found.into_iter().map(|one| view(one, now)).collect();
    Ok(Json(StaffTerminalList { items, next_cursor }))
}

/// A terminal, with its last charges. The same roles may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The terminal")),
    responses((status = 200, body = StaffTerminalDetail), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[get("/terminals/{id}")]
pub(super) async fn show(
    member: May<ReadTerminals>,
    id: Path<TerminalId>,
    desk: Data<TerminalDesk>,
) -> Result<Json<StaffTerminalDetail>, ApiError> {
    let detail = desk.find(&member, id.into_inner()).await?;
    let seen_at = detail.one.terminal.seen_at;
    Ok(Json(StaffTerminalDetail {
        last_charges: detail.last.iter().map(|charge| charge_view(charge, seen_at)).collect(),
        terminal: view(detail.one, desk.clock.now()),
    }))
}

/// Adds a terminal. Its key is made here and shown in this answer alone. The roles `card_office` and
/// `network_center` may.
#[utoipa::path(tag = "staff", request_body = NewTerminalRequest, security(("staff" = [])),
    responses((status = 201, body = NewTerminalKey),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 409, description = "`code_taken`", body = Problem),
        (status = 422, body = Problem)))]
#[post("/terminals")]
pub(super) async fn add(
    member: May<ChangeTerminals>,
    body: ValidJson<NewTerminalRequest>,
    desk: Data<TerminalDesk>,
) -> Result<HttpResponse, ApiError> {
    let NewTerminalRequest { code, kind, merchant, door_group, reason } = body.into_inner();
    let (merchant, door_group) = (merchant.unwrap_or_default(), door_group.unwrap_or_default());
    let ask = TerminalAsk { code, kind, merchant, door_group, reason };
    Ok(HttpResponse::Created().json(issued(&desk.add(&member, &ask).await?)))
}

/// Switches a terminal off: in force at every server once this is answered. One that is off stays so. No second
/// factor is asked for. The roles `card_office`, `finance` and `network_center` may.
#[utoipa::path(tag = "staff", request_body = StopRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The terminal")),
    responses((status = 200, body = StaffTerminalView), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[post("/terminals/{id}/disable")]
pub(super) async fn stop(
    member: May<StopTerminals>,
    id: Path<TerminalId>,
    body: ValidJson<StopRequest>,
    desk: Data<TerminalDesk>,
) -> Result<Json<StaffTerminalView>, ApiError> {
    let (id, reason) = (id.into_inner(), body.into_inner().reason());
    desk.stop(&member, id, &reason).await?;
    Ok(Json(view(desk.find(&member, id).await?.one, desk.clock.now())))
}

/// Switches a terminal on, with a new key that is shown in this answer alone. The roles `card_office` and
/// `network_center` may.
#[utoipa::path(tag = "staff", request_body = StartTerminalRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The terminal")),
    responses((status = 200, body = NewTerminalKey),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`terminal_changed`", body = Problem)))]
#[post("/terminals/{id}/enable")]
pub(super) async fn start(
    member: May<ChangeTerminals>,
    id: Path<TerminalId>,
    body: ValidJson<StartTerminalRequest>,
    desk: Data<TerminalDesk>,
) -> Result<Json<NewTerminalKey>, ApiError> {
    let StartTerminalRequest { key_sha256: known, reason } = body.into_inner();
    let ask = KeyAsk { terminal: id.into_inner(), known, keeps_old: false, reason };
    Ok(Json(issued(&desk.start(&member, &ask).await?)))
}

/// Gives a terminal that is on another key, which is shown in this answer alone. The same roles may.
#[utoipa::path(tag = "staff", request_body = ReplaceKeyRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The terminal")),
    responses((status = 200, body = NewTerminalKey),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`terminal_changed`", body = Problem)))]
#[post("/terminals/{id}/rotate-key")]
pub(super) async fn replace_key(
    member: May<ChangeTerminals>,
    id: Path<TerminalId>,
    body: ValidJson<ReplaceKeyRequest>,
    desk: Data<TerminalDesk>,
) -> Result<Json<NewTerminalKey>, ApiError> {
    let ReplaceKeyRequest { key_sha256: known, keep_old: keeps_old, reason } = body.into_inner();
    let ask = KeyAsk { terminal: id.into_inner(), known, keeps_old, reason };
    Ok(Json(issued(&desk.replace_key(&member, &ask).await?)))
}

/// A terminal with what it took today.
pub(super) fn view(one: TakingTerminal, now: Timestamp) -> StaffTerminalView {
    let TakingTerminal { terminal, charges, taken } = one;
    let state = terminal.state(now).code();
    let ListedTerminal { id, code, kind, merchant, door_group, key, .. } = terminal;
    StaffTerminalView {
        id: id.uuid(),
        code,
        kind,
        merchant: merchant.map(Into::into),
        door_group,
        state,
        seen_at: terminal.seen_at,
        key_sha256: key.fingerprint(),
        key_set_at: terminal.key_set_at,
        old_key_until: terminal.old_key_until.filter(|until| *until > now),
        taken_today_fen: taken,
        charges_today: charges,
    }
}

fn charge_view(charge: &Charge, seen_at: Option<Timestamp>) -> TerminalChargeView {
    TerminalChargeView {
        id: charge.id.uuid(),
        seq: charge.act.1,
        amount_fen: charge.drawn.amount,
        at: charge.at,
        reversed_at: charge.reversed_at,
        is_since_contact: seen_at.is_none_or(|seen_at| charge.at >= seen_at),
    }
}

fn issued(issued: &IssuedKey) -> NewTerminalKey {
    NewTerminalKey {
        terminal_id: issued.terminal.uuid(),
        private_key_pem: issued.key.private_pem().to_owned(),
        key_sha256: issued.key.public.fingerprint(),
        old_key_until: issued.old_until,
    }
}
