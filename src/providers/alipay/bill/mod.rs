//! Bills of Alipay: where they are fetched from, and how they are read.
//!
//! Invariant: the address comes from an answer whose signature verified, and is used at once: it is
//! good for 30 seconds. The file is not signed and has no hash: its checksums must fit, it must end,
//! and its rows must add up to its summary.
//! Invariant: a file is fetched only from `bill_hosts`.
//! Invariant: that a day has no transactions is believed only if a signed answer says so.

mod archive;
mod rows;
mod sheet;
#[cfg(test)]
mod tests;

use self::rows::DetailRows;
use super::{Alipay, answer::Failure, client::Outcome};
use crate::{
    base::clock::{Day, Timestamp},
    orders::fact::Provider,
    payments::gateway::{GatewayError, PaymentGateway},
    providers::bill_file::{Fetching, Packed, Wanted},
    reconciliation::{BadBill, Bill, BillError, BillRows, BillSource},
};
use async_trait::async_trait;
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

const DOWNLOAD_URL: &str = "alipay.data.dataservice.bill.downloadurl.query";
/// What refusals of a file call it.
const FILE: &str = "trade bill";
/// The code of a day without transactions.
const EMPTY: &str = "EMPTY_DATA_WITH_BILL_FILE";

#[derive(Serialize)]
struct WhichBill {
    bill_type: &'static str,
    bill_date: String,
}

/// Alipay's answer to the question for a bill.
#[derive(Deserialize)]
struct Offer {
    bill_download_url: String,
    bill_file_code: Option<String>,
}

#[async_trait]
impl BillSource for Alipay {
    fn provider(&self) -> Provider {
        PaymentGateway::provider(self)
    }

    fn merchant(&self) -> &str {
        &self.shop.seller_id
    }

    async fn bill(&self, day: Day, now: Timestamp) -> Result<Bill, BillError> {
        let Some(url) = self.bill_url(day, now).await? else { return Ok(Bill::empty()) };
        let scheme = self.api.gateway_url.scheme();
        let fetching = Fetching { hosts: &self.bill_hosts, scheme, name: "Alipay" };
        let url = fetching.allowed(&url)?;
        let packed = fetching.fetch(self.api.http.get(url)).await?;
        let packed = packed.map_err(of_file)?;
        let wanted = Wanted { merchant: self.shop.seller_id.clone(), day };
        // Reading a large file takes as long as many requests.
        let reading = tokio::task::spawn_blocking(move || read(&packed, &wanted));
        reading.await.map_err(|_| BillError::Unknown)?.map_err(of_file)
    }
}

impl Alipay {
    /// Asks where the bill of a day is; `None` where the day has no transactions.
    async fn bill_url(&self, day: Day, now: Timestamp) -> Result<Option<String>, BillError> {
        let which = WhichBill { bill_type: "trade", bill_date: day.to_string() };
        match self.api.call(DOWNLOAD_URL, &which, "", now).await.map_err(of_call)? {
            Outcome::Done(checked, _) => {
                let offer: Offer =
                    serde_json::from_str(checked.text()).map_err(|_| BillError::Unknown)?;
                let is_empty = offer.bill_file_code.as_deref() == Some(EMPTY);
                Ok((!is_empty).then_some(offer.bill_download_url))
            }
            Outcome::Failed(failure) => of_failure(failure),
        }
    }
}

/// What a refusal means; Alipay puts different prefixes before these codes.
fn of_failure(failure: Failure) -> Result<Option<String>, BillError> {
    match failure.sub_code.rsplit('.').next().unwrap_or_default() {
        "NO_BILL_DATA" if failure.signed => Ok(None),
        "NO_BILL_DATA" => {
            tracing::warn!("Alipay: an unsigned answer says that there is no bill");
            Err(BillError::NotReady)
        }
        "BILL_NOT_EXIST" => Err(BillError::NotReady),
        "UNKNOWN_ERROR" => Err(BillError::Unknown),
        _ => Err(of_call(failure.into_error())),
    }
}

/// Checks both files whole, and leaves the rows of the detail to be read again.
fn read(packed: &Packed, wanted: &Wanted) -> Result<Bill, BadBill> {
    let files = archive::open(packed)?;
    let (detail, summary) = (files.detail, files.summary.unpacked()?);
    let of = wanted.clone();
    let rows = move || DetailRows::open(detail.unpacked()?, of.clone());
    let added = rows()?.check()?;
    rows::check_summary(summary, wanted, &added)?;
    let hash = hex::encode(digest::digest(&digest::SHA256, packed.as_ref()));
    let count = added.payments + added.refunds;
    let rows = BillRows::new(move || Ok(Box::new(rows()?)));
    Ok(Bill { hash, count, flow: None, rows })
}

fn of_file(bad: BadBill) -> BillError {
    BillError::Bad { file: FILE, bad }
}

fn of_call(error: GatewayError) -> BillError {
    match error {
        GatewayError::Refused { code } => BillError::Refused(code),
        GatewayError::Throttled { .. } => BillError::Throttled,
        GatewayError::Unknown => BillError::Unknown,
    }
}
