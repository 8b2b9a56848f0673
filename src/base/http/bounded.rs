//! The time limit of a request's body, for every reader of it.

use super::BodyLimits;
use actix_web::{dev::Payload, error::PayloadError, web::Bytes};
use futures_util::{Stream, future::LocalBoxFuture};
use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

/// The body was not complete in time.
pub(super) const LATE: io::ErrorKind = io::ErrorKind::TimedOut;
/// The server is stopping, and waits for bodies no longer.
pub(super) const STOPPING: io::ErrorKind = io::ErrorKind::ConnectionAborted;

/// How long the body of a request is waited for: a handler that knows who sends it may wait longer.
#[derive(Clone)]
pub(super) struct Patience(Rc<Cell<Duration>>);

impl Patience {
    /// Sets how long, for a body that was not waited for yet.
    pub(super) fn set(&self, time: Duration) {
        self.0.set(time);
    }
}

/// A body that ends with an error of the kind [`LATE`] or [`STOPPING`] if it is waited for too long.
struct Bounded {
    payload: Payload,
    limits: BodyLimits,
    patience: Patience,
    /// Set once the body is waited for.
    end: Option<LocalBoxFuture<'static, io::ErrorKind>>,
}

/// The payload with its time limit, and what changes the limit.
pub(super) fn bounded(payload: Payload, limits: &BodyLimits) -> (Payload, Patience) {
    let patience = Patience(Rc::new(Cell::new(limits.time)));
    if matches!(payload, Payload::None) {
        return (payload, patience);
    }
    let (limits, same) = (limits.clone(), patience.clone());
    let bounded = Bounded { payload, limits, patience: same, end: None };
    (Payload::Stream { payload: Box::pin(bounded) }, patience)
}

impl Stream for Bounded {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let next = Pin::new(&mut this.payload).poll_next(context);
        if next.is_ready() {
            return next;
        }
        let (limits, time) = (&this.limits, this.patience.0.get());
        let end = this.end.get_or_insert_with(|| Box::pin(over(limits.clone(), time)));
        end.as_mut().poll(context).map(|kind| Some(Err(PayloadError::Io(kind.into()))))
    }
}

/// Ends when a body is waited for no longer.
async fn over(limits: BodyLimits, time: Duration) -> io::ErrorKind {
    let stopped = async {
        limits.stopping.cancelled().await;
        tokio::time::sleep(limits.last).await;
    };
    match tokio::time::timeout(time, stopped).await {
        Ok(()) => STOPPING,
        Err(_) => LATE,
    }
}
