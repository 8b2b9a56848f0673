//! `make bench`: ratios against references, measured in turns on the same machine and the same
//! PostgreSQL. Absolute figures mean little elsewhere; ratios travel.

mod pgbench;
mod postings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::var("ONECARD_TEST_PG")
        .map_err(|_| "set ONECARD_TEST_PG to a durable PostgreSQL; `make bench` does")?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(postings::table(&server))
}
