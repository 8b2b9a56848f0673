//! Counts what PostgreSQL warns of. This program causes no warnings: one about a transaction means
//! that the driver lost count of them.

use std::fmt;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, filter::Targets, layer::Context, registry::LookupSpan};

const TARGET: &str = "sqlx::postgres::notice";

/// The layer, for warnings alone, whatever the log's filter lets pass.
pub(super) fn counter<S>() -> impl Layer<S>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    Warnings.with_filter(Targets::new().with_target(TARGET, Level::WARN))
}

struct Warnings;

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut kind = Kind("other");
        event.record(&mut kind);
        metrics::counter!("onecard_db_warnings_total", "warning" => kind.0).increment(1);
    }
}

/// The label of a warning; `other` also where `lc_messages` is not English.
struct Kind(&'static str);

impl Visit for Kind {
    fn record_str(&mut self, _: &Field, value: &str) {
        if value.contains("already a transaction in progress") {
            self.0 = "transaction_open";
        } else if value.contains("no transaction in progress") {
            self.0 = "no_transaction";
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tracing_subscriber::prelude::*;

    #[test]
    fn warnings_are_counted_by_kind_and_nothing_else_is() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let subscriber = tracing_subscriber::registry().with(counter());
        metrics::with_local_recorder(&recorder, || {
            tracing::subscriber::with_default(subscriber, || {
                let (already, none) = (
                    "there is already a transaction in progress",
                    "there is no transaction in progress",
                );
                tracing::warn!(target: "sqlx::postgres::notice", message = already);
                tracing::warn!(target: "sqlx::postgres::notice", message = already);
                tracing::warn!(target: "sqlx::postgres::notice", message = none);
                tracing::warn!(target: "sqlx::postgres::notice", message = "已经有一个事务");
                tracing::info!(target: "sqlx::postgres::notice", message = already);
                tracing::warn!(message = already);
            });
        });
        let page = recorder.handle().render();
        for (kind, count) in [("transaction_open", 2), ("no_transaction", 1), ("other", 1)] {
            let line = format!("onecard_db_warnings_total{{warning=\"{kind}\"}} {count}\n");
            assert!(page.contains(&line), "{line}{page}");
        }
    }
}
