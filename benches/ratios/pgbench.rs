//! The reference: PostgreSQL's own benchmark, tpcb-like, prepared, 16 clients.

use std::process::Command;

const SCALE: &str = "10";

fn pgbench(arguments: &[&str], database: &str) -> Result<String, Box<dyn std::error::Error>> {
    let folder = std::env::var("ONECARD_TEST_PG_BIN").unwrap_or_default();
    let program = std::path::Path::new(&folder).join("pgbench");
    let output = Command::new(program).args(arguments).arg(database).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Creates the tables.
pub fn prepare(database: &str) -> Result<(), Box<dyn std::error::Error>> {
    pgbench(&["-i", "-q", "-s", SCALE], database).map(drop)
}

/// Transactions per second over `seconds`.
pub fn transactions_per_second(
    database: &str,
    seconds: u64,
) -> Result<f64, Box<dyn std::error::Error>> {
    let seconds = seconds.to_string();
    let printed =
        pgbench(&["-M", "prepared", "-c", "16", "-j", "2", "-n", "-T", &seconds], database)?;
    let line = printed.lines().find_map(|line| line.strip_prefix("tps = ")).ok_or("no tps line")?;
    Ok(line.split_whitespace().next().ok_or("no figure")?.parse()?)
}
