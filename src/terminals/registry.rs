//! Registering merchants and terminals: an operator's act, safe to repeat.

use super::{
    names::{DoorGroup, MerchantCode, MerchantName, TerminalCode},
    store::registry as store,
    terminal::TerminalKind,
};
use crate::base::{
    clock::Timestamp,
    crypto::ed25519::Ed25519Key,
    db::{Db, DbError, Tx, TxError},
    ids::SchoolId,
};
use uuid::Uuid;

/// A merchant to register.
#[derive(Clone, Debug)]
pub struct NewMerchant {
    /// Of this school.
    pub school: SchoolId,
    /// Names its account.
    pub code: MerchantCode,
    /// As students know it.
    pub name: MerchantName,
}

/// A terminal to register.
#[derive(Clone, Debug)]
pub struct NewTerminal {
    /// At this school.
    pub school: SchoolId,
    /// In its key id behind the slash.
    pub code: TerminalCode,
    /// What it is for.
    pub kind: TerminalKind,
    /// What it signs with.
    pub key: Ed25519Key,
    /// Who sells there.
    pub merchant: Option<MerchantCode>,
    /// Which doors it opens.
    pub door_group: Option<DoorGroup>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It is new.
    Added,
    /// Something of it changed.
    Changed,
    /// It was there, exactly so.
    Unchanged,
}

/// Why a terminal is not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The database's error.
    #[error("the database cannot be used: {0}")]
    Db(#[from] DbError),
    /// The merchant is not registered.
    #[error("there is no merchant {0} at this school: `onecard merchant add` registers one")]
    NoMerchant(MerchantCode),
    /// It is registered otherwise. Replacing its key silently would end a till that works.
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
            Self::NoMerchant(_) | Self::Differs { .. } => None,
        }
    }
}

/// Registers a merchant, or gives it its new name.
pub async fn add_merchant(
    db: &Db,
    new: &NewMerchant,
    now: Timestamp,
) -> Result<Registered, DbError> {
    db.in_tx(async |tx| {
        let Some(row) = store::merchant(tx, new.school, &new.code).await? else {
            store::insert_merchant(tx, new, now).await?;
            return Ok(Registered::Added);
        };
        if row.name == *new.name {
            return Ok(Registered::Unchanged);
        }
        store::rename_merchant(tx, row.id, &new.name).await?;
        Ok(Registered::Changed)
    })
    .await
}

/// Registers a terminal. One that is registered otherwise is changed only with `replace`; a
/// terminal that was switched off stays off.
pub async fn add_terminal(
    db: &Db,
    new: &NewTerminal,
    replace: bool,
    now: Timestamp,
) -> Result<Registered, RegistryError> {
    db.in_tx(async |tx| {
        let merchant = merchant_of(tx, new).await?;
        let Some(row) = store::terminal(tx, new).await? else {
            store::insert_terminal(tx, new, merchant, now).await?;
            return Ok(Registered::Added);
        };
        let same = [
            ("kind", row.kind == new.kind.code()),
            ("public key", row.public_key == new.key.bytes()),
            ("merchant", row.merchant_id == merchant),
            ("door group", row.door_group.as_deref() == new.door_group.as_deref()),
        ];
        match same.into_iter().find(|(_, same)| !same) {
            None => Ok(Registered::Unchanged),
            Some((what, _)) if !replace => {
                Err(RegistryError::Differs { code: new.code.clone(), what })
            }
            Some(_) => {
                store::replace_terminal(tx, row.id, new, merchant, now).await?;
                Ok(Registered::Changed)
            }
        }
    })
    .await
}

async fn merchant_of(tx: &Tx, new: &NewTerminal) -> Result<Option<Uuid>, RegistryError> {
    let Some(code) = &new.merchant else { return Ok(None) };
    let found = store::merchant(tx, new.school, code).await?;
    found.map(|row| Some(row.id)).ok_or_else(|| RegistryError::NoMerchant(code.clone()))
}
