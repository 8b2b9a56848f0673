//! Batched writes.
//!
//! Each write defines how many rows it must touch ([`Write::rows_expected`]). The count is checked
//! when the write is executed, on both databases and on both paths; a write that touched fewer rows
//! is [`DbError::Raced`] with its table, and nothing is committed.

use super::{
    Db, DbError, Tx,
    bulk::Rows,
    deadline::{CLOCK, Deadline},
};
use crate::base::write_point;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};

/// One write of a batch.
#[derive(Debug)]
pub enum Write {
    /// Inserts all rows. The suffix may hold a conflict clause.
    Insert {
        /// The table.
        table: &'static str,
        /// The rows.
        rows: Rows,
        /// `ON CONFLICT …` or nothing.
        suffix: &'static str,
    },
    /// Inserts a row for each of the rows, with values that the database computes from them.
    InsertPicked {
        /// The table.
        table: &'static str,
        /// The rows to compute from.
        rows: Rows,
        /// The columns that are filled.
        columns: &'static str,
        /// An expression for each of them, in terms of `r.column`.
        picks: &'static str,
    },
    /// Inserts the rows for which `guard` holds.
    InsertIf {
        /// The table.
        table: &'static str,
        /// The rows.
        rows: Rows,
        /// The condition, in terms of `r.column`.
        guard: &'static str,
    },
    /// `UPDATE table SET set FROM rows AS r WHERE table.key = r.key AND guard`; the first column of
    /// the rows is the key.
    Update {
        /// The table.
        table: &'static str,
        /// Keys and values.
        rows: Rows,
        /// Assignments, from `r.column`.
        set: &'static str,
        /// The condition on the row: the "compare" of a compare-and-set. `true` for none.
        guard: &'static str,
    },
    /// Writes nothing. The rows of the table with these keys must be as the guard says: what was read
    /// before and decided on must not have changed since. The first column of the rows is the key.
    Unchanged {
        /// The table.
        table: &'static str,
        /// Keys and values.
        rows: Rows,
        /// The condition on the row, in terms of `r.column`.
        guard: &'static str,
        /// Whether the rows are locked, shared, until the transaction ends: who is changing one is waited
        /// for, and who comes later waits. A row that everybody reads is better not locked, since each
        /// lock is written to it; the guard is then about what was committed when the statement began.
        held: bool,
    },
}

impl Write {
    /// The table that is written.
    const fn table(&self) -> &'static str {
        match self {
            Self::Insert { table, .. }
            | Self::InsertPicked { table, .. }
            | Self::InsertIf { table, .. }
            | Self::Update { table, .. }
            | Self::Unchanged { table, .. } => table,
        }
    }

    /// How many rows must be written, or found. An update or a guarded insert must write all its rows, and
    /// what must be unchanged is: a guard that fails is a lost race. Other inserts are not counted: a
    /// conflict clause may skip rows.
    fn rows_expected(&self) -> Option<i64> {
        match self {
            Self::Update { rows, .. }
            | Self::InsertIf { rows, .. }
            | Self::Unchanged { rows, .. } => Some(i64::try_from(rows.len()).unwrap_or(i64::MAX)),
            Self::Insert { .. } | Self::InsertPicked { .. } => None,
        }
    }

    const fn rows(&self) -> &Rows {
        match self {
            Self::Insert { rows, .. }
            | Self::InsertPicked { rows, .. }
            | Self::InsertIf { rows, .. }
            | Self::Update { rows, .. }
            | Self::Unchanged { rows, .. } => rows,
        }
    }

    /// The statement around a source of rows.
    fn sql(shape: &Shape, source: &str) -> String {
        let Shape { table, names, picks, key, bound, verb, condition } = shape;
        match verb {
            // The `WHERE` also keeps SQLite from parsing the suffix as a join condition.
            Verb::Insert => format!(
                "INSERT INTO {table} ({names}) SELECT {picks} FROM {source} WHERE {condition}"
            ),
            Verb::Update(set) => format!(
                "UPDATE {table} SET {set} FROM {source} \
                 WHERE {table}.{key} = r.{key}{bound} AND {condition}"
            ),
            Verb::Find => format!(
                "SELECT 1 FROM {source}, {table} \
                 WHERE {table}.{key} = r.{key}{bound} AND {condition}"
            ),
        }
    }

    fn shape(&self, backend: DbBackend) -> Shape {
        let rows = self.rows();
        let (table, condition, verb) = match self {
            Self::Insert { table, suffix, .. } => (*table, format!("true {suffix}"), Verb::Insert),
            Self::InsertPicked { table, .. } => (*table, "true".to_owned(), Verb::Insert),
            Self::InsertIf { table, guard, .. } => (*table, (*guard).to_owned(), Verb::Insert),
            Self::Update { table, set, guard, .. } => {
                (*table, (*guard).to_owned(), Verb::Update(set))
            }
            // Only PostgreSQL has row locks: SQLite has one writer.
            Self::Unchanged { table, guard, held: true, .. } if backend == DbBackend::Postgres => {
                (*table, format!("{guard} FOR SHARE OF {table}"), Verb::Find)
            }
            Self::Unchanged { table, guard, .. } => (*table, (*guard).to_owned(), Verb::Find),
        };
        let (names, picks) = match self {
            Self::InsertPicked { columns, picks, .. } => {
                ((*columns).to_owned(), (*picks).to_owned())
            }
            Self::Insert { .. }
            | Self::InsertIf { .. }
            | Self::Update { .. }
            | Self::Unchanged { .. } => (rows.names(), rows.select_list(backend)),
        };
        let key = rows.0.first().map_or("", |(name, _)| *name);
        Shape { table, names, picks, key, bound: String::new(), verb, condition }
    }

    fn into_rows(self) -> Rows {
        match self {
            Self::Insert { rows, .. }
            | Self::InsertPicked { rows, .. }
            | Self::InsertIf { rows, .. }
            | Self::Update { rows, .. }
            | Self::Unchanged { rows, .. } => rows,
        }
    }
}

