//! The statement over HTTP.

use crate::{
    base::{
        clock::{Day, Month, Timestamp},
        http::{
            ApiError, PageSize, Principal,
            problem::{INVALID, Problem, problem_kinds},
        },
        money::{Balance, Fen, InvalidAmount},
    },
    ledger::{statement::DaySum, transfer::TransferId},
    orders::order::OrderId,
    overview::{
        Overview,
        entry::EntryKind,
        export,
        statement::{StatementEntry, StatementFilter},
    },
    sessions::Student,
};
use actix_web::{
    HttpResponse, get,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    web::{Data, Json, Path, Query},
};
use serde::{Deserialize, Serialize};

problem_kinds! {
    EXPORT_TOO_LARGE = "export_too_large", 422, "流水太多，请缩短日期范围";
}
const DEFAULT_LIMIT: u16 = 20;
/// A leap year.
const MAX_EXPORT_DAYS: i32 = 366;

/// Filter and page of the statement.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct StatementQuery {
    /// The first day in Asia/Shanghai, `2026-11-01`.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<String>,
    /// The last day.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<String>,
    /// The kind of lines.
    #[param(value_type = Option<EntryKind>)]
    kind: Option<String>,
    /// The page size, 1 to 100; 20 by default.
    limit: Option<u16>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// The days of an export.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportDays {
    /// The first day; by default a year before the last.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<String>,
    /// The last day; by default today.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<String>,
}

/// A page of the statement, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct StatementPage {
    items: Vec<StatementItem>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// One change of the spendable balance.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct StatementItem {
    #[schema(value_type = uuid::Uuid)]
    id: TransferId,
    /// When it was posted.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    kind: EntryKind,
    /// In Chinese, for the user.
    title: String,
    /// Positive for income, negative for expenses, never zero.
    #[schema(value_type = i64)]
    amount_fen: Balance,
    /// The order that was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    order_id: Option<OrderId>,
}

/// The daily sums of a month.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct StatementMonth {
    /// `2026-11`.
    month: String,
    #[schema(value_type = i64, minimum = 0)]
    in_fen: Fen,
    #[schema(value_type = i64, minimum = 0)]
    out_fen: Fen,
    /// What came back of purchases, less what went back of top-ups: neither income nor expenses.
    #[schema(value_type = i64)]
    refund_fen: Balance,
    /// In order, without days that have no entries.
    days: Vec<StatementDay>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct StatementDay {
    /// `2026-11-21`.
    day: String,
    #[schema(value_type = i64, minimum = 0)]
    in_fen: Fen,
    #[schema(value_type = i64, minimum = 0)]
    out_fen: Fen,
    #[schema(value_type = i64)]
    refund_fen: Balance,
}

/// The student's statement: what changed the total of the three balances, newest first.
#[utoipa::path(tag = "card", params(StatementQuery), security(("bearer" = [])), responses(
    (status = 200, body = StatementPage), (status = 401, body = Problem),
    (status = 422, description = "`request_invalid`, with the parameter", body = Problem)))]
#[get("/api/v1/card/statement")]
pub(super) async fn list(
    student: Principal<Student>,
    overview: Data<Overview>,
    wanted: Query<StatementQuery>,
) -> Result<Json<StatementPage>, ApiError> {
    let filter = wanted.filter()?;
    let before = wanted.before()?;
    let size = PageSize::asked(wanted.limit, DEFAULT_LIMIT);
    let found = overview.statement(&student, filter, before, size.to_read().into()).await;
    let entries = found.map_err(|error| ApiError::internal(&error))?;
    let (entries, next_cursor) = size.page(entries, |entry| entry.id.to_string());
    Ok(Json(StatementPage { items: entries.iter().map(StatementItem::of).collect(), next_cursor }))
}

/// Income, expenses and refunds on each day of a month.
#[utoipa::path(tag = "card", security(("bearer" = [])),
    params(("month" = String, Path, description = "`2026-11`, of Asia/Shanghai")),
    responses((status = 200, body = StatementMonth), (status = 401, body = Problem),
    (status = 422, description = "`request_invalid`", body = Problem)))]
#[get("/api/v1/card/statement/months/{month}")]
pub(super) async fn month(
    student: Principal<Student>,
    overview: Data<Overview>,
    month: Path<String>,
) -> Result<Json<StatementMonth>, ApiError> {
    let days: Month = month.parse().map_err(|_| invalid("#path/month", "须为月份，如 2026-11"))?;
    let days = overview.month(&student, days).await;
    let days = days.map_err(|error| ApiError::internal(&error))?;
    StatementMonth::of(month.into_inner(), &days).map(Json)
}

