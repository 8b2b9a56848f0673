//! A refund of an order is asked for. Nothing moves until another person approves it.

use super::{HERE, detail::may_ask, end_of, path_of};
use crate::{
    base::{
        http::{
            ApiError,
            problem::{INVALID, NOT_FOUND},
        },
        money::Fen,
    },
    console::{
        Console,
        browser::{Seat, Sent},
        frame::{Frame, PageError, Wrong, reason_of, sent_to, shown, shown_as},
        second,
        way_back::{CameFrom, after, leading_back},
    },
    orders::order::OrderId,
    staff::{OrderDetail, RefundAsk, RefundTarget, guard::AskRefund},
    staff_accounts::StaffAct,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

/// The longest reason, in characters: the payer may read it.
const LONGEST_REASON: usize = 80;

/// How much of what can be refunded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    #[default]
    All,
    Some,
}

/// A refund as it is asked for.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::console) struct AskForm {
    /// A repeat of the form is the same request.
    form_id: Uuid,
    #[serde(default)]
    part: Part,
    /// What could be refunded when the page was made, in fen: all of it is this much, whatever happened
    /// meanwhile.
    all_fen: String,
    /// In yuan.
    #[serde(default)]
    amount: String,
    reason: String,
    #[serde(default)]
    back: String,
}

#[derive(Template)]
#[template(path = "console/order_ask.html")]
struct AskPage {
    frame: Frame,
    wrong: Option<Wrong>,
    path: String,
    order: String,
    number: String,
    purpose: &'static str,
    person: String,
    left: Fen,
    is_part: bool,
    /// That hardly anybody could decide it.
    alone: Option<&'static str>,
    form: AskForm,
}

pub(in crate::console) async fn ask_form(
    seat: Seat<AskRefund>,
    id: Path<OrderId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let detail = console.orders.find(&seat.member, id.into_inner()).await?;
    if !may_ask(&detail, &seat.member, console.clock.now()) {
        let order = leading_back(&path_of(detail.whole.order.id), &from.given());
        return Ok(sent_to(&order, Some("not-refundable")));
    }
    let form = AskForm {
        form_id: Uuid::new_v4(),
        part: Part::All,
        all_fen: String::new(),
        amount: String::new(),
        reason: String::new(),
        back: from.given(),
    };
    shown(&page(&seat, &console, &detail, (form, None)).await?)
}

/// Asks for the refund; what is wrong with it stands above the form as it was filled in.
pub(in crate::console) async fn ask(
    sent: Sent<AskRefund, AskForm>,
    id: Path<OrderId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, id.into_inner());
    let asked = match form.asked(id) {
        Ok(ask) => console.staff.ask_refund(&seat.member, &ask).await.map_err(ApiError::from),
        Err(wrong) => Err(wrong),
    };
    match asked {
        Ok(_) => Ok(sent_to(&after(&form.back, &path_of(id)), Some("asked"))),
        Err(error) if error.kind() == NOT_FOUND => Err(error.into()),
        Err(error) => {
            let detail = console.orders.find(&seat.member, id).await?;
            let wrong = Wrong::of(&error);
            shown_as(wrong.status, &page(&seat, &console, &detail, (form, Some(wrong))).await?)
        }
    }
}

async fn page(
    seat: &Seat<AskRefund>,
    console: &Console,
    detail: &OrderDetail,
    (form, wrong): (AskForm, Option<Wrong>),
) -> Result<AskPage, PageError> {
    let order = &detail.whole.order;
    let left = detail.refundable.unwrap_or_default();
    Ok(AskPage {
        frame: Frame::of(seat, console, HERE).await?,
        wrong,
        path: format!("{}/ask", path_of(order.id)),
        order: leading_back(&path_of(order.id), &form.back),
        number: end_of(order.id),
        purpose: order.purpose.title(),
        person: format!("{}（{}）", detail.person, detail.person_no),
        left,
        alone: second::warning(console, &seat.member, StaffAct::DecideRefund).await?,
        is_part: form.part == Part::Some,
        form: AskForm { all_fen: left.get().to_string(), ..form },
    })
}

impl AskForm {
    fn asked(&self, order: OrderId) -> Result<RefundAsk, ApiError> {
        let wrong = |field, why| ApiError::new(INVALID).field(field, why);
        if self.part == Part::All && !self.amount.trim().is_empty() {
            return Err(wrong("/amount", "选了“全部”，又填了部分退款的金额，请只留一种"));
        }
        let amount = match self.part {
            Part::All => self.all_fen.parse().ok().and_then(|all| Fen::new(all).ok()),
            Part::Some => fen_of(&self.amount),
        };
        let amount = amount.filter(|amount| !amount.is_zero());
        let amount = amount.ok_or_else(|| wrong("/amount", "请填写退款金额，如 12.50"))?;
        let reason = reason_of(&self.reason, LONGEST_REASON)
            .map_err(|_| wrong("/reason", "请填写理由，最多 80 个字"))?;
        let (target, key) = (RefundTarget::Order(order), self.form_id.to_string());
        Ok(RefundAsk { target, amount, reason, key })
    }
}

/// `12.5`, `¥12.50` or `12` as an amount; nothing for other texts.
pub(in crate::console) fn fen_of(text: &str) -> Option<Fen> {
    let text = text.trim().trim_start_matches(['¥', '￥']);
    let (yuan, cents) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = (1..=7).contains(&yuan.len()) && cents.len() <= 2;
    if !plain || !digits(yuan) || !digits(cents) || text.ends_with('.') {
        return None;
    }
    let fen: i64 = format!("{yuan}{cents:0<2}").parse().ok()?;
    Fen::new(fen).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let cases = [
            ("12", Some(1200)),
            ("12.5", Some(1250)),
            (" ¥12.50 ", Some(1250)),
            ("￥0.01", Some(1)),
            ("1234567", Some(123_456_700)),
            ("12345678", None),
            ("12.345", None),
            ("12.", None),
            (".5", None),
            ("0", Some(0)),
            ("-1", None),
            ("1,000", None),
            ("1e3", None),
            ("", None),
        ];
        for (text, fen) in cases {
            assert_eq!(fen_of(text).map(Fen::get), fen, "{text}");
        }
    }
}
