//! Payments as Alipay describes them in answers to queries, and the claim that both answers and
//! notifications come to.

use super::{Shop, wire};
use crate::{
    base::{crypto::rsa::CheckedSignature, money::Fen},
    payments::gateway::{
        Evidence, NamedPayment, NotificationRefused, PaidClaim, PaidFact, Provider, ProviderState,
    },
};
use serde::Deserialize;

/// The fields that are used; unknown ones are ignored, repeated ones refused. The field `open_id`
/// of trades is void.
#[derive(Deserialize)]
pub(super) struct WireTrade {
    out_trade_no: String,
    trade_no: Option<String>,
    trade_status: Option<String>,
    total_amount: Option<String>,
    /// When it was paid; absent where it was not.
    send_pay_date: Option<String>,
    buyer_user_id: Option<String>,
    buyer_open_id: Option<String>,
    /// All that was given back so far, where Alipay says so.
    refund_fee: Option<String>,
}

impl WireTrade {
    /// From the JSON of an answer about `out_trade_no`.
    pub(super) fn parse(json: &str, out_trade_no: &str) -> Result<Self, NotificationRefused> {
        let trade: Self = serde_json::from_str(json).map_err(|_| NotificationRefused::Content)?;
        if trade.out_trade_no == out_trade_no {
            Ok(trade)
        } else {
            Err(NotificationRefused::NotOurs)
        }
    }

    /// Alipay's number of the trade.
    pub(super) fn into_trade_no(self) -> Result<String, NotificationRefused> {
        let trade_no = self.trade_no.filter(|number| wire::is_number(number));
        trade_no.ok_or(NotificationRefused::Content)
    }

    /// The state of the payment. The caller must have read this from the body of `proof`.
    pub(super) fn into_state(
        self,
        shop: &Shop,
        proof: &CheckedSignature,
        evidence: impl FnOnce() -> Evidence,
    ) -> Result<ProviderState, NotificationRefused> {
        let status = TradeStatus::of(self.trade_status.as_deref().unwrap_or_default());
        let told = given_back(self.refund_fee.as_deref())?;
        let given_back = told.is_some();
        let was_paid = self.send_pay_date.as_deref().is_some_and(|date| !date.is_empty());
        match status.ok_or(NotificationRefused::Content)? {
            TradeStatus::Waiting => Ok(ProviderState::NotPaid),
            TradeStatus::Closed if !was_paid && !given_back => Ok(ProviderState::Closed),
            TradeStatus::Paid if !given_back => {
                Ok(ProviderState::Paid(self.claim().into_fact(shop, proof)?, evidence()))
            }
            TradeStatus::Paid => {
                let fact = self.claim().into_fact(shop, proof)?;
                Ok(ProviderState::Refunded(fact, evidence(), told))
            }
            // A trade that was paid is closed once all of it was given back.
            TradeStatus::Closed => {
                let fact = self.claim().into_fact(shop, proof)?;
                let all = told.unwrap_or(fact.amount);
                Ok(ProviderState::Refunded(fact, evidence(), Some(all)))
            }
        }
    }

    fn claim(self) -> TradeClaim {
        TradeClaim {
            out_trade_no: self.out_trade_no,
            trade_no: self.trade_no,
            total_amount: self.total_amount,
            paid_at: self.send_pay_date,
            open_id: self.buyer_open_id,
            user_id: self.buyer_user_id,
        }
    }
}

/// `trade_status`, of the statuses that are documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TradeStatus {
    /// Known and unpaid.
    Waiting,
    /// Paid; some of it may have been given back. Whether it can still be refunded is not told apart.
    Paid,
    /// Closed unpaid, or given back whole.
    Closed,
}

impl TradeStatus {
    pub(super) fn of(text: &str) -> Option<Self> {
        match text {
            "WAIT_BUYER_PAY" => Some(Self::Waiting),
            "TRADE_SUCCESS" | "TRADE_FINISHED" => Some(Self::Paid),
            "TRADE_CLOSED" => Some(Self::Closed),
            _ => None,
        }
    }
}

/// What was given back of a payment in all; `None` for nothing. Samples of plain payments have `0.00`.
pub(super) fn given_back(refund_fee: Option<&str>) -> Result<Option<Fen>, NotificationRefused> {
    match refund_fee {
        None | Some("") => Ok(None),
        Some(yuan) => {
            let fee = wire::fen_of(yuan).ok_or(NotificationRefused::Content)?;
            Ok(Some(fee).filter(|fee| !fee.is_zero()))
        }
    }
}

/// What Alipay says of a payment that was made.
pub(super) struct TradeClaim {
    pub(super) out_trade_no: String,
    pub(super) trade_no: Option<String>,
    pub(super) total_amount: Option<String>,
    pub(super) paid_at: Option<String>,
    pub(super) open_id: Option<String>,
    pub(super) user_id: Option<String>,
}

impl TradeClaim {
    /// Converts to a fact. The caller must have read this from the body of `proof` and checked that
    /// its state is paid.
    pub(super) fn into_fact(
        self,
        shop: &Shop,
        proof: &CheckedSignature,
    ) -> Result<PaidFact, NotificationRefused> {
        let missing = NotificationRefused::Content;
        let amount = self.total_amount.as_deref().and_then(wire::fen_of).ok_or(missing)?;
        let paid_at = self.paid_at.as_deref().and_then(wire::instant_of).ok_or(missing)?;
        let payer = [self.open_id, self.user_id].into_iter().flatten();
        let NamedPayment { out_trade_no, transaction_id, .. } =
            named(self.out_trade_no, self.trade_no)?;
        if amount == Fen::ZERO || transaction_id.is_empty() {
            return Err(missing);
        }
        let claim = PaidClaim {
            provider: Provider::Alipay,
            merchant: shop.seller_id.clone(),
            app_id: shop.app_id.clone(),
            out_trade_no,
            transaction_id,
            amount,
            payer: payer.filter(|id| !id.is_empty()).collect(),
            paid_at,
        };
        Ok(PaidFact::new(proof, claim))
    }
}

/// The numbers of a payment.
pub(super) fn named(
    out_trade_no: String,
    trade_no: Option<String>,
) -> Result<NamedPayment, NotificationRefused> {
    let transaction_id = trade_no.unwrap_or_default();
    let known = transaction_id.is_empty() || wire::is_number(&transaction_id);
    if !known || !wire::is_number(&out_trade_no) {
        return Err(NotificationRefused::Content);
    }
    Ok(NamedPayment { out_trade_no, transaction_id, ..NamedPayment::default() })
}
