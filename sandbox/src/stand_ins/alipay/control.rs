//! Trades, refunds and apps in the control API and behind the buttons of the control page.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, Form, Json, Path, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Alipay, Identities, NewAppSettings, RefundCourse, TradeActRefusal, TradeView};
use crate::callbacks::{Repeat, Tally};
use crate::control::{read_options, refuse};
use crate::page;

const USUAL_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 500;

/// The last part of the path of an act on a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TradeAct {
    Pay,
    Fail,
    TimeOut,
    Repeat,
    Drop,
    Deliver,
}

/// The same of an act on a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RefundAct {
    Complete,
    Fail,
    Repeat,
    Deliver,
}

/// What an act answers: the trade after it, or the count of repeated notifications.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum TradeActAnswer {
    Trade(Box<TradeView>),
    Tally(Tally),
}

#[derive(Deserialize)]
struct TradesQuery {
    limit: Option<usize>,
    /// How many of the newest to skip, as `next_cursor` said.
    cursor: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundWanted {
    amount_fen: i64,
}

/// A refund as the form of the control page asks for it, in yuan.
#[derive(Deserialize)]
struct RefundForm {
    amount: String,
}

/// The settings as a form sends them: a box that is not ticked is absent.
#[derive(Deserialize)]
struct AppForm {
    identities: Identities,
    refunds: RefundCourse,
    notify_refunds: Option<String>,
    notify_closed: Option<String>,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    const TRADES: &str = "/sandbox/api/alipay/payments";
    const FORMS: &str = "/sandbox/alipay/payments/{out_trade_no}";
    config
        .route(TRADES, web::get().to(trades))
        .route(&format!("{TRADES}/{{out_trade_no}}"), web::get().to(trade))
        .route(&format!("{TRADES}/{{out_trade_no}}/refund"), web::post().to(refund))
        .route(&format!("{TRADES}/{{out_trade_no}}/{{act}}"), web::post().to(act))
        .route(
            &format!("{TRADES}/{{out_trade_no}}/refunds/{{request_no}}/{{act}}"),
            web::post().to(act_on_refund),
        )
        .route("/sandbox/api/alipay/users", web::get().to(users))
        .route("/sandbox/api/alipay/apps", web::get().to(apps))
        .route("/sandbox/api/alipay/apps/{app_id}", web::post().to(set))
        .route("/sandbox/alipay/apps/{app_id}", web::post().to(set_by_form))
        .route(&format!("{FORMS}/refund"), web::post().to(refund_by_form))
        .route(&format!("{FORMS}/{{act}}"), web::post().to(act_by_form))
        .route(
            &format!("{FORMS}/refunds/{{request_no}}/{{act}}"),
            web::post().to(act_on_refund_by_form),
        );
}

impl TradeAct {
    /// `how` matters to [`TradeAct::Repeat`] alone.
    async fn perform(
        self,
        alipay: &Alipay,
        out_trade_no: &str,
        how: Repeat,
    ) -> Result<TradeActAnswer, TradeActRefusal> {
        let trade = match self {
            Self::Pay => alipay.pay(out_trade_no)?,
            Self::Fail => alipay.fail(out_trade_no)?,
            Self::TimeOut => alipay.time_out(out_trade_no)?,
            Self::Drop => alipay.drop_callbacks(out_trade_no)?,
            Self::Deliver => alipay.deliver(out_trade_no)?,
            Self::Repeat => {
                return Ok(TradeActAnswer::Tally(alipay.repeat(out_trade_no, how).await?));
            }
        };
        Ok(TradeActAnswer::Trade(Box::new(trade)))
    }
}

impl RefundAct {
    async fn perform(
        self,
        alipay: &Alipay,
        (out_trade_no, request_no): (&str, &str),
        how: Repeat,
    ) -> Result<TradeActAnswer, TradeActRefusal> {
        let trade = match self {
            Self::Complete => alipay.complete_refund(out_trade_no, request_no)?,
            Self::Fail => alipay.fail_refund(out_trade_no, request_no)?,
            Self::Deliver => alipay.deliver_refund(out_trade_no, request_no)?,
            Self::Repeat => {
                let tally = alipay.repeat_refund(out_trade_no, request_no, how).await?;
                return Ok(TradeActAnswer::Tally(tally));
            }
        };
        Ok(TradeActAnswer::Trade(Box::new(trade)))
    }
}

impl TradeActRefusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchTrade | Self::NoSuchRefund | Self::NoSuchApp => StatusCode::NOT_FOUND,
            Self::NotPayable(_) | Self::NotPending | Self::Refund(_) => StatusCode::CONFLICT,
            Self::Callback(refusal) => refusal.status(),
        }
    }
}

