//! Events over HTTP: a stream, or one answer that is waited for.

use super::{Feed, FeedError, Full, Listener};
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

/// When somebody for whom there was no room may come again.
const COME_AGAIN: Duration = Duration::from_secs(5);
/// How long a browser waits before it opens an ended stream again, in milliseconds.
const REOPEN_MS: u32 = 500;

/// From where on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct After {
    /// The `next_after` of the answer before, or the `id` of the last event heard. Without it the
    /// events begin now.
    after: Option<i64>,
}

/// An event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventView {
    /// Its number: rises with each event of the person.
    #[schema(value_type = i64)]
    id: Position,
    #[schema(value_type = String)]
    at: Timestamp,
    #[serde(flatten)]
    what: Happening,
}

/// What happened since.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventList {
    /// Oldest first, at most 100.
    items: Vec<EventView>,
    /// The `after` of the next question.
    #[schema(value_type = i64)]
    next_after: Position,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self { id: event.number, at: event.at, what: event.what }
    }
}

/// What happened to the card, as it happens.
///
/// With `Accept: application/json` one answer: at once where something has happened, or where
/// `after` is missing; otherwise as soon as something does, and without items after 25 s. Otherwise
/// a stream for 25 s, whose events have their number for an id.
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
            description = "What happened"
        ),
        (status = 429, body = Problem, description = "Four connections of the session wait"),
        (status = 503, body = Problem, description = "Too many wait at this server"),
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
        // A proxy that gathers would keep the news to itself.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(parts)
}

/// The position at once, so that a client that heard nothing yet knows it, and then what happens.
/// The stream just ends where its time is over, the session has ended or the database is away: the
/// client comes again and is told.
fn stream_of(listener: Listener) -> impl Stream<Item = Result<Bytes, ApiError>> + 'static {
    let hello = format!("retry: {REOPEN_MS}\nid: {}\n\n", listener.position().number());
    let opened = stream::once(std::future::ready(Ok(Bytes::from(hello))));
    let heard = stream::unfold(listener, |mut listener| async move {
        let news = listener.next().await.unwrap_or_else(|error| {
            tracing::info!(%error, "a stream of events ends");
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
        // What was read from JSON can be written as JSON.
        let data = serde_json::to_string(&EventView::from(event)).unwrap_or_default();
        let _ = write!(lines, "id: {id}\nevent: {kind}\ndata: {data}\n\n");
    }
    lines
}

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        let kind = match full {
            Full::Session => problem::RATE_LIMITED,
            Full::Server => problem::UNAVAILABLE,
        };
        Self::new(kind).retry_after(COME_AGAIN)
    }
}

impl From<FeedError> for ApiError {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Full(full) => full.into(),
            FeedError::SignedOut => Self::new(problem::UNAUTHENTICATED),
            FeedError::Db(error) => Self::internal(&error),
        }
    }
}
