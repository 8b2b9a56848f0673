//! Charges at tills: a school of people with money and phones, whose codes are charged over HTTP by
//! signed requests, as the server is shipped, with Redis beside it.
//!
//! Every charge is of a fresh code, under its own number, and is answered 200, or there is no
//! figure; at the end as many are posted. Codes and signatures are made before the clock starts.

mod campus;
pub mod canteen;
pub mod checks;
pub mod pace;
mod phones;
pub mod speed;
mod tills;

use crate::{
    load::{self, Done, Load},
    postings::Failure,
    program::{self, Program, Settings, free_port, named},
};
use campus::Campus;
use std::path::Path;
use tills::Till;

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 32;

/// What a server of the campus needs.
fn settings(campus: &Campus, folder: &Path, port: u16) -> Result<Settings, Failure> {
    let redis = std::env::var("ONECARD_TEST_REDIS")
        .map_err(|_| "set ONECARD_TEST_REDIS to a Redis; `make bench` does")?;
    let mut settings = program::settings(&campus.url, folder, port)?;
    settings.extend(named([("REDIS__URL", redis)]));
    Ok(settings)
}

/// The server as it is shipped.
async fn server(campus: &Campus, folder: &Path) -> Result<Program, Failure> {
    let port = free_port()?;
    Program::onecard(settings(campus, folder, port)?, port).await
}

/// Charges as many fresh codes, in turn at these tills.
async fn charge(
    (campus, tills): (&mut Campus, &mut [Till]),
    program: &Program,
    count: usize,
) -> Result<Done, Failure> {
    let requests = campus.charges(tills, program.port, count)?;
    load::send(program.port, Load { requests, status: 200 }, CONNECTIONS).await
}
