//! Converts rows to domain values.

use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Column, DbError, Found, Tx},
        ids::{PersonId, SchoolId},
        money::{Balance, Fen},
    },
    ledger::{
        account::{AccountId, AccountRow, Class},
        decide::AccountState,
        transfer::{KeyedLeg, Record, TransferId},
    },
};
use sea_orm::QueryResult;
use std::collections::HashMap;
use uuid::Uuid;

/// An account and its balance.
pub(super) fn account(row: &QueryResult) -> Result<(AccountRow, Balance), DbError> {
    let account = AccountRow {
        id: AccountId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        person: row.try_get::<Option<Uuid>>("", "person_id")?.map(PersonId::from_uuid),
        path: row.try_get("", "path")?,
        class: class(row.try_get("", "class")?)?,
    };
    Ok((account, Balance::new(row.try_get("", "balance_fen")?)))
}

fn class(code: i32) -> Result<Class, DbError> {
    Class::from_code(code).ok_or(DbError::Inconsistent { table: "account", what: "unknown class" })
}

/// The account columns that a decision needs.
pub(super) const ACCOUNT_STATE: &[(&str, &str)] = &[
    ("a.id", "uuid"),
    ("a.person_id", "uuid"),
    ("a.class", "integer"),
    ("a.balance_fen", "bigint"),
    ("a.version", "bigint"),
];

/// Account states from rows of [`ACCOUNT_STATE`].
pub(in crate::ledger) fn account_states(found: &[Found]) -> Result<Vec<AccountState>, DbError> {
    let state = |found: &Found| {
        Ok(AccountState {
            id: AccountId::from_uuid(found.get(0)?),
            person: found.get::<Option<Uuid>>(1)?.map(PersonId::from_uuid),
            class: class(found.get(2)?)?,
            balance: Balance::new(found.get(3)?),
            version: found.get(4)?,
        })
    };
    found.iter().map(state).collect()
}

/// Transfers with their legs, from rows of `transfer`.
pub(in crate::ledger) async fn with_legs(
    tx: &Tx,
    found: &[QueryResult],
) -> Result<Vec<Record>, DbError> {
    let mut records = found.iter().map(record).collect::<Result<Vec<_>, _>>()?;
    if records.is_empty() {
        return Ok(records);
    }
    let ids = records.iter().map(|record| record.id.uuid()).collect();
    let sql = "SELECT l.* FROM leg l WHERE l.transfer_id {keys1} ORDER BY l.transfer_id, l.ordinal";
    let mut legs: HashMap<Uuid, Vec<KeyedLeg>> = HashMap::new();
    for row in tx.select_keys(sql, vec![Column::Uuid(ids)]).await? {
        legs.entry(row.try_get("", "transfer_id")?).or_default().push(leg(&row)?);
    }
    for record in &mut records {
        record.legs = legs.remove(&record.id.uuid()).unwrap_or_default();
    }
    Ok(records)
}

pub(super) fn leg(row: &QueryResult) -> Result<KeyedLeg, DbError> {
    Ok(KeyedLeg {
        from: AccountId::from_uuid(row.try_get("", "from_account")?),
        to: AccountId::from_uuid(row.try_get("", "to_account")?),
        amount: Fen::new(row.try_get("", "amount_fen")?)
            .map_err(|_| DbError::Inconsistent { table: "leg", what: "negative amount" })?,
    })
}

pub(super) fn record(row: &QueryResult) -> Result<Record, DbError> {
    Ok(Record {
        id: TransferId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        batch: row.try_get("", "batch_id")?,
        ordinal: row.try_get("", "ordinal")?,
        kind: row.try_get("", "kind")?,
        reference: row.try_get("", "reference")?,
        person: row.try_get::<Option<Uuid>>("", "person_id")?.map(PersonId::from_uuid),
        nature: row.try_get("", "nature")?,
        at: Timestamp::from_micros(row.try_get("", "at")?),
        value_day: Day::from_number(row.try_get("", "value_day")?),
        legs: Vec::new(),
    })
}
