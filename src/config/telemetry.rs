//! `[telemetry]`: logs and traces.

use super::section::Section;
use reqwest::Url;
use tracing_subscriber::EnvFilter;

const LOG: &str = "info";

/// Logs and traces.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// The filter of the log: a level, or directives such as `info,onecard::ledger=debug`.
    pub log: String,
    /// The format of the log.
    pub format: LogFormat,
    /// The OTLP endpoint that traces are sent to; `None` sends none.
    pub otlp_endpoint: Option<Url>,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object on each line.
    Json,
    /// Lines for a reader at a terminal.
    Text,
}

pub(super) fn read(mut section: Section<'_>) -> Telemetry {
    let log = section.parsed("log", "a level such as info, or filter directives", |text| {
        EnvFilter::try_new(text).ok()?;
        Some(text.to_owned())
    });
    let format = section.parsed("format", "\"json\" or \"text\"", |text| match text {
        "json" => Some(LogFormat::Json),
        "text" => Some(LogFormat::Text),
        _ => None,
    });
    // Collectors run on the same machine or network, where plain http is usual.
    let otlp_endpoint = section.parsed("otlp_endpoint", "an http or https address", |text| {
        let url = Url::parse(text).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(url)
    });
    section.finish();
    Telemetry {
        log: log.unwrap_or_else(|| LOG.to_owned()),
        format: format.unwrap_or(LogFormat::Json),
        otlp_endpoint,
    }
}
