//! What merchants asked, and how often.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::faults::RequestFault;
use crate::state::lock;

const LOG_LENGTH: usize = 1000;
const MOST_PATH_CHARS: usize = 256;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `jscode2session`
    Login,
    Prepay,
    /// By either number.
    Query,
    Close,
    Certificates,
    /// Whatever else is asked below `/v3`.
    Other,
}

impl Endpoint {
    pub const ALL: [Self; 6] =
        [Self::Login, Self::Prepay, Self::Query, Self::Close, Self::Certificates, Self::Other];

    /// `None` for what is the sandbox's own.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        if path.starts_with("/sns/") {
            return Some(Self::Login);
        }
        let rest = path.strip_prefix("/v3/")?;
        let post = method == Method::POST;
        Some(match rest.strip_prefix("pay/transactions/") {
            Some("jsapi") if post => Self::Prepay,
            Some(order) if post && order.ends_with("/close") => Self::Close,
            Some(order) if !post && order.contains('/') => Self::Query,
            None if !post && rest == "certificates" => Self::Certificates,
            Some(_) | None => Self::Other,
        })
    }

    /// As JSON writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Prepay => "prepay",
            Self::Query => "query",
            Self::Close => "close",
            Self::Certificates => "certificates",
            Self::Other => "other",
        }
    }

    /// For the control page.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Login => "登录",
            Self::Prepay => "下单",
            Self::Query => "查单",
            Self::Close => "关单",
            Self::Certificates => "平台证书",
            Self::Other => "其他",
        }
    }
}

/// The order that a request is about; its handler puts it beside the request.
#[derive(Debug, Clone)]
pub(crate) struct OutTradeNo(pub(crate) String);

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
    /// The order that it is about, where that could be read.
    pub out_trade_no: Option<String>,
    /// What went wrong with it on demand.
    pub fault: Option<RequestFault>,
    /// `None` while it is under way.
    pub status: Option<u16>,
}

#[derive(Debug)]
pub struct Requests {
    log: Mutex<Log>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Log {
    counts: BTreeMap<Endpoint, u64>,
    written: u64,
    newest_first: VecDeque<Asked>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { log: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Requests {
    /// How often that was asked since the start or since [`Requests::forget`].
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

    /// Those of them that were about this order, oldest first.
    pub fn about(&self, out_trade_no: &str) -> Vec<Asked> {
        let mut asked = self.log();
        asked.retain(|asked| asked.out_trade_no.as_deref() == Some(out_trade_no));
        asked.reverse();
        asked
    }

    /// Starts counting anew.
    pub fn forget(&self) {
        let mut log = lock(&self.log);
        log.counts.clear();
        log.newest_first.clear();
    }

    /// Waits until that was asked so often. Callers bound the time.
    pub async fn until(&self, endpoint: Endpoint, times: u64) {
        let mut changes = self.changes.subscribe();
        // The sender lives in `self`, so this cannot fail.
        drop(changes.wait_for(|_| self.count(endpoint) >= times).await);
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
            out_trade_no: None,
            fault,
            status: None,
        });
        log.newest_first.truncate(LOG_LENGTH);
        drop(log);
        self.changed();
        number
    }

    pub(crate) fn end(&self, number: u64, status: u16, about: Option<OutTradeNo>) {
        let mut log = lock(&self.log);
        if let Some(asked) = log.newest_first.iter_mut().find(|asked| asked.number == number) {
            asked.status = Some(status);
            asked.out_trade_no = about.map(|number| number.0);
        }
        drop(log);
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_known_by_method_and_path() {
        let table = [
            ("GET", "/sns/jscode2session", Some(Endpoint::Login)),
            ("POST", "/v3/pay/transactions/jsapi", Some(Endpoint::Prepay)),
            ("GET", "/v3/pay/transactions/out-trade-no/1", Some(Endpoint::Query)),
            ("GET", "/v3/pay/transactions/id/1", Some(Endpoint::Query)),
            ("POST", "/v3/pay/transactions/out-trade-no/1/close", Some(Endpoint::Close)),
            ("GET", "/v3/certificates", Some(Endpoint::Certificates)),
            ("POST", "/v3/certificates", Some(Endpoint::Other)),
            ("GET", "/v3/pay/transactions/jsapi", Some(Endpoint::Other)),
            ("GET", "/sandbox/api/payments", None),
            ("GET", "/", None),
        ];
        for (method, path, endpoint) in table {
            assert_eq!(Endpoint::of(&method.parse().unwrap(), path), endpoint, "{method} {path}");
        }
    }
}
