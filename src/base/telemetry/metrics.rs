//! Counters and durations, in the text format of Prometheus.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{fmt, time::Duration};

/// Upper bounds of the durations that are told apart, in seconds.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper bounds of the counts of statements that are told apart.
const STATEMENTS: &[f64] = &[0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 50.0];
/// What is recorded waits in memory until it is sorted into these bounds.
const UPKEEP: Duration = Duration::from_secs(5);

/// Somebody else in this process counts already.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("metrics are recorded elsewhere in this process")]
pub struct CountersTaken;

/// The counters of this process.
#[derive(Clone)]
pub struct Counters(PrometheusHandle);

impl Counters {
    /// Starts to count. Once in a process.
    pub fn start() -> Result<Self, CountersTaken> {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .and_then(|builder| {
                let statements = Matcher::Suffix("_statements".to_owned());
                builder.set_buckets_for_metric(statements, STATEMENTS)
            })
            .map_err(|_| CountersTaken)?
            .install_recorder()
            .map(Self)
            .map_err(|_| CountersTaken)
    }

    /// The page that Prometheus reads.
    pub fn page(&self) -> String {
        self.0.render()
    }

    /// Keeps what is recorded small, for as long as the process lives.
    pub async fn upkeep(self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.0.run_upkeep();
        }
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counters")
    }
}
