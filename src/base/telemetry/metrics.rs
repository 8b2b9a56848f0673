//! Counters and histograms, exported in the text format of Prometheus.

use crate::base::job_runs;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{fmt, time::Duration};

/// Bucket bounds of durations, in seconds.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Bucket bounds of numbers of statements.
const STATEMENTS: &[f64] = &[0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 50.0];
/// How often recorded values are moved from memory into the buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Another recorder is already installed in this process.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("another metrics recorder is already installed in this process")]
pub struct RecorderInstalled;

/// The metrics of this process.
#[derive(Clone)]
pub struct Counters(PrometheusHandle);

impl Counters {
    /// Installs the recorder. Works once per process.
    pub fn start() -> Result<Self, RecorderInstalled> {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .and_then(|builder| {
                let statements = Matcher::Suffix("_statements".to_owned());
                builder.set_buckets_for_metric(statements, STATEMENTS)
            })
            .map_err(|_| RecorderInstalled)?
            .install_recorder()
            .map(Self)
            .map_err(|_| RecorderInstalled)
    }

    /// The page that Prometheus scrapes.
    pub fn page(&self) -> String {
        self.0.render()
    }

    /// Moves recorded values into the buckets periodically, for as long as the process lives.
    pub async fn upkeep(self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.0.run_upkeep();
            job_runs::done();
        }
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counters")
    }
}
