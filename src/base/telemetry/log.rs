//! The log: one event per line, as JSON for machines or as text for people.

use super::warnings;
use crate::base::http::request_id;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{fmt, io, panic::PanicHookInfo};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    prelude::*,
    registry::LookupSpan,
};

/// Verbose libraries, limited to warnings; a filter that names one of them overrides this.
const QUIET: &str = "actix_server=warn,sea_orm_migration=warn,sqlx::postgres::notice=warn";

/// Where actix-http logs, as an error, that a client sent what is no HTTP or went away.
const DISPATCHER: &str = "actix_http::h1::dispatcher";
const CLIENT_FAULT: &str = "stream error";

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    Json,
    /// Text for people at a terminal.
    Text,
}

/// Where the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// For a server, which prints nothing else.
    Stdout,
    /// For a command that prints its result to stdout.
    Stderr,
}

/// The filter is neither a level nor a list of directives.
#[derive(Debug, thiserror::Error)]
#[error("the log filter is invalid")]
pub struct InvalidFilter;

/// Starts logging panics and the events that pass `filter`: a level, or directives such as
/// `info,onecard::ledger=debug`. Only the first call in a process has an effect.
pub fn start_log(filter: &str, format: Format, output: Output) -> Result<(), InvalidFilter> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|_| InvalidFilter)?;
    let log = tracing_subscriber::fmt::layer()
        .event_format(Lines(format))
        .with_writer(output)
        .with_filter(filter);
    let log = tracing_subscriber::registry().with(log).with(warnings::counter());
    // In tests a subscriber may already be set; it is kept.
    if log.try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(())
}

impl<'w> MakeWriter<'w> for Output {
    type Writer = Box<dyn io::Write>;

    fn make_writer(&'w self) -> Self::Writer {
        match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::Stderr => Box::new(io::stderr()),
        }
    }
}

/// A string literal contains no data; a formatted message may, so it is left out.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let text = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(text withheld)");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or_default();
    tracing::error!(place, thread, text, "panic");
}

/// RFC 3339, UTC, with microseconds.
fn now() -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

struct Lines(Format);

/// The collected fields of an event.
#[derive(Default)]
struct EventFields {
    message: String,
    /// Set for events that libraries log through the older `log` facade.
    target: Option<String>,
    fields: Map<String, Value>,
}

#[derive(Serialize)]
struct JsonLine<'l> {
    time: String,
    level: &'static str,
    target: &'l str,
    message: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    fields: &'l Map<String, Value>,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let target = fields.target.take().unwrap_or_else(|| metadata.target().to_owned());
        let level = fields.level(*metadata.level(), &target);
        match self.0 {
            Format::Json => fields.write_json(&mut to, level, &target),
            Format::Text => fields.write_text(&mut to, level, &target),
        }
    }
}

impl EventFields {
    /// What any stranger can cause is no error of this server.
    fn level(&self, level: Level, target: &str) -> Level {
        if target == DISPATCHER && self.message.starts_with(CLIENT_FAULT) {
            Level::INFO
        } else {
            level
        }
    }

    fn write_json(&self, to: &mut Writer<'_>, level: Level, target: &str) -> fmt::Result {
        let line = JsonLine {
            time: now(),
            level: level.as_str(),
            target,
            message: &self.message,
            request_id: Some(request_id::current()).filter(|id| !id.is_empty()),
            fields: &self.fields,
        };
        let line = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(to, "{line}")
    }

    fn write_text(&self, to: &mut Writer<'_>, level: Level, target: &str) -> fmt::Result {
        write!(to, "{} {level:>5} {target}: {}", now(), self.message.escape_debug())?;
        for (name, value) in &self.fields {
            write!(to, " {name}={value}")?;
        }
        let id = request_id::current();
        if !id.is_empty() {
            write!(to, " request_id={id}")?;
        }
        writeln!(to)
    }

    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            ("log.target", Value::String(target)) => self.target = Some(target),
            (name, value) if !name.starts_with("log.") => {
                self.fields.insert(name.to_owned(), value);
            }
            (_, _) => {}
        }
    }
}

impl Visit for EventFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}
