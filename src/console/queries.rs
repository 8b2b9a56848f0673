//! 现在查询: what the provider says of an order or a refund whose state is not known.

use super::{
    Console, approvals,
    browser::Sent,
    frame::{PageError, sent_to},
    orders,
    way_back::{CameFrom, leading_back},
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

/// Has the provider asked about an order, and says what was heard on its page, which leads back to the list.
pub(super) async fn of_order(
    sent: Sent<AskProvider, CameFrom>,
    id: Path<OrderId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (member, id) = (&sent.seat.member, id.into_inner());
    let said = match console.orders.ask_now(member, id).await {
        Ok(detail) => heard(detail.standing(console.clock.now())),
        Err(StaffOrderError::Refund(refusal)) => unheard(refusal)?,
        Err(error) => return Err(error.into()),
    };
    let path = leading_back(&orders::path_of(id), &sent.form.given());
    Ok(sent_to(&path, Some(said)))
}

/// The same about what a request for a refund came to.
pub(super) async fn of_refund(
    sent: Sent<AskProvider, CameFrom>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let id = id.into_inner();
    let said = match console.staff.ask_about_refund(&sent.seat.member, id).await {
        Ok(refund) => heard(refund.standing.unwrap_or(MoneyStanding::RefundAsked)),
        Err(StaffActError::Refund(refusal)) => unheard(refusal)?,
        Err(error) => return Err(error.into()),
    };
    let path = approvals::path_of(approvals::Desk::Refund, id);
    Ok(sent_to(&leading_back(&path, &sent.form.given()), Some(said)))
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
