//! `GET /api/v1/events`: an event stream, or long polling.

use super::{Feed, FeedError, Listener, TooManyListeners};
use crate::{
    base::{
        clock::Timestamp,
        http::{
            ApiError, Principal,
            problem::{self, Problem},
        },
    },
    events::{Event, Happening, Position},
    sessions::Student,
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{ACCEPT, CONTENT_TYPE, HeaderMap},
    web::{Bytes, Data, Query},
};
use futures_util::stream::{self, Stream, StreamExt as _};
use serde::{Deserialize, Serialize};
use std::{fmt::Write as _, time::Duration};

/// When a client may try again after too many were waiting.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long a browser waits before it reopens an ended stream, in milliseconds.
const REOPEN_MS: u32 = 500;

/// The start position.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct After {
    /// The `next_after` of the previous response, or the `id` of the last event received. Without
    /// it, only new events are returned.
    after: Option<i64>,
}

/// An event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventView {
    /// Its number, which rises with each event of the person.
    #[schema(value_type = i64)]
    id: Position,
    #[schema(value_type = String)]
    at: Timestamp,
    #[serde(flatten)]
    what: Happening,
}

/// A batch of events.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventList {
    /// Oldest first, at most 100.
    items: Vec<EventView>,
    /// The `after` of the next request.
    #[schema(value_type = i64)]
    next_after: Position,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self { id: event.number, at: event.at, what: event.what }
    }
}

/// Events of the card, as they happen.
///
/// With `Accept: application/json`, responds once: immediately if there are events or `after` is
/// missing, otherwise as soon as there is one, or without items after 25 s. Without it, responds
/// with a stream of 25 s, whose events have their number as id.
#[utoipa::path(
    tag = "events",
    params(
        After,
        ("Last-Event-ID" = Option<i64>, Header, description = "Goes before `after`"),
    ),
    responses(
        (
            status = 200,
            content((EventList = "application/json"), (String = "text/event-stream")),
            description = "Events"
        ),
        (status = 429, body = Problem, description = "Four connections of the session are waiting"),
        (status = 503, body = Problem, description = "Too many connections are waiting at this server"),
    ),
    security(("bearer" = []))
)]
#[get("/api/v1/events")]
pub async fn events(
    student: Principal<Student>,
    after: Query<After>,
    request: HttpRequest,
    feed: Data<Feed>,
) -> Result<HttpResponse, ApiError> {
    let heard = last_event_id(request.headers()).or(after.after).map(Position::new);
    let mut listener = feed.listen(&student, heard).await?;
    if !wants_json(request.headers()) {
        return Ok(streamed(stream_of(listener)));
    }
    let news = if listener.goes_on() { listener.next().await? } else { Vec::new() };
    let items = news.into_iter().map(EventView::from).collect();
    Ok(HttpResponse::Ok().json(EventList { items, next_after: listener.position() }))
}

fn last_event_id(headers: &HeaderMap) -> Option<i64> {
    headers.get("Last-Event-ID")?.to_str().ok()?.parse().ok()
}

fn wants_json(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).filter_map(|line| line.to_str().ok());
    accepted.any(|line| line.contains("application/json"))
}

fn streamed(parts: impl Stream<Item = Result<Bytes, ApiError>> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        // Keeps proxies from buffering the stream.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(parts)
}

/// Sends the position first, so that a new client knows it, and then events. The stream simply ends
/// when its time is over, the session has ended or the database is unavailable: the client
/// reconnects and gets the error then.
fn stream_of(listener: Listener) -> impl Stream<Item = Result<Bytes, ApiError>> + 'static {
    let hello = format!("retry: {REOPEN_MS}\nid: {}\n\n", listener.position().number());
    let opened = stream::once(std::future::ready(Ok(Bytes::from(hello))));
    let heard = stream::unfold(listener, |mut listener| async move {
        let news = listener.next().await.unwrap_or_else(|error| {
            tracing::info!(%error, "an event stream ends");
            Vec::new()
        });
        (!news.is_empty()).then(|| (Ok(Bytes::from(lines_of(news))), listener))
    });
    opened.chain(heard)
}

fn lines_of(news: Vec<Event>) -> String {
    let mut lines = String::new();
    for event in news {
        let (id, kind) = (event.number.number(), event.what.kind());
        // Parsed from JSON, so it can be serialised.
        let data = serde_json::to_string(&EventView::from(event)).unwrap_or_default();
        let _ = write!(lines, "id: {id}\nevent: {kind}\ndata: {data}\n\n");
    }
    lines
}

impl From<TooManyListeners> for ApiError {
    fn from(limit: TooManyListeners) -> Self {
        let kind = match limit {
            TooManyListeners::Session => problem::RATE_LIMITED,
            TooManyListeners::Server => problem::UNAVAILABLE,
        };
        Self::new(kind).retry_after(RETRY_AFTER)
    }
}

impl From<FeedError> for ApiError {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::TooMany(limit) => limit.into(),
            FeedError::SignedOut => Self::new(problem::UNAUTHENTICATED),
            FeedError::Db(error) => Self::internal(&error),
        }
    }
}