struct Shape {
    table: &'static str,
    names: String,
    picks: String,
    key: &'static str,
    bound: String,
    verb: Verb,
    /// The condition on a row, and the suffix.
    condition: String,
}

/// What a statement does with the rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Insert,
    /// With these assignments.
    Update(&'static str),
    Find,
}

impl Shape {
    /// Adds the redundant condition that the rows to update or find have the keys in parameter `$first`.
    /// PostgreSQL can then read them before or after the list, and never scans a table that was
    /// small when the plan was made.
    fn bounded(mut self, first: usize, rows: &Rows) -> Self {
        if let Some((key, column)) = rows.0.first().filter(|_| self.verb != Verb::Insert) {
            let kind = column.sql_type();
            self.bound = format!(" AND {}.{key} = ANY(${first}::{kind}[])", self.table);
        }
        self
    }
}

/// Writes as the CTEs of one statement, for PostgreSQL.
#[derive(Default)]
struct Together {
    parts: Vec<String>,
    values: Vec<Value>,
}

impl Together {
    /// Adds a write, unless it has no rows; returns the name of its CTE.
    fn add(&mut self, write: Write) -> Option<String> {
        if write.rows().len() == 0 {
            return None;
        }
        let name = format!("w{}", self.parts.len());
        let first = self.values.len() + 1;
        let shape = write.shape(DbBackend::Postgres).bounded(first, write.rows());
        let (source, values) = write.into_rows().unnest(first);
        let returning = if shape.verb == Verb::Find { "" } else { " RETURNING 1" };
        self.parts.push(format!("{name} AS ({}{returning})", Write::sql(&shape, &source)));
        self.values.extend(values);
        Some(name)
    }

    fn statement(self, select: &str) -> Statement {
        let sql = format!("WITH {} SELECT {select}", self.parts.join(", "));
        Statement::from_sql_and_values(DbBackend::Postgres, sql, self.values)
    }
}

impl Db {
    /// Executes all writes, which must be on different tables, in one statement that is its own
    /// transaction: one round trip, locks are taken in the order of the writes, and nothing is written unless
    /// each write touched the expected number of rows before the deadline. PostgreSQL only.
    pub(crate) async fn write_at_once(
        &self,
        writes: Vec<Write>,
        until: Option<Deadline>,
    ) -> Result<(), DbError> {
        let mut together = Together::default();
        let (mut checks, mut tables) = (Vec::new(), vec![CLOCK]);
        for write in writes {
            let (table, expected) = (write.table(), write.rows_expected());
            let Some(part) = together.add(write) else { continue };
            let written = format!("(SELECT COUNT(*) FROM {part})");
            match expected {
                Some(expected) => {
                    together.values.push(expected.into());
                    let nth = together.values.len();
                    checks.push(format!("all_or_raced({written}, ${nth}, '{table}')"));
                    tables.push(table);
                }
                // Counted so that it has been written, and has waited, when the clock is read.
                None if until.is_some() => checks.push(written),
                None => {}
            }
        }
        // The last column, so that the clock is read after all the others.
        if let Some(until) = until {
            let (check, moment) = until.check(together.values.len() + 1);
            together.values.push(moment);
            checks.push(check);
        }
        if together.parts.is_empty() {
            return Ok(());
        }
        let select = if checks.is_empty() { "1".to_owned() } else { checks.join(", ") };
        write_point::reached("tx:statement");
        let done = self.conn().query_one_raw(together.statement(&select)).await;
        done.map_err(|error| raced(error, &tables))?;
        write_point::reached("tx:committed");
        Ok(())
    }
}

