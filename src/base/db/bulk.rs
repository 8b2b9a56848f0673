//! Many rows in one statement, on both databases.
//!
//! PostgreSQL takes a typed array for each column and unnests them, so that the statement's text,
//! and with it the prepared plan, is the same for one row and for fifty. SQLite has no arrays: it
//! takes a list of values.

use super::{Db, DbError, Source, Tx};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value, sea_query::ArrayType};
use std::fmt::Write as _;
use uuid::Uuid;

/// SQLite binds at most 32,766 parameters; no table here has more than twenty columns.
const SQLITE_ROWS_PER_STATEMENT: usize = 1000;

/// The values of one column, all of one length within a [`Rows`].
#[derive(Debug)]
pub enum Column {
    /// `uuid`
    Uuid(Vec<Uuid>),
    /// `uuid`, where `None` is stored as NULL.
    OptUuid(Vec<Option<Uuid>>),
    /// `bigint`
    I64(Vec<i64>),
    /// `integer`
    I32(Vec<i32>),
    /// `text`
    Text(Vec<String>),
    /// `bytea`
    Bytes(Vec<Vec<u8>>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Uuid(v) => v.len(),
            Self::OptUuid(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::Text(v) => v.len(),
            Self::Bytes(v) => v.len(),
        }
    }

    const fn sql_type(&self) -> &'static str {
        match self {
            Self::Uuid(_) | Self::OptUuid(_) => "uuid",
            Self::I64(_) => "bigint",
            Self::I32(_) => "integer",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytea",
        }
    }

    fn into_array(self) -> Value {
        let (kind, values): (ArrayType, Vec<Value>) = match self {
            Self::Uuid(v) => (ArrayType::Uuid, v.into_iter().map(Value::from).collect()),
            // The driver has no arrays with holes: the nil id stands for NULL on the way.
            Self::OptUuid(v) => (
                ArrayType::Uuid,
                v.into_iter().map(|id| Value::from(id.unwrap_or(Uuid::nil()))).collect(),
            ),
            Self::I64(v) => (ArrayType::BigInt, v.into_iter().map(Value::from).collect()),
            Self::I32(v) => (ArrayType::Int, v.into_iter().map(Value::from).collect()),
            Self::Text(v) => (ArrayType::String, v.into_iter().map(Value::from).collect()),
            Self::Bytes(v) => (ArrayType::Bytes, v.into_iter().map(Value::from).collect()),
        };
        Value::Array(kind, Some(Box::new(values)))
    }

    fn into_values(self) -> Vec<Value> {
        match self {
            Self::Uuid(v) => v.into_iter().map(Value::from).collect(),
            Self::OptUuid(v) => v.into_iter().map(Value::from).collect(),
            Self::I64(v) => v.into_iter().map(Value::from).collect(),
            Self::I32(v) => v.into_iter().map(Value::from).collect(),
            Self::Text(v) => v.into_iter().map(Value::from).collect(),
            Self::Bytes(v) => v.into_iter().map(Value::from).collect(),
        }
    }
}

