//! The acts of a till: rising sequence numbers, and requests that are stored before they are sent
//! and repeated until they are answered.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::TillKey;
use super::wire::{Answer, Request, Wire};
use crate::clock::{Clock, SystemClock};

/// Older than the server accepts.
const STALE_SECONDS: i64 = 120;

/// What goes wrong on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TillFault {
    /// The request is sent twice at the same time, each with a signature of its own.
    Twice,
    /// The signature's time is two minutes old.
    Stale,
    /// The answer is thrown away, as if the network had lost it.
    DropAnswer,
}

/// The purpose of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    Charge,
    Password,
    Reversal,
}

/// The result of an act.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub what: RequestKind,
    pub seq: i64,
    /// `null` if none arrived.
    pub answer: Option<Answer>,
    /// The second answer, where the request was sent twice.
    pub second: Option<Answer>,
    /// True until a final answer arrived: then the act can be repeated under its number, or
    /// forgotten.
    pub pending: bool,
}

/// Why the till did nothing.
#[derive(Debug, thiserror::Error)]
pub enum TillRefusal {
    #[error("没有这台终端")]
    NoSuchTill,
    #[error("上一笔还没有结果，请先重发或放弃")]
    Pending,
    #[error("没有需要重发的请求")]
    NothingPending,
    #[error("没有要输入密码的交易")]
    NoChallenge,
    #[error("没有可以撤销的交易")]
    NothingCharged,
    #[error("连不上服务器，或终端还没有登记")]
    Away(Option<Answer>),
}

/// The memory of a till.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last sequence number used; the server is asked for it at the start.
    seq: Option<i64>,
    pending: Option<Pending>,
    challenge: Option<Challenge>,
    charged: Option<i64>,
    /// By how many seconds the server's clock is ahead of this one.
    server_ahead: i64,
}

#[derive(Debug, Clone)]
struct Pending {
    what: RequestKind,
    seq: i64,
    target: String,
    body: String,
}

#[derive(Debug)]
struct Challenge {
    seq: i64,
    token: String,
    amount_fen: i64,
}

/// A till during an act, with exclusive access to its memory.
pub(super) struct AtWork<'a> {
    pub(super) key: &'a TillKey,
    pub(super) wire: &'a Wire,
    pub(super) memory: &'a mut Memory,
}

