//! Carries callbacks to the merchant and keeps a diary of it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::redirect::Policy;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::notification::{Letter, Notification};
use crate::faults::CallbackFault;
use crate::state::lock;

/// The merchant must have answered by then, network included.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const DIARY_LENGTH: usize = 500;
const ANSWER_BYTES_KEPT: usize = 1024;

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// `body`: the first 1024 bytes.
    Answered {
        status: u16,
        body: String,
    },
    NoAnswer {
        reason: &'static str,
    },
}

impl Outcome {
    /// WeChat counts any 2xx, whatever the body says.
    pub fn accepted(&self) -> bool {
        match self {
            Self::Answered { status, .. } => (200..300).contains(status),
            Self::NoAnswer { .. } => false,
        }
    }

    /// What was answered, or nothing.
    pub fn body(&self) -> &str {
        match self {
            Self::Answered { body, .. } => body,
            Self::NoAnswer { .. } => "",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status, .. } => write!(f, "{status}"),
            Self::NoAnswer { reason } => f.write_str(reason),
        }
    }
}

/// One try of one notification.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// Grows by one with every try.
    pub number: u64,
    pub out_trade_no: String,
    pub notification_id: String,
    /// Which key signed it: `PUB_KEY_ID_…`, or the serial number of a certificate.
    pub serial: String,
    /// What went wrong with it on demand.
    pub fault: Option<CallbackFault>,
    pub sent_at: DateTime<Utc>,
    pub took_ms: u64,
    pub outcome: Outcome,
}

#[derive(Debug, Default)]
struct Diary {
    written: u64,
    newest_first: VecDeque<Delivery>,
}

#[derive(Debug)]
pub(super) struct Courier {
    http: reqwest::Client,
    diary: Mutex<Diary>,
    errands: Mutex<JoinSet<()>>,
    /// Of whoever started the sandbox: web workers come and go with their requests.
    runtime: Handle,
}

impl Courier {
    /// Must be called inside a tokio runtime, which then runs the errands.
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(ANSWER_WITHIN)
            .redirect(Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self {
            http,
            diary: Mutex::default(),
            errands: Mutex::default(),
            runtime: Handle::current(),
        })
    }

    /// Runs in the background until it is done or the sandbox stops.
    pub(super) fn run(&self, errand: impl Future<Output = ()> + Send + 'static) {
        let mut errands = lock(&self.errands);
        while errands.try_join_next().is_some() {}
        errands.spawn_on(errand, &self.runtime);
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(super) fn stop(&self) {
        lock(&self.errands).abort_all();
    }

    /// The last 500 tries, newest first.
    pub(super) fn diary(&self) -> Vec<Delivery> {
        lock(&self.diary).newest_first.iter().cloned().collect()
    }

    /// One try, from sending to the last byte that is waited for.
    pub(super) async fn carry(
        &self,
        notification: &Notification,
        letter: Letter,
        now: DateTime<Utc>,
        fault: Option<CallbackFault>,
    ) -> Outcome {
        let mut delivery = Delivery {
            number: 0,
            out_trade_no: notification.out_trade_no.clone(),
            notification_id: notification.id.clone(),
            serial: letter.serial(),
            fault,
            sent_at: now,
            took_ms: 0,
            outcome: Outcome::NoAnswer { reason: "途中丢失" },
        };
        let start = Instant::now();
        if fault != Some(CallbackFault::Drop) {
            delivery.outcome = self.answer_to(letter).await;
        }
        if fault == Some(CallbackFault::AnswerLost) {
            delivery.outcome = Outcome::NoAnswer { reason: "应答丢失" };
        }
        delivery.took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let outcome = delivery.outcome.clone();
        self.write_down(delivery);
        outcome
    }

    async fn answer_to(&self, letter: Letter) -> Outcome {
        self.send(letter).await.unwrap_or_else(|error| Outcome::NoAnswer {
            reason: if error.is_timeout() { "超时" } else { "无法连接" },
        })
    }

    async fn send(&self, letter: Letter) -> Result<Outcome, reqwest::Error> {
        let request = self.http.post(letter.notify_url).headers(letter.headers).body(letter.body);
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() >= ANSWER_BYTES_KEPT {
                body.truncate(ANSWER_BYTES_KEPT);
                break;
            }
        }
        Ok(Outcome::Answered { status, body: String::from_utf8_lossy(&body).into_owned() })
    }

    fn write_down(&self, delivery: Delivery) {
        let mut diary = lock(&self.diary);
        diary.written += 1;
        let delivery = Delivery { number: diary.written, ..delivery };
        diary.newest_first.push_front(delivery);
        diary.newest_first.truncate(DIARY_LENGTH);
    }
}
