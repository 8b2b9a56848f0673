//! When terminals were last heard of.

use crate::{
    base::{
        clock::Timestamp,
        db::{Column, Db, DbError, Rows},
    },
    terminals::TerminalId,
};

/// The later instant stays: servers write when it suits them.
const LATER: &str = "ON CONFLICT (terminal_id) DO UPDATE SET seen_at = EXCLUDED.seen_at \
    WHERE terminal_contact.seen_at < EXCLUDED.seen_at";

/// Writes when these were heard of; in the order of their ids, which all servers keep.
pub(in crate::terminals) async fn write(
    db: &Db,
    seen: &[(TerminalId, Timestamp)],
) -> Result<(), DbError> {
    let mut seen = seen.to_vec();
    seen.sort_unstable();
    db.in_tx(async |tx| {
        let rows = Rows::new(vec![
            ("terminal_id", Column::Uuid(seen.iter().map(|(id, _)| id.uuid()).collect())),
            ("seen_at", Column::I64(seen.iter().map(|(_, at)| at.micros()).collect())),
        ]);
        tx.insert_rows("terminal_contact", rows, LATER).await
    })
    .await
}
