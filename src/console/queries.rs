//! 现在查询: what the provider says of an order or a refund whose state is not known.

use super::{
    Console,
    browser::Sent,
    frame::{PageError, form_encoded, sent_to},
    orders::{self, CameFrom},
};
use crate::{
    approvals::ApprovalId,
    orders::order::OrderId,
    staff::{MoneyStanding, RefundRefusal, StaffActError, StaffOrderError, guard::AskProvider},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;

/// The list behind the page.
#[derive(Debug, Deserialize)]
pub(super) struct QueryForm {
    #[serde(default)]
    back: String,
}

/// Has the provider asked about an order, and says what was heard on its page.
pub(super) async fn of_order(
    sent: Sent<AskProvider, QueryForm>,
    id: Path<OrderId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (member, id) = (&sent.seat.member, id.into_inner());
    let said = match console.orders.ask_now(member, id).await {
        Ok(detail) => heard(detail.standing(console.clock.now())),
        Err(StaffOrderError::Refund(refusal)) => unheard(refusal)?,
        Err(error) => return Err(error.into()),
    };
    let detail = console.orders.find(member, id).await?;
    let back = CameFrom::of(sent.form.back).list_of(&detail);
    let path = format!("{}?back={}", orders::path_of(id), form_encoded(&back));
    Ok(sent_to(&path, Some(said)))
}

/// The same about what a request for a refund came to.
pub(super) async fn of_refund(
    sent: Sent<AskProvider, QueryForm>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let id = id.into_inner();
    let said = match console.staff.ask_about_refund(&sent.seat.member, id).await {
        Ok(refund) => heard(refund.standing.unwrap_or(MoneyStanding::RefundAsked)),
        Err(StaffActError::Refund(refusal)) => unheard(refusal)?,
        Err(error) => return Err(error.into()),
    };
    Ok(sent_to(&format!("/staff/approvals/refund/{id}"), Some(said)))
}

/// What the page says of an answer: no more than is known by it.
const fn heard(standing: MoneyStanding) -> &'static str {
    match standing {
        MoneyStanding::Unpaid | MoneyStanding::Unconfirmed => "heard-unpaid",
        MoneyStanding::NotPaid => "heard-closed",
        MoneyStanding::Undelivered | MoneyStanding::Delivered => "heard-paid",
        MoneyStanding::RefundSent | MoneyStanding::SurplusSent => "heard-moving",
        MoneyStanding::Back | MoneyStanding::PartlyBack => "heard-back",
        MoneyStanding::Stuck | MoneyStanding::Returned => "heard-refused",
        // The provider does not know of it yet.
        MoneyStanding::RefundAsked | MoneyStanding::RefundHeld | MoneyStanding::SurplusHeld => {
            "heard-nothing"
        }
    }
}

/// What it says where nothing was heard.
fn unheard(refusal: RefundRefusal) -> Result<&'static str, PageError> {
    if matches!(refusal, RefundRefusal::AskedJustNow) {
        return Ok("asked-just-now");
    }
    if matches!(refusal, RefundRefusal::Silent) { Ok("not-heard") } else { Err(refusal.into()) }
}
