//! A day of bills that is compared again now, or closed by hand.

use super::{
    Console,
    bills::{HERE, apart, day_again, facts, is_closable, list_again, path_of, title},
    browser::{Seat, Sent},
    confirm::ConfirmPage,
    frame::{Frame, PageError, sent_to, shown},
    way_back::{CameFrom, after, leading_back},
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
    web::{Data, Path, Query},
};
use serde::Deserialize;
use uuid::Uuid;

/// A bill to be fetched.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Wanted {
    pub(super) provider: String,
    pub(super) date: String,
}

/// A day to be closed, as it was seen.
#[derive(Debug, Deserialize)]
pub(super) struct Closing {
    /// When it was compared, in seconds.
    seen: String,
    #[serde(default)]
    back: String,
}

/// Compares a day that may not have been compared yet.
pub(super) async fn compare(
    sent: Sent<CompareBills, Wanted>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let comparing = async {
        let of = form.checked()?;
        let compared = Box::pin(console.bills.compare_now(&seat.member, of)).await;
        Ok(compared.map_err(ApiError::from)?)
    };
    match comparing.await {
        Ok(day) => Ok(sent_to(&path_of(day.id), Some("bills-compared"))),
        Err(error) => list_again(&seat, &console, form, error).await,
    }
}

impl Wanted {
    fn checked(&self) -> Result<(Provider, Day), PageError> {
        let wrong = |field, detail: &'static str| ApiError::new(INVALID).field(field, detail);
        let provider = Provider::from_code(&self.provider);
        let provider = provider.ok_or_else(|| wrong("/provider", "请选择支付平台"))?;
        let date: Result<Day, _> = self.date.parse();
        Ok((provider, date.map_err(|_| wrong("/date", "日期如 2026-11-28"))?))
    }
}

/// Compares a day again: back to the list or the page that it was asked on.
pub(super) async fn compare_again(
    sent: Sent<CompareBills, CameFrom>,
    day: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = &sent;
    let member = &seat.member;
    let day = console.bills.day(member, day.into_inner()).await?;
    let compared = Box::pin(console.bills.compare_again(member, &day)).await;
    match compared.map_err(ApiError::from) {
        Ok(day) => Ok(sent_to(&form.or(&path_of(day.id)), Some("bills-compared"))),
        Err(error) => day_again(seat, &console, (day.id, &form.given()), error.into()).await,
    }
}

pub(super) async fn ask_close(
    seat: Seat<CloseBills>,
    day: Path<Uuid>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let day = console.bills.day(&seat.member, day.into_inner()).await?;
    let back = from.given();
    let own = leading_back(&path_of(day.id), &back);
    if !is_closable(&day) {
        return Ok(sent_to(&own, None));
    }
    let (title, seen) = (title(&day), day.compared_at.micros() / 1_000_000);
    shown(&ConfirmPage {
        frame: Frame::of(&seat, &console, (HERE.0, &format!("关闭{title}"))).await?,
        wrong: None,
        sentence: format!("关闭 {title}？{MEANS}"),
        facts: facts(&day),
        notes: apart(&day).iter().map(|one| format!("{one}。")).collect(),
        path: Some(format!("{}/close", path_of(day.id))),
        button: "关闭".to_owned(),
        hidden: vec![("seen", seen.to_string()), ("back", back)],
        keeps_old: None,
        reason: None,
        back: own,
    })
}

/// What closing says, and what it does not do.
const MEANS: &str =
    "表示您已核对，逐笔相符。以后若有迟到的账或差错，这一天会重新打开并提示，不会被改动或隐藏。";

pub(super) async fn close(
    sent: Sent<CloseBills, Closing>,
    day: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let member = &sent.seat.member;
    let seen = sent.form.seen.parse().map_err(|_| ApiError::new(INVALID))?;
    let (day, back) = (day.into_inner(), &*sent.form.back);
    let found = console.bills.day(member, day).await?;
    let closed = console.bills.close_found(member, found, Timestamp::from_seconds(seen)).await;
    match closed.map_err(ApiError::from) {
        Ok(_) => Ok(sent_to(&after(back, &path_of(day)), Some("day-closed"))),
        Err(error) => day_again(&sent.seat, &console, (day, back), error.into()).await,
    }
}
