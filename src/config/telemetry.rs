//! `[telemetry]`: logs and traces.

use super::section::Section;
use reqwest::Url;
use tracing_subscriber::EnvFilter;

const LOG: &str = "info";

/// Logs and traces.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// What is logged: a level, or directives such as `info,onecard::ledger=debug`.
    pub log: String,
    /// How logs are written.
    pub format: LogFormat,
    /// Where traces are sent by OTLP, if anywhere.
    pub otlp_endpoint: Option<Url>,
}

/// How logs are written.
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
    // Collectors stand on the same machine or network: plain http is usual there.
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