/// Converts the error of `all_or_raced` to [`DbError::Raced`] with the table that it names.
fn raced(error: DbErr, tables: &[&'static str]) -> DbError {
    let error = DbError::from(error);
    let named = error.serialization_failure_on();
    match tables.iter().find(|table| Some(**table) == named) {
        Some(table) => DbError::Raced { table },
        None => error,
    }
}

impl Tx {
    /// Inserts all rows. `suffix` may hold a conflict clause.
    pub(crate) async fn insert_rows(
        &self,
        table: &'static str,
        rows: Rows,
        suffix: &'static str,
    ) -> Result<(), DbError> {
        self.write_all(vec![Write::Insert { table, rows, suffix }]).await
    }

    /// Updates the existing ones of `rows`; returns how many.
    pub(crate) async fn update_rows(
        &self,
        table: &'static str,
        rows: Rows,
        set: &'static str,
    ) -> Result<i64, DbError> {
        self.write_some(Write::Update { table, rows, set, guard: "true" }).await
    }

    /// Executes all writes, which must be on different tables. On PostgreSQL they are one statement
    /// and one round trip. [`DbError::Raced`] if one of them touched fewer rows than expected.
    pub(crate) async fn write_all(&self, writes: Vec<Write>) -> Result<(), DbError> {
        let expected: Vec<_> =
            writes.iter().map(|write| (write.table(), write.rows_expected())).collect();
        let written = self.written(writes).await?;
        for ((table, expected), written) in expected.into_iter().zip(written) {
            if expected.is_some_and(|expected| expected != written) {
                return Err(DbError::Raced { table });
            }
        }
        Ok(())
    }

    /// Executes a write that may touch fewer rows than it has; returns how many it touched.
    pub(crate) async fn write_some(&self, write: Write) -> Result<i64, DbError> {
        Ok(self.written(vec![write]).await?.into_iter().sum())
    }

    /// How many rows each write touched.
    async fn written(&self, writes: Vec<Write>) -> Result<Vec<i64>, DbError> {
        if self.backend() == DbBackend::Postgres {
            self.write_together(writes).await
        } else {
            self.write_in_turn(writes).await
        }
    }

    async fn write_together(&self, writes: Vec<Write>) -> Result<Vec<i64>, DbError> {
        let mut together = Together::default();
        let counts: Vec<String> = writes
            .into_iter()
            .map(|write| match together.add(write) {
                Some(part) => format!("(SELECT COUNT(*) FROM {part})"),
                None => "CAST(0 AS BIGINT)".to_owned(),
            })
            .collect();
        if together.parts.is_empty() {
            return Ok(vec![0; counts.len()]);
        }
        let statement = together.statement(&counts.join(", "));
        let row = self.conn().query_one_raw(statement).await?;
        let row = row.ok_or(DbError::Inconsistent { table: "writes", what: "no counts" })?;
        (0..counts.len()).map(|n| Ok(row.try_get_by_index(n)?)).collect()
    }

    async fn write_in_turn(&self, writes: Vec<Write>) -> Result<Vec<i64>, DbError> {
        let mut written = Vec::with_capacity(writes.len());
        for write in writes {
            let shape = write.shape(self.backend());
            let mut rows = 0;
            for (source, values) in write.into_rows().sources(self.backend()) {
                let sql = Write::sql(&shape, &source);
                let statement = Statement::from_sql_and_values(self.backend(), sql, values);
                let done = if shape.verb == Verb::Find {
                    u64::try_from(self.conn().query_all_raw(statement).await?.len()).ok()
                } else {
                    Some(self.conn().execute_raw(statement).await?.rows_affected())
                };
                rows += done.and_then(|done| i64::try_from(done).ok()).unwrap_or(i64::MAX);
            }
            written.push(rows);
        }
        Ok(written)
    }
}
