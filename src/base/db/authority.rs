//! Rows that decide who may act or whose money moves carry a MAC over those columns.
//!
//! Invariant: a row that is changed is checked before, under its lock: the change of one column
//! never authenticates another one that was forged.

use super::{Column, DbError, Rows, Source, Tx};
use crate::base::crypto::row_mac::{Field, MacVerdict, RowMacs};
use sea_orm::QueryResult;
use uuid::Uuid;

/// How many rows are read or written at a time where a whole table is.
const AT_ONCE: usize = 500;

/// A table whose rows carry a MAC in their column `mac`; its key is the column `id`.
#[derive(Debug)]
pub struct Authority {
    /// The table.
    pub table: &'static str,
    /// The columns that the MAC covers, in its order.
    pub columns: &'static [(&'static str, FieldKind)],
    /// How many of the last columns were added to the MAC later: they are covered where they are not
    /// NULL, so that rows from before keep their MACs. See [`Authority::covered`].
    pub added: usize,
    /// The condition on rows that still decide something: others are history.
    pub live: &'static str,
}

/// The type of a column. All may be NULL.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// `uuid`
    Uuid,
    /// `bytea`
    Bytes,
    /// `text`
    Text,
    /// `bigint`
    Big,
    /// `integer`
    Int,
    /// `boolean`
    Flag,
}

/// A row as it is stored.
#[derive(Debug)]
pub struct AuthorityRow {
    /// Its key.
    pub id: Uuid,
    fields: Vec<Field>,
    mac: Option<Vec<u8>>,
}

impl AuthorityRow {
    fn of(authority: &Authority, row: &QueryResult) -> Result<Self, DbError> {
        let fields = authority.columns.iter().map(|(name, kind)| kind.read(row, name));
        let fields = fields.collect::<Result<_, DbError>>()?;
        Ok(Self { id: row.try_get("", "id")?, fields, mac: row.try_get("", "mac")? })
    }

    /// How the row's MAC relates to it.
    pub fn verdict(&self, authority: &Authority, macs: &RowMacs) -> MacVerdict {
        macs.check(authority.table, self.id, authority.covered(&self.fields), self.mac.as_deref())
    }
}

impl FieldKind {
    /// Reads a column of this type.
    pub fn read(self, row: &QueryResult, name: &str) -> Result<Field, DbError> {
        Ok(match self {
            Self::Uuid => row.try_get::<Option<Uuid>>("", name)?.into(),
            Self::Bytes => row.try_get::<Option<Vec<u8>>>("", name)?.into(),
            Self::Text => row.try_get::<Option<String>>("", name)?.into(),
            Self::Big => row.try_get::<Option<i64>>("", name)?.into(),
            Self::Int => row.try_get::<Option<i32>>("", name)?.into(),
            Self::Flag => row.try_get::<Option<bool>>("", name)?.into(),
        })
    }
}

