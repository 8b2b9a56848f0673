//! Bills of WeChat Pay: where they are fetched from, and how they are read.
//!
//! Invariant: a file is used only if its bytes have the hash in an answer whose signature verified,
//! and its rows add up to its summary. The download itself is not signed.
//! Invariant: that a day has no transactions is believed only if a signed answer says so, or the signed
//! fund-flow bill of the day has none. WeChat need not sign refusals, and anybody could have written one.
//! Invariant: a file is fetched only from `bill_hosts`.

mod cells;
mod flow;
mod packed;
mod table;
#[cfg(test)]
mod tests;
mod trade;

use self::{flow::Statement, trade::TradeRows};
use super::{
    WechatPay, fresh_nonce,
    signing::{self, Request},
    unsigned,
};
use crate::{
    base::clock::{Day, Timestamp},
    orders::fact::Provider,
    payments::gateway::{GatewayError, PaymentGateway},
    providers::bill_file::{Fetching, Packed, Wanted},
    reconciliation::{BadBill, Bill, BillError, BillRows, BillSource},
};
use async_trait::async_trait;
use reqwest::{Method, header};
use serde::Deserialize;
use std::{io::Read, sync::Arc};

const TRADE: &str = "trade bill";
const FLOW: &str = "fund-flow bill";
/// The code of a day without transactions, normalised.
const NO_STATEMENT: &str = "NOSTATEMENTEXIST";
/// The code of a bill that is not made yet, normalised.
const CREATING: &str = "STATEMENTCREATING";

/// WeChat's answer to the question for a bill.
#[derive(Deserialize)]
struct Offer {
    hash_type: String,
    hash_value: String,
    download_url: String,
}

#[async_trait]
impl BillSource for WechatPay {
    fn provider(&self) -> Provider {
        PaymentGateway::provider(self)
    }

    fn merchant(&self) -> &str {
        &self.merchant.mch_id
    }

    async fn bill(&self, day: Day, now: Timestamp) -> Result<Bill, BillError> {
        let path = format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL&tar_type=GZIP");
        let trade = self.file(TRADE, &path, now).await?;
        if let Offered::Nothing { is_signed: true } = trade {
            return Ok(Bill::empty());
        }
        let path =
            format!("/v3/bill/fundflowbill?bill_date={day}&account_type=BASIC&tar_type=GZIP");
        let flow = self.file(FLOW, &path, now).await?;
        let wanted = Wanted { merchant: self.merchant.mch_id.clone(), day };
        // Reading a large file takes as long as many requests.
        let reading = tokio::task::spawn_blocking(move || match trade {
            Offered::File(trade) => read(trade, &flow, &wanted),
            Offered::Nothing { .. } => empty_by(&flow, &wanted),
        });
        reading.await.map_err(|_| BillError::Unknown)?
    }
}

/// What WeChat answers to the question for a bill.
enum Offered {
    /// There is one.
    File(Fetched),
    /// There is none.
    Nothing {
        /// Whether the answer was signed.
        is_signed: bool,
    },
}

/// A file, and the hash that WeChat signed for it.
struct Fetched {
    packed: Packed,
    hash: String,
}

impl WechatPay {
    /// Asks for a file and fetches it.
    async fn file(
        &self,
        name: &'static str,
        path: &str,
        now: Timestamp,
    ) -> Result<Offered, BillError> {
        let answer = self.exchange(Method::GET, path, Vec::new(), now).await.map_err(of_call)?;
        let checked = match answer.success(&self.keys, now) {
            Ok(checked) => checked,
            Err(GatewayError::Refused { code }) if code == NO_STATEMENT => {
                return Ok(Offered::Nothing { is_signed: answer.is_authentic(&self.keys, now) });
            }
            Err(error) => return Err(of_call(error)),
        };
        let offer: Offer =
            serde_json::from_slice(checked.bytes()).map_err(|_| BillError::Unknown)?;
        if !offer.hash_type.eq_ignore_ascii_case("SHA1") {
            tracing::warn!(name, "WeChat Pay: the hash of the bill is of an unknown type");
            return Err(BillError::Unknown);
        }
        let packed = self.download(&offer.download_url, now).await?;
        let packed = packed.map_err(|bad| BillError::Bad { file: name, bad })?;
        Ok(Offered::File(Fetched { packed, hash: offer.hash_value }))
    }

    /// Fetches a file. The answer is not signed.
    async fn download(
        &self,
        url: &str,
        now: Timestamp,
    ) -> Result<Result<Packed, BadBill>, BillError> {
        let scheme = self.origin.split("://").next().unwrap_or_default();
        let fetching = Fetching { hosts: &self.bill_hosts, scheme, name: "WeChat Pay" };
        let url = fetching.allowed(url)?;
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path_and_query = format!("{}{query}", url.path());
        let request = Request { method: "GET", path_and_query: &path_and_query, body: b"" };
        let nonce = fresh_nonce();
        let signed = signing::authorization(&self.signer, &request, now.seconds(), &nonce);
        let request = self
            .http
            .get(url)
            .header(header::AUTHORIZATION, signed.map_err(unsigned).map_err(of_call)?)
            .header(header::ACCEPT, "application/json");
        fetching.fetch(request).await
    }
}

/// Checks both files whole, and leaves the rows of the first to be read again.
fn read(trade: Fetched, flow: &Offered, wanted: &Wanted) -> Result<Bill, BillError> {
    let bad = |bad| BillError::Bad { file: TRADE, bad };
    let Fetched { packed, hash } = trade;
    let check = |from: &mut dyn Read| TradeRows::open(from, wanted.clone())?.check();
    let count = packed.read_hashed(&hash, check).map_err(bad)?;
    let flow = read_flow(flow, wanted)?.map(|statement| Arc::new(statement.flow));
    let wanted = wanted.clone();
    let rows = move || TradeRows::open(packed.unpacked(), wanted.clone());
    let rows = BillRows::new(move || Ok(Box::new(rows()?)));
    Ok(Bill { count, flow, rows, hash: hash.to_ascii_lowercase() })
}

/// A day that an unsigned answer calls empty, if the fund-flow bill confirms it.
fn empty_by(flow: &Offered, wanted: &Wanted) -> Result<Bill, BillError> {
    let is_confirmed = match flow {
        Offered::Nothing { is_signed } => *is_signed,
        Offered::File(_) => read_flow(flow, wanted)?.is_some_and(|statement| statement.trades == 0),
    };
    if is_confirmed {
        return Ok(Bill::empty());
    }
    tracing::warn!(
        "WeChat Pay: an unsigned answer says that there is no bill, and nothing confirms it"
    );
    Err(BillError::NotReady)
}

fn read_flow(flow: &Offered, wanted: &Wanted) -> Result<Option<Statement>, BillError> {
    let Offered::File(flow) = flow else { return Ok(None) };
    let read = flow.packed.read_hashed(&flow.hash, |from| flow::read(from, wanted));
    read.map(Some).map_err(|bad| BillError::Bad { file: FLOW, bad })
}

fn of_call(error: GatewayError) -> BillError {
    match error {
        GatewayError::Refused { code } if code == CREATING => BillError::NotReady,
        GatewayError::Refused { code } => BillError::Refused(code),
        GatewayError::Throttled { .. } => BillError::Throttled,
        GatewayError::Unknown => BillError::Unknown,
    }
}
