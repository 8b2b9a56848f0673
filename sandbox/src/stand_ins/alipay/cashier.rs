//! The cashier as a page, for browsers, which have no Alipay: what `my.tradePay` opens.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Query};
use askama::Template;
use serde::Deserialize;

use super::{Alipay, TradeActRefusal, TradeNotPayable, TradeView};
use crate::local_url::{LocalUrl, NotLocal};
use crate::page::{self, yuan};
use crate::state::lock;

const TITLE: &str = "无法支付";

#[derive(Deserialize)]
pub(super) struct CashierVisit {
    /// Not checked, as the real cashier does not: only for the client's own way back.
    #[serde(default)]
    app_id: String,
    #[serde(default)]
    trade_no: String,
    #[serde(default)]
    redirect_uri: String,
}

#[derive(Deserialize)]
pub(super) struct CashierDecision {
    #[serde(flatten)]
    visit: CashierVisit,
    act: CashierAct,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CashierAct {
    Pay,
    Fail,
    Cancel,
}

impl CashierAct {
    /// The result of `my.tradePay`, which proves nothing.
    fn result(self) -> &'static str {
        match self {
            Self::Pay => "ok",
            Self::Fail => "fail",
            Self::Cancel => "cancel",
        }
    }
}

#[derive(Template)]
#[template(path = "alipay/cashier.html")]
struct Cashier<'a> {
    visit: &'a CashierVisit,
    seller: &'a str,
    payment: &'a TradeView,
    amount: &'a str,
}

#[derive(Debug, thiserror::Error)]
enum CashierRefusal {
    #[error("没有这笔交易")]
    Unknown,
    #[error(transparent)]
    NotPayable(#[from] TradeNotPayable),
    #[error(transparent)]
    Act(#[from] TradeActRefusal),
}

impl CashierRefusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unknown | Self::NotPayable(_) => StatusCode::BAD_REQUEST,
            Self::Act(_) => StatusCode::CONFLICT,
        }
    }
}

impl Alipay {
    /// The trade of the number, if it can be paid now.
    fn open(&self, trade_no: &str) -> Result<TradeView, CashierRefusal> {
        let now = self.clock.now();
        let trades = lock(&self.trades);
        let trade = trades.by_trade_no(trade_no).ok_or(CashierRefusal::Unknown)?;
        trade.payable(now)?;
        Ok(TradeView::of(trade, now))
    }

    fn decide(&self, visit: &CashierVisit, act: CashierAct) -> Result<(), CashierRefusal> {
        match act {
            CashierAct::Cancel => {}
            CashierAct::Pay => drop(self.pay(&self.open(&visit.trade_no)?.out_trade_no)?),
            CashierAct::Fail => drop(self.fail(&self.open(&visit.trade_no)?.out_trade_no)?),
        }
        Ok(())
    }
}

pub(super) async fn show(visit: Query<CashierVisit>, alipay: Data<Alipay>) -> HttpResponse {
    if let Err(error) = LocalUrl::parse(&visit.redirect_uri) {
        return refuse_place(&error);
    }
    let payment = match alipay.open(&visit.trade_no) {
        Ok(payment) => payment,
        Err(refusal) => return refuse(&refusal, &visit),
    };
    let seller = alipay.app(&payment.app_id).map_or("", |app| app.seller_id());
    let amount = &yuan(payment.total_fen);
    page::ok(&Cashier { visit: &visit, seller, payment: &payment, amount })
}

pub(super) async fn act(decision: Form<CashierDecision>, alipay: Data<Alipay>) -> HttpResponse {
    let CashierDecision { visit, act } = decision.into_inner();
    let target = match LocalUrl::parse(&visit.redirect_uri) {
        Ok(target) => target,
        Err(error) => return refuse_place(&error),
    };
    match alipay.decide(&visit, act) {
        Ok(()) => page::see_other(target.with("pay_result", act.result()).as_str()),
        Err(refusal) => refuse(&refusal, &visit),
    }
}

fn refuse_place(error: &NotLocal) -> HttpResponse {
    page::refused(StatusCode::BAD_REQUEST, TITLE, &error.to_string(), "/sandbox")
}

fn refuse(refusal: &CashierRefusal, visit: &CashierVisit) -> HttpResponse {
    page::refused(refusal.status(), TITLE, &refusal.to_string(), &visit.redirect_uri)
}
