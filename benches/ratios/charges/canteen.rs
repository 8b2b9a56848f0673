//! One canteen credited by everybody, against the same over a thousand merchants.
//!
//! A till sells for one merchant, so that a thousand merchants have a thousand tills, of which 32
//! ask at a time; the canteen has as many, and the only difference is who is credited.

#![expect(clippy::float_arithmetic, reason = "ratios are floats; no money is computed here")]

use super::{CONNECTIONS, ROUNDS, campus::Campus, charge, server};
use crate::postings::{Failure, median};

const CHARGES: usize = 12_000;
const TILLS: usize = 1000;

/// Charges a second either way, and their ratio.
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
