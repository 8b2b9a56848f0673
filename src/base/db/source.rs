//! Reads outside or inside a transaction.

use super::{Column, Db, DbError, Rows, Tx, bulk};
use crate::base::crypto::row_mac::RowMacs;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

/// Where to read.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// The latest committed state.
    Db(&'a Db),
    /// The state visible to this transaction.
    Tx(&'a Tx),
}

impl<'a> From<&'a Db> for Source<'a> {
    fn from(db: &'a Db) -> Self {
        Self::Db(db)
    }
}

impl<'a> From<&'a Tx> for Source<'a> {
    fn from(tx: &'a Tx) -> Self {
        Self::Tx(tx)
    }
}

impl<'a> Source<'a> {
    /// The keys of row MACs.
    pub(crate) fn macs(self) -> &'a RowMacs {
        match self {
            Self::Db(db) => db.macs(),
            Self::Tx(tx) => tx.macs(),
        }
    }

    pub(super) fn backend(self) -> DbBackend {
        match self {
            Self::Db(db) => db.backend(),
            Self::Tx(tx) => tx.backend(),
        }
    }

    /// See [`Db::has_row_locks`].
    pub(crate) fn has_row_locks(self) -> bool {
        self.backend() == DbBackend::Postgres
    }

    /// Runs one statement and collects its rows.
    pub(crate) async fn select(
        self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<QueryResult>, DbError> {
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        Ok(match self {
            Self::Db(db) => db.conn().query_all_raw(statement).await?,
            Self::Tx(tx) => tx.conn().query_all_raw(statement).await?,
        })
    }

    /// Runs `sql`, in which `{rows}` stands for the rows named `r`, and collects its rows.
    pub(crate) async fn select_rows(
        self,
        sql: &str,
        rows: Rows,
    ) -> Result<Vec<QueryResult>, DbError> {
        let mut found = Vec::new();
        for (source, values) in rows.sources(self.backend()) {
            found.extend(self.select(&sql.replace("{rows}", &source), values).await?);
        }
        Ok(found)
    }

    /// Runs `sql`, in which `{keys1}`, `{keys2}` … stand for "is in the first, second … list".
    /// Unlike a join with rows, this uses an index whatever size PostgreSQL estimated for the table
    /// when it made the plan.
    pub(crate) async fn select_keys(
        self,
        sql: &str,
        keys: Vec<Column>,
    ) -> Result<Vec<QueryResult>, DbError> {
        let (sql, values) = bulk::keyed(sql, keys, self.backend());
        self.select(&sql, values).await
    }
}

impl Tx {
    /// Runs `sql`, in which `{rows}` stands for the rows named `r`, and collects its rows.
    pub(crate) async fn select_rows(
        &self,
        sql: &str,
        rows: Rows,
    ) -> Result<Vec<QueryResult>, DbError> {
        Source::Tx(self).select_rows(sql, rows).await
    }

    /// Runs `sql`, in which `{keys1}`, `{keys2}` … stand for "is in the first, second … list".
    pub(crate) async fn select_keys(
        &self,
        sql: &str,
        keys: Vec<Column>,
    ) -> Result<Vec<QueryResult>, DbError> {
        Source::Tx(self).select_keys(sql, keys).await
    }
}
