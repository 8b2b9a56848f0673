//! `rekey`: brings stored data under the present key, and says whether the older ones may go.

use super::{
    CommandError,
    args::{Rekey, Rekeyed},
    up_to_date_database,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::{Clock, SystemClock},
        crypto::{
            keyring::{KeyRing, NamedKey},
            seal::SealError,
        },
        db::{Actor, Db},
        ids::PersonId,
    },
    config::Config,
    schools::PersonKeys,
    wiring::authority,
};
use std::process::ExitCode;

pub(super) async fn run(
    config: &Config,
    arguments: &Rekey,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let db = up_to_date_database(config).await?.acting_as(by);
    let (name, ring, failed) = match arguments.what {
        Rekeyed::Data => ("data", &config.keys.data, people(&db, config, Rekeyed::Data).await?),
        Rekeyed::Index => ("index", &config.keys.index, people(&db, config, Rekeyed::Index).await?),
        Rekeyed::Mac => ("mac", &config.keys.mac, rows(&db, arguments.take_over).await?),
    };
    Ok(conclude(name, ring, failed))
}

/// Seals or indexes all people; returns how many could not be. Goes on until there is nothing left
/// to do: a server may write rows meanwhile.
async fn people(db: &Db, config: &Config, what: Rekeyed) -> Result<u64, CommandError> {
    let keys = PersonKeys::new(config.keys.data.clone(), config.keys.index.clone());
    let mut written = 0;
    let failed = loop {
        let (pass, failed) = pass(db, &keys, what).await?;
        written += pass;
        if pass == 0 {
            break failed;
        }
    };
    println!("{written} people written");
    for (person, error) in &failed {
        println!("person {person}: {error}");
    }
    if written > 0 {
        let subject = if what == Rekeyed::Index { "index of people" } else { "data of people" };
        let (subject, detail) = (subject.to_owned(), format!("{written} people"));
        let entry = Entry { act: AuditAct::Rekeyed, school: None, subject, detail };
        db.in_tx(async |tx| audit::record(tx, &entry, SystemClock.now()).await).await?;
    }
    Ok(u64::try_from(failed.len()).unwrap_or(u64::MAX))
}

type Pass = (u64, Vec<(PersonId, SealError)>);

async fn pass(db: &Db, keys: &PersonKeys, what: Rekeyed) -> Result<Pass, CommandError> {
    let (mut after, mut written, mut failed) = (None, 0, Vec::new());
    loop {
        let step = if what == Rekeyed::Index {
            keys.reindex(db, after).await?
        } else {
            keys.reseal(db, after).await?
        };
        written += step.written;
        failed.extend(step.failed);
        after = step.reached;
        if after.is_none() {
            return Ok((written, failed));
        }
    }
}

async fn rows(db: &Db, take_over: bool) -> Result<u64, CommandError> {
    let report = authority::rekey(db, take_over, SystemClock.now()).await?;
    println!("authenticated: {}", report.counts());
    for broken in &report.broken {
        println!("{broken}");
    }
    Ok(report.total)
}

fn conclude(name: &str, ring: &KeyRing, failed: u64) -> ExitCode {
    let current = ring.current().id();
    let older: Vec<&str> = ring.all().skip(1).map(NamedKey::id).collect();
    let older = if older.is_empty() { "an older key".to_owned() } else { older.join(", ") };
    if failed > 0 {
        println!("{failed} are not under {current}: {older} must stay in keys.{name}");
        return ExitCode::FAILURE;
    }
    println!(
        "everything is under {current}: once every server runs with it, {older} may leave \
         keys.{name}"
    );
    ExitCode::SUCCESS
}
