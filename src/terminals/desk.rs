//! What staff do about terminals and merchants, by their ids: like the commands, in the transaction of
//! whoever asks for it. Each act is an entry of the audit log.

use super::{
    MerchantId, NewMerchant, NewTerminal, Registered, RegistryError, TerminalId,
    registry::merchant_of, store::registry as store,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::ed25519::Ed25519Key,
        db::{DbError, Tx},
        ids::SchoolId,
    },
};
use std::time::Duration;

/// How long an old key is good beside the new one, where it is.
pub const OLD_KEY_LIFE: Duration = Duration::from_hours(24);

/// Another key for a terminal.
#[derive(Clone, Debug)]
pub struct KeyChange {
    /// The terminal.
    pub terminal: TerminalId,
    /// The fingerprint of the key that it has, as whoever asks has seen it: of two who ask at once, one
    /// changes it.
    pub known: String,
    /// The new key.
    pub key: Ed25519Key,
    /// Whether the old one is good for [`OLD_KEY_LIFE`] more.
    pub keeps_old: bool,
}

/// Registers a terminal with a code that is not taken.
pub async fn add_terminal(
    tx: &Tx,
    new: &NewTerminal,
    now: Timestamp,
) -> Result<TerminalId, RegistryError> {
    let merchant = merchant_of(tx, new).await?;
    if let Some(there) = store::terminal(tx, new.school, &new.code).await? {
        return Err(RegistryError::Taken(there.id));
    }
    let id = store::insert_terminal(tx, new, merchant, now).await?;
    audit::record(tx, &new.entry(AuditAct::TerminalAdded), now).await?;
    Ok(id)
}

/// Switches a terminal off: nothing is decided for it after the commit, at any server.
pub async fn stop_terminal(
    tx: &Tx,
    (school, id): (SchoolId, TerminalId),
    now: Timestamp,
) -> Result<Registered, RegistryError> {
    let row = store::lock_terminal(tx, school, id).await?.ok_or(RegistryError::NotFound)?;
    if !row.enabled {
        return Ok(Registered::Unchanged);
    }
    store::switch_terminal(tx, &row, false, now).await?;
    let what = (AuditAct::TerminalDisabled, format!("terminal {}", row.code));
    record(tx, school, what, String::new(), now).await?;
    Ok(Registered::Changed)
}

/// Switches a terminal on, with a new key alone: whoever has the old one may have had the terminal. Answers its
/// code, and until when the old key is good.
pub async fn start_terminal(
    tx: &Tx,
    school: SchoolId,
    change: &KeyChange,
    now: Timestamp,
) -> Result<(String, Option<Timestamp>), RegistryError> {
    set_key(tx, school, (change, false), now).await
}

/// Gives a terminal that is on another key; answers the same.
pub async fn replace_key(
    tx: &Tx,
    school: SchoolId,
    change: &KeyChange,
    now: Timestamp,
) -> Result<(String, Option<Timestamp>), RegistryError> {
    set_key(tx, school, (change, true), now).await
}

async fn set_key(
    tx: &Tx,
    school: SchoolId,
    (change, is_on): (&KeyChange, bool),
    now: Timestamp,
) -> Result<(String, Option<Timestamp>), RegistryError> {
    let KeyChange { terminal, known, key, keeps_old } = change;
    let row = store::lock_terminal(tx, school, *terminal).await?;
    let row = row.ok_or(RegistryError::NotFound)?;
    let has_key = Ed25519Key::from_bytes(&row.public_key).ok();
    let is_known = has_key.is_some_and(|key| key.fingerprint() == *known);
    if row.enabled != is_on || !is_known {
        return Err(RegistryError::Changed);
    }
    let old_until = (is_on && *keeps_old).then(|| now.plus(OLD_KEY_LIFE));
    store::set_key(tx, &row, (key, old_until), now).await?;
    let act = if is_on { AuditAct::TerminalKeyReplaced } else { AuditAct::TerminalEnabled };
    let old = match old_until {
        Some(until) => format!("old key until {}", until.to_rfc3339()),
        None => "old key withdrawn".to_owned(),
    };
    let detail = format!("key SHA-256 {}, {old}", key.fingerprint());
    record(tx, school, (act, format!("terminal {}", row.code)), detail, now).await?;
    Ok((row.code, old_until))
}

/// Registers a merchant with a code that is not taken.
pub async fn add_merchant(
    tx: &Tx,
    new: &NewMerchant,
    now: Timestamp,
) -> Result<MerchantId, RegistryError> {
    if let Some(there) = store::merchant(tx, new.school, &new.code).await? {
        return Err(RegistryError::Taken(there.id));
    }
    let id = store::insert_merchant(tx, new, now).await?;
    audit::record(tx, &new.entry(AuditAct::MerchantAdded), now).await?;
    Ok(id)
}

/// Switches a merchant off or on. Off, none of its terminals charges after the commit; desks among them go on
/// to decide who may pass.
pub async fn switch_merchant(
    tx: &Tx,
    (school, id): (SchoolId, MerchantId),
    enabled: bool,
    now: Timestamp,
) -> Result<Registered, RegistryError> {
    let row = store::lock_merchant(tx, school, id).await?.ok_or(RegistryError::NotFound)?;
    if row.disabled_at.is_none() == enabled {
        return Ok(Registered::Unchanged);
    }
    store::switch_merchant(tx, row.id, enabled, now).await?;
    let act = if enabled { AuditAct::MerchantEnabled } else { AuditAct::MerchantDisabled };
    record(tx, school, (act, format!("merchant {}", row.code)), row.name, now).await?;
    Ok(Registered::Changed)
}

async fn record(
    tx: &Tx,
    school: SchoolId,
    (act, subject): (AuditAct, String),
    detail: String,
    now: Timestamp,
) -> Result<(), DbError> {
    audit::record(tx, &Entry { act, school: Some(school), subject, detail }, now).await
}
