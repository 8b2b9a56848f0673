//! Terminals that are accepted still, where something is decided for them.

use crate::{
    base::db::{Column, DbError, Rows, Tx, Write},
    terminals::{Accepted, TerminalId},
};
use std::collections::{BTreeSet, HashSet};

const HOLD: &str = "SELECT t.id, t.withdrawals FROM {rows} JOIN terminal t ON t.id = r.id \
    AND t.withdrawals = r.withdrawals AND t.enabled";

/// See [`Accepted::hold`].
pub(in crate::terminals) async fn hold(
    tx: &Tx,
    accepted: &[Accepted],
) -> Result<HashSet<Accepted>, DbError> {
    let lock = if tx.has_row_locks() { " FOR SHARE OF t" } else { "" };
    let found = tx.select_rows(&format!("{HOLD}{lock}"), rows(accepted)).await?;
    let still = found.iter().map(|row| {
        let terminal = TerminalId::from_uuid(row.try_get("", "id")?);
        Ok(Accepted { terminal, withdrawals: row.try_get("", "withdrawals")? })
    });
    still.collect()
}

/// See [`Accepted::unchanged`]. Held: the row is read by the requests of one terminal alone.
pub(in crate::terminals) fn unchanged(accepted: &[Accepted]) -> Write {
    let guard = "terminal.withdrawals = r.withdrawals AND terminal.enabled";
    Write::Unchanged { table: "terminal", rows: rows(accepted), guard, held: true }
}

/// Each once, in the order of their ids.
fn rows(accepted: &[Accepted]) -> Rows {
    let accepted: BTreeSet<&Accepted> = accepted.iter().collect();
    let ids = accepted.iter().map(|one| one.terminal.uuid()).collect();
    let withdrawals = accepted.iter().map(|one| one.withdrawals).collect();
    Rows::new(vec![("id", Column::Uuid(ids)), ("withdrawals", Column::I64(withdrawals))])
}
