//! `onecard-demo`: makes some weeks of a school in the database of `make run`, where it has none yet.
//!
//!     onecard-demo CONFIG SANDBOX_DIR ROSTER.csv PAID.json

use std::{env, path::PathBuf, process::ExitCode};
use testkit::{Demo, now};

const DAYS: u16 = 21;
const PEOPLE: usize = 40;

#[tokio::main]
async fn main() -> ExitCode {
    let files: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let Ok([config, sandbox, roster, paid]) = <[PathBuf; 4]>::try_from(files) else {
        eprintln!("usage: onecard-demo CONFIG SANDBOX_DIR ROSTER.csv PAID.json");
        return ExitCode::from(2);
    };
    let demo = Demo {
        config: Some(config),
        variables: Vec::new(),
        sandbox,
        roster,
        paid,
        days: DAYS,
        people: PEOPLE,
        until: now(),
    };
    match Box::pin(demo.run(|line| println!("  {line}"))).await {
        Some(made) => println!(
            "{} charges, {} top-ups, {} entries of doors",
            made.charges, made.orders, made.passes
        ),
        None => println!("somebody has ordered or paid something already; nothing was added"),
    }
    ExitCode::SUCCESS
}
