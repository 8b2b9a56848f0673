//! The time limit of a request's body, for every reader of it.

use super::BodyLimits;
use actix_web::{dev::Payload, error::PayloadError, web::Bytes};
use futures_util::{Stream, future::LocalBoxFuture};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

/// The body was not complete in time.
pub(super) const LATE: io::ErrorKind = io::ErrorKind::TimedOut;
/// The server is stopping, and waits for bodies no longer.
pub(super) const STOPPING: io::ErrorKind = io::ErrorKind::ConnectionAborted;

/// A body that ends with an error of the kind [`LATE`] or [`STOPPING`] if it is waited for too long.
struct Bounded {
    payload: Payload,
    limits: BodyLimits,
    /// Set once the body is waited for.
    end: Option<LocalBoxFuture<'static, io::ErrorKind>>,
}

/// The payload, with its time limit.
pub(super) fn bounded(payload: Payload, limits: &BodyLimits) -> Payload {
    if matches!(payload, Payload::None) {
        return payload;
    }
    let bounded = Bounded { payload, limits: limits.clone(), end: None };
    Payload::Stream { payload: Box::pin(bounded) }
}

impl Stream for Bounded {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let next = Pin::new(&mut this.payload).poll_next(context);
        if next.is_ready() {
            return next;
        }
        let limits = &this.limits;
        let end = this.end.get_or_insert_with(|| Box::pin(over(limits.clone())));
        end.as_mut().poll(context).map(|kind| Some(Err(PayloadError::Io(kind.into()))))
    }
}

/// Ends when a body is waited for no longer.
async fn over(limits: BodyLimits) -> io::ErrorKind {
    let stopped = async {
        limits.stopping.cancelled().await;
        tokio::time::sleep(limits.last).await;
    };
    match tokio::time::timeout(limits.time, stopped).await {
        Ok(()) => STOPPING,
        Err(_) => LATE,
    }
}
