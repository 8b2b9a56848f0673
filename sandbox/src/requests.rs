//! The log of merchants' requests to all providers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage, HttpRequest};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::changes::Changes;
use crate::endpoint::Endpoint;
use crate::faults::RequestFault;
use crate::state::lock;

const LOG_LENGTH: usize = 1000;
const MOST_PATH_CHARS: usize = 256;

/// The merchant's number of what a request is about, stored in the request extensions.
#[derive(Debug, Clone)]
pub(crate) struct About(String);

/// Tells the log what the request is about, such as an order number.
pub(crate) fn set_about(request: &HttpRequest, number: &str) {
    request.extensions_mut().insert(About(number.to_owned()));
}

/// One request of a merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Grows by one with every request.
    pub number: u64,
    pub at: DateTime<Utc>,
    pub endpoint: Endpoint,
    pub method: String,
    /// Without the query, which may hold secrets.
    pub path: String,
    /// The merchant's number of what it is about, where that could be read.
    #[serde(rename = "out_trade_no")]
    pub about: Option<String>,
    /// What went wrong with it on demand.
    pub fault: Option<RequestFault>,
    /// `None` until it is answered.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub struct Requests {
    log: Mutex<RequestLog>,
    changes: Changes,
}

#[derive(Debug, Default)]
struct RequestLog {
    counts: BTreeMap<Endpoint, u64>,
    written: u64,
    newest_first: VecDeque<Asked>,
}

impl Requests {
    /// How often that was asked for since the start or since [`Requests::forget`].
    pub fn count(&self, endpoint: Endpoint) -> u64 {
        lock(&self.log).counts.get(&endpoint).copied().unwrap_or_default()
    }

    pub fn counts(&self) -> BTreeMap<Endpoint, u64> {
        lock(&self.log).counts.clone()
    }

    /// The last 1000 requests, newest first.
    pub fn log(&self) -> Vec<Asked> {
        lock(&self.log).newest_first.iter().cloned().collect()
    }

    /// Those of them that were about this number, oldest first.
    pub fn about(&self, number: &str) -> Vec<Asked> {
        let mut asked = self.log();
        asked.retain(|asked| asked.about.as_deref() == Some(number));
        asked.reverse();
        asked
    }

    /// Empties the log and resets the counts.
    pub fn forget(&self) {
        let mut log = lock(&self.log);
        log.counts.clear();
        log.newest_first.clear();
    }

    /// Waits until that was asked for so often. Callers bound the time.
    pub async fn until(&self, endpoint: Endpoint, times: u64) {
        self.changes.until(|| (self.count(endpoint) >= times).then_some(())).await;
    }

    pub(crate) fn begin(
        &self,
        endpoint: Endpoint,
        request: &ServiceRequest,
        fault: Option<RequestFault>,
        at: DateTime<Utc>,
    ) -> u64 {
        let mut log = lock(&self.log);
        *log.counts.entry(endpoint).or_default() += 1;
        log.written += 1;
        let number = log.written;
        log.newest_first.push_front(Asked {
            number,
            at,
            endpoint,
            method: request.method().to_string(),
            path: request.path().chars().take(MOST_PATH_CHARS).collect(),
            about: None,
            fault,
            status: None,
        });
        log.newest_first.truncate(LOG_LENGTH);
        drop(log);
        self.changes.notify();
        number
    }

    pub(crate) fn end(&self, number: u64, status: u16, about: Option<About>) {
        let mut log = lock(&self.log);
        if let Some(asked) = log.newest_first.iter_mut().find(|asked| asked.number == number) {
            asked.status = Some(status);
            asked.about = about.map(|number| number.0);
        }
        drop(log);
        self.changes.notify();
    }
}
