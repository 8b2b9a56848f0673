//! Complete charges per second (signature, code, limits, posting, answer) compared with `pgbench`.

#![expect(clippy::float_arithmetic, reason = "ratios are floats; no money is computed here")]

use super::{CONNECTIONS, ROUNDS, campus::Campus, charge, server};
use crate::{
    pgbench,
    postings::{Failure, median},
};

const SECONDS: u64 = 4;
const CHARGES: usize = 16_000;
/// The number of tills, all active and all of one canteen.
const TILLS: usize = 32;

/// Charges per second, and the ratio.
pub async fn table(postgres: &str) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let mut campus = Campus::make(postgres, "charges", folder.path()).await?;
    let mut tills = campus.add_tills("canteen", 1, TILLS).await?;
    pgbench::prepare(postgres)?;
    let program = server(&campus, folder.path()).await?;
    charge((&mut campus, &mut tills), &program, CHARGES).await?;
    let (mut reference, mut charges) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        reference.push(pgbench::transactions_per_second(postgres, SECONDS)?);
        let done = charge((&mut campus, &mut tills), &program, CHARGES).await?;
        charges.push(done.per_second());
    }
    let memory = f64::from(u32::try_from(program.resident_kib()?)?) / 1024.0;
    program.stop()?;
    campus.check_that_all_are_posted().await?;
    let (reference, charges) = (median(reference), median(charges));
    println!("charges/s over HTTP, {CONNECTIONS} connections, against pgbench tpcb-like");
    println!("  pgbench          {reference:>8.0}/s");
    println!("  charges          {charges:>8.0}/s   {:.2} x   (reach 1 x)", charges / reference);
    println!("  memory, loaded   {memory:>8.1} MiB            (reach 120 MiB)");
    Ok(())
}