/// The statement of at most a year as a table for spreadsheets.
#[utoipa::path(tag = "card", params(ExportDays), security(("bearer" = [])), responses(
    (status = 200, description = "CSV in UTF-8 with a byte order mark", body = String,
     content_type = "text/csv"),
    (status = 401, body = Problem),
    (status = 422, description = "`request_invalid`, `export_too_large`", body = Problem)))]
#[get("/api/v1/card/statement.csv")]
pub(super) async fn csv(
    student: Principal<Student>,
    overview: Data<Overview>,
    days: Query<ExportDays>,
) -> Result<HttpResponse, ApiError> {
    let (from, to) = days.bounded(overview.clock.now().day())?;
    let filter = StatementFilter { from: Some(from), to: Some(to), kind: None };
    let entries = overview.export(&student, filter).await;
    let entries = entries.map_err(|error| ApiError::internal(&error))?;
    let entries = entries.map_err(|_| ApiError::new(EXPORT_TOO_LARGE))?;
    let table = export::table(&entries).map_err(|error| ApiError::internal(&error))?;
    let name = format!("attachment; filename=\"statement-{from}-{to}.csv\"");
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, name))
        .body(table))
}

impl StatementQuery {
    fn filter(&self) -> Result<StatementFilter, ApiError> {
        let (from, to) = days(self.from.as_deref(), self.to.as_deref())?;
        let kind = self.kind.as_deref().map(EntryKind::from_code);
        if kind == Some(None) {
            return Err(invalid("#query/kind", "没有这种类型"));
        }
        Ok(StatementFilter { from, to, kind: kind.flatten() })
    }

    fn before(&self) -> Result<Option<TransferId>, ApiError> {
        let line = self.cursor.as_deref().map(str::parse);
        line.transpose().map_err(|_| invalid("#query/cursor", "须为上一页给出的值"))
    }
}

impl ExportDays {
    /// The first and the last day, with defaults.
    fn bounded(&self, today: Day) -> Result<(Day, Day), ApiError> {
        let (from, to) = days(self.from.as_deref(), self.to.as_deref())?;
        let longest = MAX_EXPORT_DAYS - 1;
        let to = to.unwrap_or_else(|| from.map_or(today, |from| from.max(today)));
        let from = from.unwrap_or_else(|| Day::from_number(to.number() - longest));
        if to.number() - from.number() > longest {
            return Err(invalid("#query/from", "一次最多导出一年"));
        }
        Ok((from, to))
    }
}

fn days(from: Option<&str>, to: Option<&str>) -> Result<(Option<Day>, Option<Day>), ApiError> {
    let day = |text: Option<&str>, pointer| {
        let day = text.map(str::parse::<Day>).transpose();
        day.map_err(|_| invalid(pointer, "须为日期，如 2026-11-21"))
    };
    let (from, to) = (day(from, "#query/from")?, day(to, "#query/to")?);
    if from.is_some_and(|from| to.is_some_and(|to| to < from)) {
        return Err(invalid("#query/to", "不能早于开始日期"));
    }
    Ok((from, to))
}

fn invalid(pointer: &'static str, detail: &'static str) -> ApiError {
    ApiError::new(INVALID).field(pointer, detail)
}

impl StatementItem {
    fn of(entry: &StatementEntry) -> Self {
        let StatementEntry { id, at, kind, ref title, amount, order } = *entry;
        let title = title.clone().into_owned();
        Self { id, at, kind, title, amount_fen: amount, order_id: order }
    }
}

impl StatementMonth {
    fn of(name: String, days: &[DaySum]) -> Result<Self, ApiError> {
        let sum = |of: fn(&DaySum) -> Fen| {
            let sum = days.iter().try_fold(Fen::ZERO, |sum, day| sum.plus(of(day)));
            sum.map_err(|error| ApiError::internal(&error))
        };
        let (in_fen, out_fen) = (sum(|day| day.came)?, sum(|day| day.went)?);
        let refund_fen = days.iter().try_fold(Balance::ZERO, |sum, day| sum.plus(day.apart));
        let refund_fen = refund_fen.ok_or_else(|| ApiError::internal(&InvalidAmount::Overflow))?;
        let days = days.iter().map(|DaySum { day, came, went, apart }| StatementDay {
            day: day.to_string(),
            in_fen: *came,
            out_fen: *went,
            refund_fen: *apart,
        });
        Ok(Self { month: name, in_fen, out_fen, refund_fen, days: days.collect() })
    }
}
