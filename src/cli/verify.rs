//! `verify`: checks the ledger and prints the report for an auditor, each line as soon as it is known.

use super::{CommandError, args, open, up_to_date_database};
use crate::{
    audit,
    base::{
        clock::Clock,
        crypto::heads::{HeadKeyError, HeadSigner, TrustedKey},
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
    if !(report.is_clean() && rows.is_clean() && log.is_clean()) {
        println!("THE LEDGER IS BROKEN");
        return Ok(ExitCode::FAILURE);
    }
    println!("every law holds");
    if let Some(path) = &arguments.close {
        close(config, clock, &report.closings, path)?;
    }
    Ok(ExitCode::SUCCESS)
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
