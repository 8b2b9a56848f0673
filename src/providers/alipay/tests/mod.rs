//! The gateway with valid and invalid messages.

mod answers;
mod calls;
mod fuzz;
mod login;
mod notifications;
mod refunds;

use super::testing::{APP_ID, OUT_TRADE_NO, SELLER_ID, TRADE_NO};
use crate::{
    base::{clock::Timestamp, http_client::test_server::TestServer, money::Fen},
    payments::gateway::{PaidClaim, Provider},
};

/// The address of the gateway that a test server stands in for.
fn address(server: &TestServer) -> String {
    format!("{}/gateway.do", server.base_url())
}

/// The claim of [`super::testing::paid`] and of [`calls::TRADE`].
fn paid_claim() -> PaidClaim {
    PaidClaim {
        provider: Provider::Alipay,
        merchant: SELLER_ID.to_owned(),
        app_id: APP_ID.to_owned(),
        out_trade_no: OUT_TRADE_NO.to_owned(),
        transaction_id: TRADE_NO.to_owned(),
        amount: Fen::new(2000).unwrap(),
        payer: vec!["o-1".to_owned()],
        paid_at: Timestamp::parse_rfc3339("2026-01-05T09:31:07+08:00").unwrap(),
    }
}
