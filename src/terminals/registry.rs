//! Registration of merchants and terminals by an operator. Safe to repeat.

use super::{
    names::{DoorGroup, MerchantCode, MerchantName, TerminalCode},
    store::registry as store,
    terminal::TerminalKind,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::ed25519::Ed25519Key,
        db::{Db, DbError, Tx, TxError},
        ids::SchoolId,
    },
};
use uuid::Uuid;

/// A merchant to register.
#[derive(Clone, Debug)]
pub struct NewMerchant {
    /// Its school.
    pub school: SchoolId,
    /// Its code, part of its account's path.
    pub code: MerchantCode,
    /// The name as shown to students.
    pub name: MerchantName,
}

/// A terminal to register.
#[derive(Clone, Debug)]
pub struct NewTerminal {
    /// Its school.
    pub school: SchoolId,
    /// Its code, the part of the key id after the slash.
    pub code: TerminalCode,
    /// The kind of terminal.
    pub kind: TerminalKind,
    /// The key of its signatures.
    pub key: Ed25519Key,
    /// The merchant of a till.
    pub merchant: Option<MerchantCode>,
    /// The doors that it opens.
    pub door_group: Option<DoorGroup>,
}

/// The result of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It was added.
    Added,
    /// It existed and was changed.
    Changed,
    /// It existed with the same data.
    Unchanged,
}

/// Why a terminal was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The database's error.
    #[error("the database cannot be used: {0}")]
    Db(#[from] DbError),
    /// The terminal is not registered.
    #[error("there is no terminal {0} at this school: `onecard terminal add` registers one")]
    NoTerminal(TerminalCode),
    /// The merchant is not registered.
    #[error("there is no merchant {0} at this school: `onecard merchant add` registers one")]
    NoMerchant(MerchantCode),
    /// There is no such terminal or merchant at the school.
    #[error("there is none with this id at this school")]
    NotFound,
    /// The code is taken, by the terminal or merchant with this id.
    #[error("the code is taken")]
    Taken(Uuid),
    /// It is not as it was seen: switched, or with another key.
    #[error("it was changed meanwhile")]
    Changed,
    /// It is registered with other data. Replacing its key silently would disable a working till.
    #[error(
        "terminal {code} is registered with another {what}: --replace takes over what you gave"
    )]
    Differs {
        /// The terminal.
        code: TerminalCode,
        /// The first thing that differs.
        what: &'static str,
    },
}

impl TxError for RegistryError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::NoTerminal(_)
            | Self::NoMerchant(_)
            | Self::NotFound
            | Self::Taken(_)
            | Self::Changed
            | Self::Differs { .. } => None,
        }
    }
}

impl NewMerchant {
    pub(super) fn entry(&self, act: AuditAct) -> Entry {
        let (subject, detail) = (format!("merchant {}", self.code), self.name.to_string());
        Entry { act, school: Some(self.school), subject, detail }
    }
}

impl NewTerminal {
    /// What decides who may charge for whom.
    pub(super) fn entry(&self, act: AuditAct) -> Entry {
        let merchant = self.merchant.as_deref().unwrap_or("none");
        let doors = self.door_group.as_deref().unwrap_or("none");
        let (kind, key) = (self.kind.code(), self.key.fingerprint());
        Entry {
            act,
            school: Some(self.school),
            subject: format!("terminal {}", self.code),
            detail: format!("{kind}, key SHA-256 {key}, merchant {merchant}, doors {doors}"),
        }
    }
}

/// Registers a merchant, or renames it.
pub async fn add_merchant(
    db: &Db,
    new: &NewMerchant,
    now: Timestamp,
) -> Result<Registered, DbError> {
    db.in_tx(async |tx| {
        let Some(row) = store::merchant(tx, new.school, &new.code).await? else {
            store::insert_merchant(tx, new, now).await?;
            audit::record(tx, &new.entry(AuditAct::MerchantAdded), now).await?;
            return Ok(Registered::Added);
        };
        if row.name == *new.name {
            return Ok(Registered::Unchanged);
        }
        store::rename_merchant(tx, row.id, &new.name).await?;
        audit::record(tx, &new.entry(AuditAct::MerchantChanged), now).await?;
        Ok(Registered::Changed)
    })
    .await
}

/// Registers a terminal. Existing data are changed only with `replace`; a disabled terminal stays
/// disabled.
pub async fn add_terminal(
    db: &Db,
    new: &NewTerminal,
    replace: bool,
    now: Timestamp,
) -> Result<Registered, RegistryError> {
    db.in_tx(async |tx| {
        let merchant = merchant_of(tx, new).await?;
        let Some(row) = store::terminal(tx, new.school, &new.code).await? else {
            store::insert_terminal(tx, new, merchant, now).await?;
            audit::record(tx, &new.entry(AuditAct::TerminalAdded), now).await?;
            return Ok(Registered::Added);
        };
        let same = [
            ("kind", row.kind == new.kind.code()),
            ("public key", row.public_key == new.key.bytes()),
            ("merchant", row.merchant_id == merchant),
            ("door group", row.door_group.as_deref() == new.door_group.as_deref()),
            ("MAC", store::is_authentic(tx, &row)),
        ];
        match same.into_iter().find(|(_, same)| !same) {
            None => Ok(Registered::Unchanged),
            Some((what, _)) if !replace => {
                Err(RegistryError::Differs { code: new.code.clone(), what })
            }
            Some(_) => {
                store::replace_terminal(tx, &row, new, merchant, now).await?;
                audit::record(tx, &new.entry(AuditAct::TerminalChanged), now).await?;
                Ok(Registered::Changed)
            }
        }
    })
    .await
}

/// Switches a terminal off or on. Nothing is decided for it after the commit; a server that has seen it in
/// the last second goes on to answer what needs no decision until that second is over.
pub async fn switch_terminal(
    db: &Db,
    (school, code): (SchoolId, &TerminalCode),
    enabled: bool,
    now: Timestamp,
) -> Result<Registered, RegistryError> {
    db.in_tx(async |tx| {
        let row = store::terminal(tx, school, code).await?;
        let row = row.ok_or_else(|| RegistryError::NoTerminal(code.clone()))?;
        if row.enabled == enabled {
            return Ok(Registered::Unchanged);
        }
        store::switch_terminal(tx, &row, enabled, now).await?;
        let act = if enabled { AuditAct::TerminalEnabled } else { AuditAct::TerminalDisabled };
        let (subject, detail) = (format!("terminal {code}"), String::new());
        audit::record(tx, &Entry { act, school: Some(school), subject, detail }, now).await?;
        Ok(Registered::Changed)
    })
    .await
}

pub(super) async fn merchant_of(tx: &Tx, new: &NewTerminal) -> Result<Option<Uuid>, RegistryError> {
    let Some(code) = &new.merchant else { return Ok(None) };
    let found = store::merchant(tx, new.school, code).await?;
    found.map(|row| Some(row.id)).ok_or_else(|| RegistryError::NoMerchant(code.clone()))
}
