//! Charges at tills: the codes of a school's people are charged over HTTP by signed requests, on
//! the server as it is shipped, with Redis.
//!
//! Every charge has a fresh code and its own number and must be answered 200, otherwise the
//! benchmark fails; at the end the postings are counted. Codes and signatures are made before the
//! measurement.

pub mod campus;
pub mod canteen;
pub mod checks;
pub mod pace;
mod phones;
pub mod speed;
pub mod tills;

use crate::{
    load::{self, Done, Load, Wanted},
    postings::Failure,
    program::{self, Program, Settings, free_port, named},
};
use campus::Campus;
use std::path::Path;
use tills::Till;

pub const ROUNDS: usize = 5;
pub const CONNECTIONS: usize = 32;

/// The settings of a server for the campus.
pub fn settings(campus: &Campus, folder: &Path, port: u16) -> Result<Settings, Failure> {
    let redis = std::env::var("ONECARD_TEST_REDIS")
        .map_err(|_| "set ONECARD_TEST_REDIS to a Redis; `make bench` does")?;
    let mut settings = program::settings(&campus.url, folder, port)?;
    settings.extend(named([("REDIS__URL", redis)]));
    Ok(settings)
}

/// The server as it is shipped.
pub async fn server(campus: &Campus, folder: &Path) -> Result<Program, Failure> {
    let port = free_port()?;
    Program::onecard(settings(campus, folder, port)?, port).await
}

/// Charges this many fresh codes, in turn at these tills.
pub async fn charge(
    (campus, tills): (&mut Campus, &mut [Till]),
    program: &Program,
    count: usize,
) -> Result<Done, Failure> {
    let requests = campus.charges(tills, program.port, count)?;
    load::send(program.port, Load { requests, wanted: Wanted::status(200) }, CONNECTIONS).await
}
