//! `verify`: checks the ledger and prints the report for an auditor, each line as soon as it is known.

use super::{CommandError, args, open, up_to_date_database};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Clock,
        crypto::heads::{HeadKeyError, HeadSigner, TrustedKey},
        db::Db,
    },
    config::Config,
    ledger::{
        closing::{Closing, SignedClosing},
        heads::append,
        verify::{Anchor, Checks, verify},
    },
    wiring::{Settings, authority, proof::rooms},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

pub(super) async fn run(
    settings: &Settings,
    clock: &dyn Clock,
    arguments: &args::Verify,
) -> Result<ExitCode, CommandError> {
    let config = &settings.config;
    let db = up_to_date_database(config).await?;
    let trusted = trusted(config)?;
    let signed = |path: &Option<PathBuf>| -> Result<Option<Anchor<'_>>, CommandError> {
        let lines = path.as_deref().map(open).transpose()?;
        Ok(lines.map(|lines| Anchor { lines: Box::new(lines), trusted: &trusted }))
    };
    let (anchor, since) = (signed(&arguments.anchor)?, signed(&arguments.since)?);
    let rooms = rooms(settings, &db).await?;
    let rooms: Vec<_> = rooms.iter().map(AsRef::as_ref).collect();
    let checks = Checks { rooms: &rooms, anchor, since };
    let (rows, log) = (authority::audit_rows(&db).await?, audit::audit(&db).await?);
    print!("{rows}{log}");
    let report = verify(&db, checks, &mut |finding| print!("{finding}")).await?;
    print!("{}", report.reach());
    let holds = report.is_clean() && rows.is_clean() && log.is_clean();
    record(&db, clock, holds).await;
    if !holds {
        println!("THE LEDGER IS BROKEN");
        return Ok(ExitCode::FAILURE);
    }
    println!("every law holds");
    if let Some(path) = &arguments.close {
        close(config, clock, &report.closings, path)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Keeps what was found, for the pages of staff. What was found counts, kept or not.
async fn record(db: &Db, clock: &dyn Clock, holds: bool) {
    let act = if holds { AuditAct::LedgerProven } else { AuditAct::LedgerBroken };
    let entry = Entry { act, school: None, subject: "ledger".into(), detail: String::new() };
    let now = clock.now();
    if let Err(error) = db.in_tx(async |tx| audit::record(tx, &entry, now).await).await {
        eprintln!("the result could not be kept in the audit log: {error}");
    }
}

/// Signs what stands at the end of each school's history, and appends it to a file.
fn close(
    config: &Config,
    clock: &dyn Clock,
    closings: &[Closing],
    path: &Path,
) -> Result<(), CommandError> {
    let signer = HeadSigner::derive(config.keys.head.current().key())?;
    let sign = |closing: &Closing| {
        SignedClosing::sign(&signer, closing.clone(), clock.now()).map(|signed| signed.to_line())
    };
    let lines = closings.iter().map(sign).collect::<Result<Vec<_>, _>>()?;
    if !lines.is_empty() {
        append(path, &lines)?;
    }
    for Closing { school, head, .. } in closings {
        println!("closed  school {} at seal {}", school.number(), head.position);
    }
    Ok(())
}

/// The public keys that heads are or were signed with.
fn trusted(config: &Config) -> Result<Vec<TrustedKey>, HeadKeyError> {
    let keys = config.keys.head.all();
    let ours = keys.map(|key| Ok(HeadSigner::derive(key.key())?.public_key()));
    let ours = ours.map(|key| key.map(TrustedKey::lasting));
    ours.chain(config.ledger.trusted_heads.iter().copied().map(Ok)).collect()
}
