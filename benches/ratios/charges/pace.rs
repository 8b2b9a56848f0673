//! The 99th percentile of a charge's latency at a hundred charges per second, compared with a bare
//! insert of one row, as its own transaction, from this program to the same PostgreSQL.

#![expect(clippy::float_arithmetic, reason = "ratios are floats; no money is computed here")]

use super::{ROUNDS, campus::Campus, charge, server};
use crate::{
    database::fresh_database,
    load::{Idle, paced},
    postings::{Failure, median},
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

pub const PAUSE: Duration = Duration::from_millis(10);
/// The number of charges in a round, which takes six seconds.
const CHARGES: usize = 600;
const WARM_UP: usize = 4000;
const TILLS: usize = 32;

/// The 99th percentile of each, and their ratio.
pub async fn table(postgres: &str) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let mut campus = Campus::make(postgres, "pace", folder.path()).await?;
    let mut tills = campus.add_tills("canteen", 1, TILLS).await?;
    let program = server(&campus, folder.path()).await?;
    let policy = folder.path().join(format!("{}.toml", super::campus::SCHOOL));
    let bare = bare(&fresh_database(postgres, "pace_bare", &policy).await?).await?;
    charge((&mut campus, &mut tills), &program, WARM_UP).await?;
    let (mut inserts, mut charges) = (vec![], vec![]);
    for _ in 0..=ROUNDS {
        let insert = (0..CHARGES).map(|_| insert(Arc::clone(&bare)));
        inserts.push(p99(paced(PAUSE, insert).await?));
        let requests = campus.charges(&mut tills, program.port, CHARGES)?;
        // New connections: the server closes those that were idle while the inserts ran.
        let idle = Idle::new(program.port);
        let asked = requests.into_iter().map(|request| idle.clone().ask(request, 200));
        charges.push(p99(paced(PAUSE, asked).await?));
    }
    program.stop()?;
    campus.check_that_all_are_posted().await?;
    // The first round warms up.
    let (insert, charge) = (median(inserts.split_off(1)), median(charges.split_off(1)));
    println!("99th percentile at 100/s, against a bare insert of one row");
    println!("  insert           {insert:>8.2} ms");
    println!("  charge           {charge:>8.2} ms   {:.2} x   (reach 4 x)", charge / insert);
    Ok(())
}

/// An empty table of two columns.
pub async fn bare(url: &str) -> Result<Arc<DatabaseConnection>, Failure> {
    let db = Database::connect(url).await?;
    db.execute_unprepared("CREATE TABLE bare (id UUID PRIMARY KEY, amount_fen BIGINT)").await?;
    Ok(Arc::new(db))
}

/// Inserts one row, as a transaction of its own.
pub async fn insert(db: Arc<DatabaseConnection>) -> Result<(), String> {
    let sql = "INSERT INTO bare (id, amount_fen) VALUES ($1, $2)";
    let values = [Uuid::now_v7().into(), 1250_i64.into()];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    db.execute_raw(statement).await.map(drop).map_err(|error| error.to_string())
}

/// The 99th percentile in milliseconds.
pub fn p99(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    let at = took.len() * 99 / 100;
    took.get(at).copied().unwrap_or_default().as_secs_f64() * 1e3
}
