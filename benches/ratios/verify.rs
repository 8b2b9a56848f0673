//! `onecard verify` as it is shipped, over a long history and over its last day.
//!
//! `ONECARD_BENCH_CHARGES` is the length of the history, three million by default. Stock settings of
//! PostgreSQL are those of `scripts/bench.sh verify`.

#![expect(clippy::float_arithmetic, reason = "figures are floats; no money is computed here")]

use crate::{
    history::History,
    postings::Failure,
    program::{self, Settings, free_port},
};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const CHARGES: usize = 3_000_000;
/// What a campus of twenty thousand charges in a day.
const DAY: usize = 20_000;
const POLL: Duration = Duration::from_millis(20);

/// Seconds and peak memory of both.
pub async fn table(server: &str) -> Result<(), Failure> {
    let charges = std::env::var("ONECARD_BENCH_CHARGES");
    let charges = charges.map_or(Ok(CHARGES), |charges| charges.parse())?;
    let folder = tempfile::tempdir()?;
    let started = Instant::now();
    let mut history = History::make(server, charges + DAY).await?;
    history.charge(charges).await?;
    println!("verify over {charges} charges, made in {:.0?}", started.elapsed());
    let settings = program::settings(&history.url, folder.path(), free_port()?)?;
    let file = folder.path().join("closings.jsonl");
    let whole = run(&settings, &["--close"], &file).await?;
    println!(
        "  all of them       {:>8.1} s   {:>6.1} MiB   (reach 180 s, 64 MiB)",
        whole.0, whole.1
    );
    history.charge(DAY).await?;
    let day = run(&settings, &["--since"], &file).await?;
    println!("  {DAY} since        {:>8.1} s   {:>6.1} MiB", day.0, day.1);
    Ok(())
}

/// Runs `verify` with an option and its file; answers seconds and MiB.
async fn run(settings: &Settings, options: &[&str], file: &Path) -> Result<(f64, f64), Failure> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onecard"));
    command.arg("verify").args(options).arg(file).envs(settings.iter().cloned());
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).spawn()?;
    let mut peak_kib = 0_u32;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Ok(said) = fs::read_to_string(format!("/proc/{}/status", child.id())) {
            let line = said.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.split_whitespace().next());
            peak_kib = kib.and_then(|kib| kib.parse().ok()).unwrap_or(peak_kib);
        }
        tokio::time::sleep(POLL).await;
    };
    let seconds = started.elapsed().as_secs_f64();
    if status.success() {
        Ok((seconds, f64::from(peak_kib) / 1024.0))
    } else {
        Err("verify found a break".into())
    }
}