async fn trades(page: Query<TradesQuery>, alipay: Data<Alipay>) -> HttpResponse {
    let limit = page.limit.unwrap_or(USUAL_LIMIT).clamp(1, LARGEST_LIMIT);
    let skip = page.cursor.unwrap_or(0);
    let (items, total) = alipay.payments(skip, limit);
    let next = skip.saturating_add(limit);
    let next_cursor = (next < total).then_some(next);
    HttpResponse::Ok().json(json!({ "items": items, "next_cursor": next_cursor, "total": total }))
}

async fn trade(out_trade_no: Path<String>, alipay: Data<Alipay>) -> HttpResponse {
    match alipay.payment(&out_trade_no) {
        Some(trade) => HttpResponse::Ok().json(trade),
        None => refuse(StatusCode::NOT_FOUND, "没有这笔交易"),
    }
}

async fn act(path: Path<(String, TradeAct)>, body: Bytes, alipay: Data<Alipay>) -> HttpResponse {
    let (out_trade_no, act) = path.into_inner();
    let Some(how) = read_options::<Repeat>(&body) else { return bad_options() };
    answer(act.perform(&alipay, &out_trade_no, how).await)
}

async fn act_on_refund(
    path: Path<(String, String, RefundAct)>,
    body: Bytes,
    alipay: Data<Alipay>,
) -> HttpResponse {
    let (out_trade_no, request_no, act) = path.into_inner();
    let Some(how) = read_options::<Repeat>(&body) else { return bad_options() };
    answer(act.perform(&alipay, (&out_trade_no, &request_no), how).await)
}

async fn refund(
    out_trade_no: Path<String>,
    wanted: Json<RefundWanted>,
    alipay: Data<Alipay>,
) -> HttpResponse {
    let refunded = alipay.refund(&out_trade_no, wanted.amount_fen);
    answer(refunded.map(|trade| TradeActAnswer::Trade(Box::new(trade))))
}

async fn apps(alipay: Data<Alipay>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": alipay.apps() }))
}

/// The demo users of every app.
async fn users(alipay: Data<Alipay>) -> HttpResponse {
    let of = |app: super::AppView| alipay.demo_users_of(&app.app_id).unwrap_or_default();
    let items: Vec<_> = alipay.apps().into_iter().flat_map(of).collect();
    HttpResponse::Ok().json(json!({ "items": items }))
}

async fn set(
    app_id: Path<String>,
    new: Json<NewAppSettings>,
    alipay: Data<Alipay>,
) -> HttpResponse {
    match alipay.set(&app_id, new.into_inner()) {
        Ok(app) => HttpResponse::Ok().json(app),
        Err(refusal) => refuse(refusal.status(), &refusal.to_string()),
    }
}

async fn set_by_form(
    app_id: Path<String>,
    form: Form<AppForm>,
    alipay: Data<Alipay>,
) -> HttpResponse {
    let new = NewAppSettings {
        identities: Some(form.identities),
        refunds: Some(form.refunds),
        notify_refunds: Some(form.notify_refunds.is_some()),
        notify_closed: Some(form.notify_closed.is_some()),
    };
    back(alipay.set(&app_id, new).map(|_| ()), "/sandbox#alipay-apps")
}

async fn act_by_form(
    path: Path<(String, TradeAct)>,
    how: Form<Repeat>,
    alipay: Data<Alipay>,
) -> HttpResponse {
    let (out_trade_no, act) = path.into_inner();
    let done = act.perform(&alipay, &out_trade_no, how.into_inner()).await;
    back(done.map(|_| ()), "/sandbox#alipay-payments")
}

async fn act_on_refund_by_form(
    path: Path<(String, String, RefundAct)>,
    how: Form<Repeat>,
    alipay: Data<Alipay>,
) -> HttpResponse {
    let (out_trade_no, request_no, act) = path.into_inner();
    let done = act.perform(&alipay, (&out_trade_no, &request_no), how.into_inner()).await;
    back(done.map(|_| ()), "/sandbox#alipay-payments")
}

async fn refund_by_form(
    out_trade_no: Path<String>,
    form: Form<RefundForm>,
    alipay: Data<Alipay>,
) -> HttpResponse {
    let refunded = match page::fen_of(form.amount.trim()) {
        Some(fen) => alipay.refund(&out_trade_no, fen),
        None => Err(TradeActRefusal::Refund("金额应为至多两位小数的元数".to_owned())),
    };
    back(refunded.map(|_| ()), "/sandbox#alipay-payments")
}

fn answer(done: Result<TradeActAnswer, TradeActRefusal>) -> HttpResponse {
    match done {
        Ok(done) => HttpResponse::Ok().json(done),
        Err(refusal) => refuse(refusal.status(), &refusal.to_string()),
    }
}

fn bad_options() -> HttpResponse {
    refuse(StatusCode::BAD_REQUEST, "请求体应为空，或是 times、parallel、fresh_id")
}

fn back(done: Result<(), TradeActRefusal>, place: &str) -> HttpResponse {
    match done {
        Ok(()) => page::see_other(place),
        Err(refusal) => page::not_done(refusal.status(), &refusal),
    }
}