impl AtWork<'_> {
    /// Asks for the configuration; the first time it also takes the last sequence number from it.
    pub(super) async fn config(&mut self) -> Result<Value, TillRefusal> {
        let request = Request { method: "GET", target: "/terminal/v1/config", body: "" };
        let answer = self.wire.send(self.key, request, self.now()).await;
        let Some(Answer { status: 200, body }) = answer else {
            self.set_clock(answer.as_ref());
            return Err(TillRefusal::Away(answer));
        };
        if self.memory.seq.is_none() {
            self.memory.seq = body.get("last_seq").and_then(Value::as_i64);
        }
        Ok(body)
    }

    pub(super) async fn charge(
        &mut self,
        (code, amount_fen): (&str, i64),
        fault: Option<TillFault>,
    ) -> Result<Report, TillRefusal> {
        if self.memory.pending.is_some() {
            return Err(TillRefusal::Pending);
        }
        let seq = self.next_seq().await?;
        let body = json!({ "seq": seq, "code": code, "amount_fen": amount_fen }).to_string();
        let target = "/terminal/v1/charges".to_owned();
        self.memory.challenge = None;
        Ok(self.begin(Pending { what: RequestKind::Charge, seq, target, body }, fault).await)
    }

    /// The password that the answer to the last charge asked for.
    pub(super) async fn password(
        &mut self,
        password: &str,
        fault: Option<TillFault>,
    ) -> Result<Report, TillRefusal> {
        let Challenge { seq, token, amount_fen } =
            self.memory.challenge.take().ok_or(TillRefusal::NoChallenge)?;
        let body = json!({
            "seq": seq, "challenge": token, "amount_fen": amount_fen, "password": password,
        });
        let (target, body) = ("/terminal/v1/charges".to_owned(), body.to_string());
        Ok(self.begin(Pending { what: RequestKind::Password, seq, target, body }, fault).await)
    }

    /// Reverses the last charge, even one that is not answered yet.
    pub(super) async fn reverse(
        &mut self,
        fault: Option<TillFault>,
    ) -> Result<Report, TillRefusal> {
        let unknown = self.memory.pending.as_ref().map(|pending| pending.seq);
        let seq = unknown.or(self.memory.charged).ok_or(TillRefusal::NothingCharged)?;
        let target = format!("/terminal/v1/charges/{seq}/reversal");
        let body = "{}".to_owned();
        Ok(self.begin(Pending { what: RequestKind::Reversal, seq, target, body }, fault).await)
    }

    /// Sends the unanswered request again, with the same number and the same body.
    pub(super) async fn repeat(&mut self) -> Result<Report, TillRefusal> {
        let pending = self.memory.pending.clone().ok_or(TillRefusal::NothingPending)?;
        Ok(self.begin(pending, None).await)
    }

    /// Gives up on the unanswered request. Its number stays used.
    pub(super) fn forget(&mut self) -> Result<(), TillRefusal> {
        self.memory.pending.take().map(drop).ok_or(TillRefusal::NothingPending)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.memory.pending.is_some()
    }

    async fn next_seq(&mut self) -> Result<i64, TillRefusal> {
        if self.memory.seq.is_none() {
            self.config().await?;
        }
        let seq = self.memory.seq.and_then(|seq| seq.checked_add(1));
        let seq = seq.ok_or(TillRefusal::Away(None))?;
        self.memory.seq = Some(seq);
        Ok(seq)
    }

    /// Stores a request, sends it, and removes it if the answer is final.
    async fn begin(&mut self, pending: Pending, fault: Option<TillFault>) -> Report {
        let Pending { what, seq, ref target, ref body } = pending;
        let request = Request { method: "POST", target, body };
        self.memory.pending = Some(pending.clone());
        let (answer, second) = self.send(request, fault).await;
        let kept = answer.as_ref().filter(|answer| answer.is_kept());
        if let Some(kept) = kept {
            self.memory.pending = None;
            self.learn(&pending, kept);
        }
        self.set_clock(answer.as_ref());
        let pending = self.is_pending();
        Report { what, seq, answer, second, pending }
    }

    async fn send(
        &self,
        request: Request<'_>,
        fault: Option<TillFault>,
    ) -> (Option<Answer>, Option<Answer>) {
        let once = |created| self.wire.send(self.key, request, created);
        match fault {
            None => (once(self.now()).await, None),
            Some(TillFault::Twice) => tokio::join!(once(self.now()), once(self.now())),
            Some(TillFault::Stale) => (once(self.now() - STALE_SECONDS).await, None),
            Some(TillFault::DropAnswer) => {
                drop(once(self.now()).await);
                (None, None)
            }
        }
    }

    fn learn(&mut self, pending: &Pending, answer: &Answer) {
        let text = |name: &str| answer.body.get(name).and_then(Value::as_str);
        match (pending.what, answer.status) {
            (RequestKind::Charge | RequestKind::Password, 200) => {
                self.memory.charged = Some(pending.seq);
            }
            (RequestKind::Reversal, 200) => self.memory.charged = None,
            (RequestKind::Charge, 409) if text("code") == Some("password_required") => {
                let asked: Value = serde_json::from_str(&pending.body).unwrap_or_default();
                let amount_fen = asked.get("amount_fen").and_then(Value::as_i64);
                self.memory.challenge =
                    text("challenge").zip(amount_fen).map(|(token, amount_fen)| Challenge {
                        seq: pending.seq,
                        token: token.to_owned(),
                        amount_fen,
                    });
            }
            (RequestKind::Charge | RequestKind::Password | RequestKind::Reversal, _) => {}
        }
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
