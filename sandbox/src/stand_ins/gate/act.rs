//! The acts of a gate: rising sequence numbers, and what it does with the answer.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::{Clock, SystemClock};
use crate::stand_ins::till::TillKey;
use crate::stand_ins::till::wire::{Answer, Request, Wire};

/// Older than the server accepts.
const STALE_SECONDS: i64 = 120;
/// A gate whose clock is a day off.
const DAY_SECONDS: i64 = 86_400;

/// What goes wrong on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateFault {
    /// The scanner reads the code twice: two numbers, one after the other.
    DoubleRead,
    /// The request is sent twice at the same time, each with a signature of its own.
    Twice,
    /// The signature's time is two minutes old.
    Stale,
    /// The gate's clock is a day slow.
    DaySlow,
    /// The answer is thrown away, as if the network had lost it.
    DropAnswer,
}

/// What the gate did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateReport {
    pub seq: i64,
    /// Whether the door was released.
    pub open: bool,
    /// `null` if none arrived.
    pub answer: Option<Answer>,
    /// The second answer, where there were two requests.
    pub second: Option<Answer>,
    /// True until a final answer arrived.
    pub pending: bool,
}

/// Why the gate did nothing.
#[derive(Debug, thiserror::Error)]
pub enum GateRefusal {
    #[error("没有这台终端")]
    NoSuchGate,
    #[error("没有需要重发的请求")]
    NothingPending,
    #[error("连不上服务器，或终端还没有登记")]
    Away(Option<Answer>),
}

/// The memory of a gate.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last sequence number used; the server is asked for it at the start.
    seq: Option<i64>,
    /// Number and body of what has no final answer.
    pending: Option<(i64, String)>,
    /// By how many seconds the server's clock is ahead of this one.
    server_ahead: i64,
}

/// A gate during an act, with exclusive access to its memory.
pub(super) struct AtWork<'a> {
    pub(super) key: &'a TillKey,
    pub(super) wire: &'a Wire,
    pub(super) memory: &'a mut Memory,
}

impl AtWork<'_> {
    /// Asks for the configuration; the first time it also takes the last sequence number from it.
    pub(super) async fn config(&mut self) -> Result<Value, GateRefusal> {
        let request = Request { method: "GET", target: "/terminal/v1/config", body: "" };
        let answer = self.wire.send(self.key, request, self.now()).await;
        let Some(Answer { status: 200, body }) = answer else {
            self.set_clock(answer.as_ref());
            return Err(GateRefusal::Away(answer));
        };
        if self.memory.seq.is_none() {
            self.memory.seq = body.get("last_seq").and_then(Value::as_i64);
        }
        Ok(body)
    }

    pub(super) async fn scan(
        &mut self,
        code: &str,
        fault: Option<GateFault>,
    ) -> Result<GateReport, GateRefusal> {
        let first = self.begin(code, fault).await?;
        if fault != Some(GateFault::DoubleRead) {
            return Ok(first);
        }
        let again = self.begin(code, None).await?;
        Ok(GateReport { second: again.answer, pending: again.pending, ..first })
    }

    async fn begin(
        &mut self,
        code: &str,
        fault: Option<GateFault>,
    ) -> Result<GateReport, GateRefusal> {
        let seq = self.next_seq().await?;
        let body = json!({ "seq": seq, "code": code }).to_string();
        self.memory.pending = Some((seq, body));
        self.send(fault).await
    }

    pub(super) async fn repeat(&mut self) -> Result<GateReport, GateRefusal> {
        self.send(None).await
    }

    pub(super) fn is_pending(&self) -> bool {
        self.memory.pending.is_some()
    }

    async fn next_seq(&mut self) -> Result<i64, GateRefusal> {
        if self.memory.seq.is_none() {
            self.config().await?;
        }
        let seq = self.memory.seq.and_then(|seq| seq.checked_add(1));
        let seq = seq.ok_or(GateRefusal::Away(None))?;
        self.memory.seq = Some(seq);
        Ok(seq)
    }

    /// Sends what is pending; an answer that is final removes it.
    async fn send(&mut self, fault: Option<GateFault>) -> Result<GateReport, GateRefusal> {
        let (seq, body) = self.memory.pending.clone().ok_or(GateRefusal::NothingPending)?;
        let request = Request { method: "POST", target: "/terminal/v1/access", body: &body };
        let once = |created| self.wire.send(self.key, request, created);
        let (answer, second) = match fault {
            None | Some(GateFault::DoubleRead) => (once(self.now()).await, None),
            Some(GateFault::Twice) => tokio::join!(once(self.now()), once(self.now())),
            Some(GateFault::Stale) => (once(self.now() - STALE_SECONDS).await, None),
            Some(GateFault::DaySlow) => (once(self.now() - DAY_SECONDS).await, None),
            Some(GateFault::DropAnswer) => {
                drop(once(self.now()).await);
                (None, None)
            }
        };
        if answer.as_ref().is_some_and(Answer::is_kept) {
            self.memory.pending = None;
        }
        self.set_clock(answer.as_ref());
        let open = answer.as_ref().is_some_and(opens);
        Ok(GateReport { seq, open, answer, second, pending: self.is_pending() })
    }

    /// A refusal because of the signature's time carries the server's time.
    fn set_clock(&mut self, answer: Option<&Answer>) {
        let ahead = answer.and_then(|answer| answer.server_ahead(SystemClock.now().timestamp()));
        self.memory.server_ahead = ahead.unwrap_or(self.memory.server_ahead);
    }

    /// The machine's time, not the sandbox's, corrected by the server's where that differs.
    fn now(&self) -> i64 {
        SystemClock.now().timestamp().saturating_add(self.memory.server_ahead)
    }
}

/// Only this releases the door.
fn opens(answer: &Answer) -> bool {
    answer.status == 200 && answer.body.get("decision").and_then(Value::as_str) == Some("open")
}
