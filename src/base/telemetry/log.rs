//! The log: one event on each line, as JSON for machines or as text for a reader.

use crate::base::http::request_id;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{fmt, io, panic::PanicHookInfo};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// Libraries that tell at length what they do; a filter that names them has its way.
const QUIET: &str = "actix_server=warn,sea_orm_migration=warn,sqlx::postgres::notice=warn";

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object on each line.
    Json,
    /// Lines for a reader at a terminal.
    Text,
}

/// Where events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Of a server, whose only output the log is.
    Stdout,
    /// Of a command that prints its result.
    Stderr,
}

/// The filter is not a level, nor directives.
#[derive(Debug, thiserror::Error)]
#[error("the log filter is not understood")]
pub struct InvalidFilter;

/// Logs what passes `filter` (a level, or directives such as `info,onecard::ledger=debug`), and
/// panics. Only the first call of a process has an effect.
pub fn start_log(filter: &str, format: Format, output: Output) -> Result<(), InvalidFilter> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|_| InvalidFilter)?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .event_format(Lines(format))
        .with_writer(output);
    // A test may have started one: it stays.
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

/// A literal text holds no data; one that was put together at run time may, and stays out.
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
    // Writing to a text cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

struct Lines(Format);

/// The parts of an event.
#[derive(Default)]
struct Parts {
    message: String,
    /// Of events that libraries hand over from the older `log` facade.
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
        let mut parts = Parts::default();
        event.record(&mut parts);
        let metadata = event.metadata();
        let target = parts.target.take().unwrap_or_else(|| metadata.target().to_owned());
        match self.0 {
            Format::Json => parts.write_json(&mut to, *metadata.level(), &target),
            Format::Text => parts.write_text(&mut to, *metadata.level(), &target),
        }
    }
}

impl Parts {
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

impl Visit for Parts {
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
