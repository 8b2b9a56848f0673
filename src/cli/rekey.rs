//! `rekey`: brings stored data under the current key, and says whether the older ones may go.

use super::{CommandError, args::Rekey, up_to_date_database};
use crate::{
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
    passwords::TryCounts,
    schools::PersonKeys,
    sessions,
    staff_accounts::StaffRegistry,
    wiring::authority::{self, Signing},
};
use std::process::ExitCode;

pub(super) async fn run(
    config: &Config,
    what: &Rekey,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let db = up_to_date_database(config).await?.acting_as(by);
    let keys = &config.keys;
    Ok(match what {
        Rekey::Data => {
            let failed = people(&db, config, what).await?
                + staff(&db, config).await?
                + phones(&db, config).await?;
            conclude("data", &keys.data, failed)
        }
        Rekey::Index => conclude("index", &keys.index, people(&db, config, what).await?),
        Rekey::Mac(arguments) => conclude("mac", &keys.mac, rows(&db, arguments.take_over).await?),
    })
}

/// Seals or indexes all people; returns how many could not be. Goes on until there is nothing left
/// to do: a server may write rows meanwhile.
async fn people(db: &Db, config: &Config, what: &Rekey) -> Result<u64, CommandError> {
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
    Ok(u64::try_from(failed.len()).unwrap_or(u64::MAX))
}

/// Seals the second factors of staff; returns how many could not be.
async fn staff(db: &Db, config: &Config) -> Result<u64, CommandError> {
    let keys = PersonKeys::new(config.keys.data.clone(), config.keys.index.clone());
    let counts = TryCounts::new(db.clone(), keys.index);
    let registry = StaffRegistry { db: db.clone(), sealer: keys.sealer, counts };
    let (written, failed) = registry.reseal(SystemClock.now()).await?;
    println!("{written} logins of staff written");
    for (staff, error) in &failed {
        println!("login {staff}: {error}");
    }
    Ok(u64::try_from(failed.len()).unwrap_or(u64::MAX))
}

/// Seals the phones of identities; returns how many could not be.
async fn phones(db: &Db, config: &Config) -> Result<u64, CommandError> {
    let sealer = PersonKeys::new(config.keys.data.clone(), config.keys.index.clone()).sealer;
    let (written, failed) = sessions::phones::reseal(db, &sealer, SystemClock.now()).await?;
    println!("{written} phones of identities written");
    for (identity, error) in &failed {
        println!("identity {identity}: {error}");
    }
    Ok(u64::try_from(failed.len()).unwrap_or(u64::MAX))
}

type Pass = (u64, Vec<(PersonId, SealError)>);

async fn pass(db: &Db, keys: &PersonKeys, what: &Rekey) -> Result<Pass, CommandError> {
    let (mut after, mut written, mut failed) = (None, 0, Vec::new());
    loop {
        let step = if matches!(what, Rekey::Index) {
            keys.reindex(db, after, SystemClock.now()).await?
        } else {
            keys.reseal(db, after, SystemClock.now()).await?
        };
        written += step.written;
        failed.extend(step.failed);
        after = step.reached;
        if after.is_none() {
            return Ok((written, failed));
        }
    }
}

/// Authenticates rows and entries of the audit log; returns how many are not authentic.
async fn rows(db: &Db, take_over: bool) -> Result<u64, CommandError> {
    let which = if take_over { Signing::TakeOver } else { Signing::Rekey };
    let report = authority::sign(db, which, SystemClock.now()).await?;
    println!("authenticated: {}", report.counts());
    for row in &report.taken_over {
        println!("taken over: {row}");
    }
    for row in &report.broken {
        println!("{row}");
    }
    if report.total > 0 {
        println!(
            "not authentic: {}. Look at each; `onecard rekey mac --take-over --reason …` accepts them \
             as they stand",
            report.total
        );
    }
    Ok(report.total)
}

fn conclude(name: &str, ring: &KeyRing, failed: u64) -> ExitCode {
    let current = ring.current().id();
    let older: Vec<&str> = ring.all().skip(1).map(NamedKey::id).collect();
    let older = older.join(", ");
    if failed > 0 {
        println!("{failed} are not under {current}");
        if !older.is_empty() {
            println!("{older} must stay in keys.{name}");
        }
        return ExitCode::FAILURE;
    }
    println!("everything is under {current}");
    if !older.is_empty() {
        println!(
            "once every server runs with {current} first, run this again: only then may {older} leave \
             keys.{name}"
        );
    }
    ExitCode::SUCCESS
}
