//! The cashier as a page, for browsers, which have no Alipay: what `my.tradePay` opens.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Query};
use serde::Deserialize;

use super::{Alipay, TradeActRefusal, TradeNotPayable, TradeView};
use crate::local_url::{LocalUrl, NotLocal};
use crate::page::{self, yuan};
use crate::stand_ins::phone::{CashierAct, CashierPage, PayFact, refuse_payment};
use crate::state::lock;

/// The address of the page.
pub(super) const CASHIER: &str = "/sandbox/alipay/cashier";

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
    page::ok(&CashierPage {
        title: "支付宝收银台",
        payee: format!("支付宝 · 收款账号 {seller}"),
        amount: yuan(payment.total_fen),
        facts: vec![
            PayFact { name: "商品", text: &payment.subject, mono: false },
            PayFact { name: "付款人", text: &payment.buyer, mono: false },
            PayFact { name: "商户单号", text: &payment.out_trade_no, mono: true },
            PayFact { name: "交易号", text: &payment.trade_no, mono: true },
        ],
        path: CASHIER,
        sent: vec![
            ("app_id", &visit.app_id),
            ("trade_no", &visit.trade_no),
            ("redirect_uri", &visit.redirect_uri),
        ],
    })
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
    refuse_payment(StatusCode::BAD_REQUEST, &error.to_string(), None)
}

fn refuse(refusal: &CashierRefusal, visit: &CashierVisit) -> HttpResponse {
    refuse_payment(refusal.status(), &refusal.to_string(), Some(&visit.redirect_uri))
}
