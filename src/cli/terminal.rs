//! `merchant add` and `terminal add` register merchants and terminals, `terminal disable` and
//! `terminal enable` switch them off and on.

use super::{
    CommandError,
    args::{MerchantAdd, TerminalAdd, TerminalName},
    open, up_to_date_database,
};
use crate::{
    base::{
        clock::{Clock, SystemClock},
        crypto::ed25519::Ed25519Key,
        db::{Actor, Db},
        ids::SchoolId,
    },
    config::Config,
    schools::Schools,
    terminals::{self, NewMerchant, NewTerminal, Registered, TerminalKind},
};
use std::{io::Read, path::Path, process::ExitCode, sync::Arc};

/// The most bytes that are read of a key file.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

pub(super) async fn add_merchant(
    config: &Config,
    arguments: &MerchantAdd,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let db = up_to_date_database(config).await?.acting_as(by);
    let MerchantAdd { school, code, name } = arguments;
    let new = NewMerchant {
        school: school_of(&db, school).await?,
        code: code.clone(),
        name: name.clone(),
    };
    let done = terminals::add_merchant(&db, &new, SystemClock.now()).await?;
    println!("{:<9}  {school}/{code}  {name}", said(done));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn add(
    config: &Config,
    arguments: &TerminalAdd,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let db = up_to_date_database(config).await?.acting_as(by);
    let TerminalAdd { school, id, kind, public_key, merchant, door_group, replace } = arguments;
    let new = NewTerminal {
        school: school_of(&db, school).await?,
        code: id.clone(),
        kind: TerminalKind::from(*kind),
        key: key_of(public_key)?,
        merchant: merchant.clone(),
        door_group: door_group.clone(),
    };
    let done = terminals::add_terminal(&db, &new, *replace, SystemClock.now()).await?;
    let (kind, key) = (new.kind.code(), new.key.fingerprint());
    println!("{:<9}  {school}/{id}  {kind}  key SHA-256 {key}", said(done));
    if new.kind == TerminalKind::Pos && new.merchant.is_none() {
        println!("note: a till without a merchant cannot charge; give it one with --merchant");
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn switch(
    config: &Config,
    TerminalName { school, id }: &TerminalName,
    enabled: bool,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let db = up_to_date_database(config).await?.acting_as(by);
    let terminal = (school_of(&db, school).await?, id);
    let done = terminals::switch_terminal(&db, terminal, enabled, SystemClock.now()).await?;
    let state = if enabled { "enabled" } else { "disabled" };
    println!("{:<9}  {school}/{id}  {state}", said(done));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn school_of(db: &Db, code: &str) -> Result<SchoolId, CommandError> {
    let schools = Schools::new(db.clone(), Arc::new(SystemClock));
    let school = schools.by_code(code).await?;
    Ok(school.ok_or_else(|| CommandError::NoSchool(code.to_owned()))?.id)
}

fn key_of(file: &Path) -> Result<Ed25519Key, CommandError> {
    let mut pem = Vec::new();
    let read = open(file)?.take(MAX_KEY_FILE_BYTES).read_to_end(&mut pem);
    read.map_err(|cause| CommandError::File { path: file.to_owned(), cause })?;
    Ed25519Key::from_spki_pem(&pem)
        .map_err(|cause| CommandError::Key { path: file.to_owned(), cause })
}

const fn said(done: Registered) -> &'static str {
    match done {
        Registered::Added => "added",
        Registered::Changed => "changed",
        Registered::Unchanged => "unchanged",
    }
}
