//! A day of bills that is compared again now, or closed by hand.

use super::{
    Console,
    bills::{HERE, apart, facts, is_closable, title},
    browser::{Seat, Sent},
    frame::{Frame, PageError, sent_to, shown},
    sign_in::NoFields,
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        http::{ApiError, problem::INVALID},
    },
    orders::fact::Provider,
    staff::guard::{CloseBills, CompareBills},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

/// A bill to be fetched.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    provider: String,
    date: String,
}

/// A day to be closed, as it was seen.
#[derive(Debug, Deserialize)]
pub(super) struct Closing {
    /// When it was compared, in seconds.
    seen: String,
}

#[derive(Template)]
#[template(path = "console/bill_close.html")]
struct ClosePage {
    frame: Frame,
    title: String,
    day: Uuid,
    facts: Vec<(&'static str, String)>,
    apart: Vec<String>,
    seen: i64,
}

/// Compares a day that may not have been compared yet.
pub(super) async fn compare(
    sent: Sent<CompareBills, Wanted>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Wanted { provider, date } = &sent.form;
    let wrong = |field, detail: &'static str| ApiError::new(INVALID).field(field, detail);
    let provider = Provider::from_code(provider);
    let provider = provider.ok_or_else(|| wrong("/provider", "请选择支付平台"))?;
    let date: Result<Day, _> = date.parse();
    let date = date.map_err(|_| wrong("/date", "日期如 2026-11-28"))?;
    let day = Box::pin(console.bills.compare_now(&sent.seat.member, (provider, date))).await?;
    Ok(sent_to(&path_of(day.id), Some("bills-compared")))
}

/// Compares a day again.
pub(super) async fn compare_again(
    sent: Sent<CompareBills, NoFields>,
    day: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (member, NoFields {}) = (&sent.seat.member, sent.form);
    let day = console.bills.day(member, day.into_inner()).await?;
    let day = Box::pin(console.bills.compare_again(member, &day)).await?;
    Ok(sent_to(&path_of(day.id), Some("bills-compared")))
}

pub(super) async fn ask_close(
    seat: Seat<CloseBills>,
    day: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let day = console.bills.day(&seat.member, day.into_inner()).await?;
    if !is_closable(&day) {
        return Ok(sent_to(&path_of(day.id), None));
    }
    shown(&ClosePage {
        frame: Frame::of(&seat, &console, HERE).await?,
        title: title(&day),
        day: day.id,
        facts: facts(&day),
        apart: apart(&day),
        seen: day.compared_at.micros() / 1_000_000,
    })
}

pub(super) async fn close(
    sent: Sent<CloseBills, Closing>,
    day: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let member = &sent.seat.member;
    let seen = sent.form.seen.parse().map_err(|_| ApiError::new(INVALID))?;
    let day = console.bills.day(member, day.into_inner()).await?;
    let closed = console.bills.close_found(member, day, Timestamp::from_seconds(seen)).await?;
    Ok(sent_to(&path_of(closed.id), Some("day-closed")))
}

fn path_of(day: Uuid) -> String {
    format!("{}/{day}", HERE.0)
}