/// A table of values, column by column.
#[derive(Debug)]
pub struct Rows(Vec<(&'static str, Column)>);

impl Rows {
    /// Rows of the named columns. All columns must be of one length.
    pub fn new(columns: Vec<(&'static str, Column)>) -> Self {
        debug_assert!(
            columns.windows(2).all(|pair| match pair {
                [(_, a), (_, b)] => a.len() == b.len(),
                _ => true,
            }),
            "columns of one length"
        );
        Self(columns)
    }

    fn len(&self) -> usize {
        self.0.first().map_or(0, |(_, column)| column.len())
    }

    fn names(&self) -> String {
        self.0.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The rows as something to select from, named `r`, with its parameters: once for PostgreSQL,
    /// once for each thousand rows for SQLite.
    pub(crate) fn sources(self, backend: DbBackend) -> Vec<(String, Vec<Value>)> {
        if self.len() == 0 {
            Vec::new()
        } else if backend == DbBackend::Postgres {
            vec![self.unnest(1)]
        } else {
            self.value_lists()
        }
    }

    /// For PostgreSQL; the first parameter is `$first`.
    fn unnest(self, first: usize) -> (String, Vec<Value>) {
        let names = self.names();
        let mut arrays = String::new();
        let mut values = Vec::with_capacity(self.0.len());
        for (n, (_, column)) in self.0.into_iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            let _ = write!(arrays, "{comma}${}::{}[]", first + n, column.sql_type());
            values.push(column.into_array());
        }
        (format!("UNNEST({arrays}) AS r({names})"), values)
    }

    /// The columns of `r`; nil ids of nullable columns become NULL again.
    fn select_list(&self, backend: DbBackend) -> String {
        let unnested = backend == DbBackend::Postgres;
        let pick = |(name, column): &(&'static str, Column)| match column {
            Column::OptUuid(_) if unnested => format!("NULLIF(r.{name}, '{}'::uuid)", Uuid::nil()),
            Column::OptUuid(_)
            | Column::Uuid(_)
            | Column::I64(_)
            | Column::I32(_)
            | Column::Text(_)
            | Column::Bytes(_) => format!("r.{name}"),
        };
        self.0.iter().map(pick).collect::<Vec<_>>().join(", ")
    }

    fn value_lists(self) -> Vec<(String, Vec<Value>)> {
        let width = self.0.len();
        let mut left = self.len();
        let row = format!("({})", vec!["?"; width].join(", "));
        let mut named = String::new();
        for (n, (name, _)) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            let _ = write!(named, "{comma}column{} AS {name}", n + 1);
        }
        let mut columns: Vec<_> =
            self.0.into_iter().map(|(_, column)| column.into_values().into_iter()).collect();
        let mut lists = Vec::new();
        while left > 0 {
            let rows = left.min(SQLITE_ROWS_PER_STATEMENT);
            let mut values = Vec::with_capacity(rows * width);
            for _ in 0..rows {
                values.extend(columns.iter_mut().filter_map(Iterator::next));
            }
            let list = vec![row.as_str(); rows].join(", ");
            lists.push((format!("(SELECT {named} FROM (VALUES {list})) AS r"), values));
            left -= rows;
        }
        lists
    }
}

/// One write of several that go to the database together.
#[derive(Debug)]
pub enum Write {
    /// Insert all rows. The suffix may say what to do on a conflict.
    Insert {
        /// Into this table.
        table: &'static str,
        /// What.
        rows: Rows,
        /// `ON CONFLICT …` or nothing.
        suffix: &'static str,
    },
    /// Insert a row for each of the rows, with values that the database works out of them.
    InsertPicked {
        /// Into this table.
        table: &'static str,
        /// What to work with.
        rows: Rows,
        /// The columns that are filled.
        columns: &'static str,
        /// A value for each of them, from `r.column`.
        picks: &'static str,
    },
    /// `UPDATE table SET set FROM rows AS r WHERE table.key = r.key AND guard`; the first column of
    /// the rows is the key.
    Update {
        /// This table.
        table: &'static str,
        /// Keys and values.
        rows: Rows,
        /// Assignments, from `r.column`.
        set: &'static str,
        /// What must still hold of the row: the "compare" of a compare-and-set. `true` for nothing.
        guard: &'static str,
    },
}

impl Write {
    const fn rows(&self) -> &Rows {
        match self {
            Self::Insert { rows, .. }
            | Self::InsertPicked { rows, .. }
            | Self::Update { rows, .. } => rows,
        }
    }

    /// The statement around a source of rows.
    fn sql(shape: &Shape, source: &str) -> String {
        let Shape { table, names, picks, key, extra, guard } = shape;
        let Some(guard) = guard else {
            // "WHERE true" tells SQLite that the suffix is no join condition.
            return format!(
                "INSERT INTO {table} ({names}) SELECT {picks} FROM {source} WHERE true {extra}"
            );
        };
        format!(
            "UPDATE {table} SET {extra} FROM {source} WHERE {table}.{key} = r.{key} AND {guard}"
        )
    }

    fn shape(&self, backend: DbBackend) -> Shape {
        let rows = self.rows();
        let (table, extra, guard) = match self {
            Self::Insert { table, suffix, .. } => (*table, *suffix, None),
            Self::InsertPicked { table, .. } => (*table, "", None),
            Self::Update { table, set, guard, .. } => (*table, *set, Some(*guard)),
        };
        let (names, picks) = match self {
            Self::InsertPicked { columns, picks, .. } => {
                ((*columns).to_owned(), (*picks).to_owned())
            }
            Self::Insert { .. } | Self::Update { .. } => (rows.names(), rows.select_list(backend)),
        };
        let key = rows.0.first().map_or("", |(name, _)| *name);
        Shape { table, names, picks, key, extra, guard }
    }

    fn into_rows(self) -> Rows {
        match self {
            Self::Insert { rows, .. }
            | Self::InsertPicked { rows, .. }
            | Self::Update { rows, .. } => rows,
        }
    }
}

struct Shape {
    table: &'static str,
    names: String,
    picks: String,
    key: &'static str,
    extra: &'static str,
    guard: Option<&'static str>,
}

/// Writes as the parts of one statement, for PostgreSQL.
#[derive(Default)]
struct Together {
    parts: Vec<String>,
    values: Vec<Value>,
}

impl Together {
    /// Adds a write, unless it has no rows; answers the name of its part.
    fn add(&mut self, write: Write) -> Option<String> {
        if write.rows().len() == 0 {
            return None;
        }
        let name = format!("w{}", self.parts.len());
        let shape = write.shape(DbBackend::Postgres);
        let (source, values) = write.into_rows().unnest(self.values.len() + 1);
        self.parts.push(format!("{name} AS ({} RETURNING 1)", Write::sql(&shape, &source)));
        self.values.extend(values);
        Some(name)
    }

    fn statement(self, select: &str) -> Statement {
        let sql = format!("WITH {} SELECT {select}", self.parts.join(", "));
        Statement::from_sql_and_values(DbBackend::Postgres, sql, self.values)
    }
}

impl Db {
    /// Does all writes, which must concern different tables, in one statement that is its own
    /// transaction: one round trip, and nothing is written unless every update found every one of
    /// its rows with its guard holding (else [`DbError::is_transient`]). PostgreSQL only.
    pub(crate) async fn write_at_once(&self, writes: Vec<Write>) -> Result<(), DbError> {
        let mut together = Together::default();
        let mut checks = Vec::new();
        for write in writes {
            let expected = match &write {
                Write::Update { rows, .. } => i64::try_from(rows.len()).ok(),
                Write::Insert { .. } | Write::InsertPicked { .. } => None,
            };
            if let (Some(part), Some(expected)) = (together.add(write), expected) {
                together.values.push(expected.into());
                let nth = together.values.len();
                checks.push(format!("all_or_raced((SELECT COUNT(*) FROM {part}), ${nth})"));
            }
        }
        if together.parts.is_empty() {
            return Ok(());
        }
        let select = if checks.is_empty() { "1".to_owned() } else { checks.join(", ") };
        self.conn().query_one_raw(together.statement(&select)).await?;
        Ok(())
    }
}

impl Tx {
    /// Inserts all rows. `suffix` may say what to do on a conflict.
    pub(crate) async fn insert_rows(
        &self,
        table: &'static str,
        rows: Rows,
        suffix: &'static str,
    ) -> Result<(), DbError> {
        self.write_all(vec![Write::Insert { table, rows, suffix }]).await.map(drop)
    }

    /// Updates a row for each of `rows`; answers how many there were.
    pub(crate) async fn update_rows(
        &self,
        table: &'static str,
        rows: Rows,
        set: &'static str,
    ) -> Result<i64, DbError> {
        let written =
            self.write_all(vec![Write::Update { table, rows, set, guard: "true" }]).await?;
        Ok(written.into_iter().sum())
    }

    /// Does all writes, which must concern different tables, and answers how many rows each wrote.
    /// On PostgreSQL they are one statement and one round trip, not several.
    pub(crate) async fn write_all(&self, writes: Vec<Write>) -> Result<Vec<i64>, DbError> {
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
                let done = self.conn().execute_raw(statement).await?.rows_affected();
                rows += i64::try_from(done).unwrap_or(i64::MAX);
            }
            written.push(rows);
        }
        Ok(written)
    }

    /// Runs `sql`, in which `{rows}` stands for the rows named `r`, and collects what it selects.
    pub(crate) async fn select_rows(
        &self,
        sql: &str,
        rows: Rows,
    ) -> Result<Vec<QueryResult>, DbError> {
        Source::Tx(self).select_rows(sql, rows).await
    }
}