impl Authority {
    /// The values that the MAC covers: all but trailing NULLs of columns that were added later. A value
    /// that is taken away or put in there changes how many values the MAC covers.
    pub fn covered<'f>(&self, fields: &'f [Field]) -> &'f [Field] {
        let always = fields.len().saturating_sub(self.added);
        let filled = fields.iter().rposition(|field| *field != Field::Null).map_or(0, |at| at + 1);
        fields.get(..always.max(filled)).unwrap_or(fields)
    }

    /// The MAC to store with a row that is about to be written.
    pub(crate) fn mac(&self, tx: &Tx, id: Uuid, fields: &[Field]) -> Vec<u8> {
        debug_assert_eq!(fields.len(), self.columns.len(), "one value for each column");
        tx.macs().sign(self.table, id, self.covered(fields))
    }

    /// Refuses a row whose MAC does not fit it.
    pub(crate) fn check(
        &self,
        macs: &RowMacs,
        id: Uuid,
        fields: &[Field],
        mac: Option<&[u8]>,
    ) -> Result<(), DbError> {
        debug_assert_eq!(fields.len(), self.columns.len(), "one value for each column");
        self.accept(id, macs.check(self.table, id, self.covered(fields), mac))
    }

    fn accept(&self, id: Uuid, verdict: MacVerdict) -> Result<(), DbError> {
        if verdict.fits() {
            return Ok(());
        }
        tracing::error!(table = self.table, row = %id, why = %verdict, "a row is not authentic");
        Err(DbError::Inconsistent { table: self.table, what: "a row is not authentic" })
    }

    fn select(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        format!("SELECT id, mac, {} FROM {}", columns.join(", "), self.table)
    }

    /// Up to 500 live rows after `after`, in the order of their ids.
    pub async fn page(
        &self,
        source: Source<'_>,
        after: Option<Uuid>,
    ) -> Result<Vec<AuthorityRow>, DbError> {
        let sql = format!(
            "{} WHERE id > $1 AND ({}) ORDER BY id LIMIT {AT_ONCE}",
            self.select(),
            self.live
        );
        let after = after.unwrap_or(Uuid::nil());
        let found = source.select(&sql, vec![after.into()]).await?;
        found.iter().map(|row| AuthorityRow::of(self, row)).collect()
    }

    /// Locks the rows with these ids, in order, and reads them.
    pub(crate) async fn lock(&self, tx: &Tx, ids: &[Uuid]) -> Result<Vec<AuthorityRow>, DbError> {
        let mut found = Vec::with_capacity(ids.len());
        let lock = if tx.has_row_locks() { " FOR UPDATE" } else { "" };
        let sql = format!("{} WHERE id {{keys1}} ORDER BY id{lock}", self.select());
        for ids in ids.chunks(AT_ONCE) {
            found.extend(tx.select_keys(&sql, vec![Column::Uuid(ids.to_vec())]).await?);
        }
        found.iter().map(|row| AuthorityRow::of(self, row)).collect()
    }

    /// Runs `change`, which updates the rows with these ids. The rows are locked and checked
    /// before; those that were authentic get new MACs after. A forged one is changed like the
    /// others (a lost phone is lost), and stays forged.
    pub(crate) async fn changed<T>(
        &self,
        tx: &Tx,
        ids: &[Uuid],
        change: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, DbError> {
        // Boxed: it is a small part of what its callers do, and would be half of their futures.
        Box::pin(async move {
            let before = self.lock(tx, ids).await?;
            let authentic =
                |row: &&AuthorityRow| self.accept(row.id, row.verdict(self, tx.macs())).is_ok();
            let authentic: Vec<Uuid> = before.iter().filter(authentic).map(|row| row.id).collect();
            let changed = change.await?;
            let rows = self.lock(tx, &authentic).await?;
            self.sign(tx, &rows).await?;
            Ok(changed)
        })
        .await
    }

    /// Gives locked rows MACs that fit them as they stand.
    pub async fn sign(&self, tx: &Tx, rows: &[AuthorityRow]) -> Result<(), DbError> {
        let mac =
            |row: &AuthorityRow| tx.macs().sign(self.table, row.id, self.covered(&row.fields));
        for rows in rows.chunks(AT_ONCE) {
            let written = Rows::new(vec![
                ("id", Column::Uuid(rows.iter().map(|row| row.id).collect())),
                ("mac", Column::Bytes(rows.iter().map(mac).collect())),
            ]);
            tx.update_rows(self.table, written, "mac = r.mac").await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_was_added_counts_where_it_is_filled() {
        let authority = Authority {
            table: "t",
            columns: &[("a", FieldKind::Big), ("b", FieldKind::Big), ("c", FieldKind::Big)],
            added: 2,
            live: "true",
        };
        let (null, one) = (Field::Null, Field::Number(1));
        let cases = [
            ([&one, &null, &null], 1),
            ([&null, &null, &null], 1),
            ([&one, &one, &null], 2),
            ([&one, &null, &one], 3),
            ([&null, &one, &one], 3),
        ];
        for (fields, covered) in cases {
            let fields = fields.map(Clone::clone);
            assert_eq!(authority.covered(&fields).len(), covered, "{fields:?}");
        }
    }
}
