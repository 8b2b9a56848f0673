//! Sends callbacks over HTTP and logs every try.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::time::Instant;

use chrono::{DateTime, Utc};
use reqwest::redirect::Policy;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::message::{Letter, Message};
use crate::faults::CallbackFault;
use crate::state::lock;

const LOG_LENGTH: usize = 500;
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
    /// The answer, if any.
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
    /// The merchant's number of what it reported on.
    #[serde(rename = "out_trade_no")]
    pub about: String,
    pub notification_id: String,
    /// The key id that the message names as its signer.
    pub serial: String,
    /// What went wrong with it on demand.
    pub fault: Option<CallbackFault>,
    pub sent_at: DateTime<Utc>,
    pub took_ms: u64,
    pub outcome: Outcome,
    /// Whether the provider takes the outcome for an acceptance.
    #[serde(skip)]
    pub accepted: bool,
}

#[derive(Debug, Default)]
struct DeliveryLog {
    written: u64,
    newest_first: VecDeque<Delivery>,
}

#[derive(Debug)]
pub(super) struct Courier {
    http: reqwest::Client,
    log: Mutex<DeliveryLog>,
    errands: Mutex<JoinSet<()>>,
    /// The runtime that started the sandbox: web workers come and go with their requests.
    runtime: Handle,
}

impl Courier {
    /// Must be called inside a tokio runtime, which then runs the errands.
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build()?;
        let (log, errands) = (Mutex::default(), Mutex::default());
        Ok(Self { http, log, errands, runtime: Handle::current() })
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
    pub(super) fn log(&self) -> Vec<Delivery> {
        lock(&self.log).newest_first.iter().cloned().collect()
    }

    /// One try, from sending to the last byte of the answer that is read.
    pub(super) async fn carry(
        &self,
        message: &dyn Message,
        letter: Letter,
        now: DateTime<Utc>,
        fault: Option<CallbackFault>,
    ) -> Delivery {
        let (serial, start) = (letter.key.clone(), Instant::now());
        let outcome = match fault {
            Some(CallbackFault::Drop) => Outcome::NoAnswer { reason: "途中丢失" },
            Some(CallbackFault::AnswerLost) => {
                self.answer_to(message, letter).await;
                Outcome::NoAnswer { reason: "应答丢失" }
            }
            _ => self.answer_to(message, letter).await,
        };
        self.write_down(Delivery {
            number: 0,
            about: message.about().to_owned(),
            notification_id: message.id().to_owned(),
            serial,
            fault,
            sent_at: now,
            took_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            accepted: match &outcome {
                Outcome::Answered { status, body } => (message.terms().accepts)(*status, body),
                Outcome::NoAnswer { .. } => false,
            },
            outcome,
        })
    }

    async fn answer_to(&self, message: &dyn Message, letter: Letter) -> Outcome {
        self.send(message, letter).await.unwrap_or_else(|error| Outcome::NoAnswer {
            reason: if error.is_timeout() { "超时" } else { "无法连接" },
        })
    }

    async fn send(&self, message: &dyn Message, letter: Letter) -> Result<Outcome, reqwest::Error> {
        let request = self.http.post(letter.url).timeout(message.terms().answer_within);
        let mut response = request.headers(letter.headers).body(letter.body).send().await?;
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

    fn write_down(&self, delivery: Delivery) -> Delivery {
        let mut log = lock(&self.log);
        log.written += 1;
        let delivery = Delivery { number: log.written, ..delivery };
        log.newest_first.push_front(delivery.clone());
        log.newest_first.truncate(LOG_LENGTH);
        delivery
    }
}
