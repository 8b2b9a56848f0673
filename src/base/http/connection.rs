//! The time limits of a connection: whatever a client leaves unfinished, its connection ends.
//!
//! actix-http limits the first head of a connection and how long it may be idle. It limits neither
//! a later head, nor the rest of a body that nobody reads, nor a client that does not read its
//! answer.

use std::{
    cell::Cell,
    fmt, io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// How long a client may take for each part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// The head.
    pub head: Duration,
    /// The body, from when it is waited for.
    pub body: Duration,
    /// The body, once the server stops.
    pub last_body: Duration,
    /// The rest, from the end of the head to the end of the answer.
    pub request: Duration,
}

impl Default for TimeLimits {
    /// An answer may wait 25 s for events, and a statement of the database 30 s for its turn.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            last_body: Duration::from_secs(2),
            request: Duration::from_secs(90),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A head is being received.
    Head,
    /// A request is being answered.
    Request,
    /// The last request was answered, or its answer is being sent.
    Answered,
}

/// How far the current request is. Shared by a connection and its requests.
#[derive(Clone)]
pub struct RequestProgress(Rc<State>);

struct State {
    limits: TimeLimits,
    phase: Cell<Phase>,
    due: Cell<Instant>,
}

impl RequestProgress {
    fn new(limits: TimeLimits) -> Self {
        // The first head is answered with 408 when its time is over: that comes before this limit.
        let due = Instant::now() + limits.head * 3 / 2;
        Self(Rc::new(State { limits, phase: Cell::new(Phase::Head), due: Cell::new(due) }))
    }

    fn enter(&self, phase: Phase, limit: Duration) {
        self.0.phase.set(phase);
        self.0.due.set(Instant::now() + limit);
    }

    /// A head is complete.
    pub(super) fn head_received(&self) {
        self.enter(Phase::Request, self.0.limits.request);
    }

    /// The answer is being sent, within the time of the request.
    pub(super) fn answered(&self) {
        self.0.phase.set(Phase::Answered);
    }

    /// The time of a request, or of a head, is over.
    fn is_over(&self) -> bool {
        self.0.phase.get() != Phase::Answered && Instant::now() >= self.0.due.get()
    }

    /// After an answer, whatever is received belongs to the next head, or is the rest of a body that
    /// is thrown away.
    fn received(&self) {
        if self.0.phase.get() == Phase::Answered {
            self.enter(Phase::Head, self.0.limits.head);
        }
    }
}

impl fmt::Debug for RequestProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestProgress").field("due", &self.0.due.get()).finish_non_exhaustive()
    }
}

/// A connection that fails with `TimedOut` when the time of its current request is over.
#[derive(Debug)]
pub(super) struct Connection<T> {
    stream: T,
    progress: RequestProgress,
    /// Set to the time that is due, or to an earlier one.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<T> Connection<T> {
    pub(super) fn new(stream: T, limits: TimeLimits) -> Self {
        metrics::gauge!("onecard_http_connections").increment(1.0);
        Self { stream, progress: RequestProgress::new(limits), timer: None }
    }

    pub(super) fn progress(&self) -> RequestProgress {
        self.progress.clone()
    }

    /// Ready, with an error, once the time is over.
    fn poll_late<R>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<R>> {
        let due = self.progress.0.due.get();
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() > due {
            timer.as_mut().reset(due);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= due {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            timer.as_mut().reset(due);
        }
    }
}

impl<T> Drop for Connection<T> {
    fn drop(&mut self) {
        metrics::gauge!("onecard_http_connections").decrement(1.0);
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            return self.poll_late(context);
        }
        // A client that always has more to send never lets the socket wait.
        if self.progress.is_over() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if buffer.filled().len() > before {
            self.progress.received();
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_pending() { self.poll_late(context) } else { written }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
