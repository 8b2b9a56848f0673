//! Charges that all credit one canteen, compared with charges spread over a thousand merchants.
//!
//! A till belongs to one merchant, so a thousand merchants have a thousand tills, of which 32 are
//! active at a time. The canteen has as many; only the credited account differs.

#![expect(clippy::float_arithmetic, reason = "ratios are floats; no money is computed here")]

use super::{CONNECTIONS, ROUNDS, campus::Campus, charge, server};
use crate::postings::{Failure, median};

const CHARGES: usize = 12_000;
const TILLS: usize = 1000;

/// Charges per second of both, and their ratio.
pub async fn table(postgres: &str) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let mut campus = Campus::make(postgres, "canteen", folder.path()).await?;
    let mut of_one = campus.add_tills("one", 1, TILLS).await?;
    let mut of_many = campus.add_tills("many", TILLS, TILLS).await?;
    let program = server(&campus, folder.path()).await?;
    for tills in [&mut of_one, &mut of_many] {
        charge((&mut campus, tills), &program, CHARGES).await?;
    }
    let (mut one, mut many) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        many.push(charge((&mut campus, &mut of_many), &program, CHARGES).await?.per_second());
        one.push(charge((&mut campus, &mut of_one), &program, CHARGES).await?.per_second());
    }
    program.stop()?;
    campus.check_that_all_are_posted().await?;
    let (one, many) = (median(one), median(many));
    println!("charges/s, {CONNECTIONS} tills at a time, for one canteen against for {TILLS}");
    println!("  {TILLS} merchants   {many:>8.0}/s");
    println!("  one canteen      {one:>8.0}/s   {:.2} x   (reach 0.9 x)", one / many);
    Ok(())
}
