//! `make bench`: ratios to references, measured alternately on the same machine and the same
//! PostgreSQL. Absolute figures depend on the machine; ratios are comparable.
//!
//! `cargo bench --bench ratios -- callbacks` measures only that table.

mod callbacks;
mod charges;
mod console;
mod database;
mod doors;
mod history;
mod load;
mod pgbench;
mod postings;
mod program;
mod verify;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if callbacks::bare::served()? || charges::checks::served()? {
        return Ok(());
    }
    let server = std::env::var("ONECARD_TEST_PG")
        .map_err(|_| "set ONECARD_TEST_PG to a durable PostgreSQL; `make bench` does")?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if asked_for("postings") {
        runtime.block_on(postings::table(&server))?;
    }
    if asked_for("callbacks") {
        runtime.block_on(callbacks::table(&server))?;
    }
    if asked_for("charges") {
        runtime.block_on(charges::speed::table(&server))?;
    }
    if asked_for("checks") {
        runtime.block_on(charges::checks::table(&server))?;
    }
    if asked_for("pace") {
        runtime.block_on(charges::pace::table(&server))?;
    }
    if asked_for("canteen") {
        runtime.block_on(charges::canteen::table(&server))?;
    }
    if asked_for("doors") {
        runtime.block_on(doors::table(&server))?;
    }
    // Takes minutes, and is of the console alone: only where it is named.
    if named("console") {
        runtime.block_on(console::table(&server))?;
    }
    // Takes ten minutes and ten gigabytes: only where it is named.
    if named("verify") {
        runtime.block_on(verify::table(&server))?;
    }
    Ok(())
}

fn named(table: &str) -> bool {
    std::env::args().skip(1).any(|name| name == table)
}

/// True if the arguments name this table, or none.
fn asked_for(table: &str) -> bool {
    let mut named = std::env::args().skip(1).filter(|name| !name.starts_with('-')).peekable();
    named.peek().is_none() || named.any(|name| name == table)
}
