//! Bulk statements with many rows, on both databases.
//!
//! On PostgreSQL each column is a typed array that is unnested, so that the statement's text, and
//! with it the prepared plan, is the same for one row and for fifty. SQLite has no arrays and gets
//! a `VALUES` list.

use sea_orm::{DbBackend, Value, sea_query::ArrayType};
use std::fmt::Write as _;
use uuid::Uuid;

/// SQLite binds at most 32,766 parameters; no table here has more than twenty columns.
const SQLITE_ROWS_PER_STATEMENT: usize = 1000;

/// The values of one column. All columns of a [`Rows`] have the same length.
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

    pub(super) const fn sql_type(&self) -> &'static str {
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
            // The driver does not support NULL in arrays: the nil id represents NULL in transit.
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

/// A table of values, stored by column.
#[derive(Debug)]
pub struct Rows(pub(super) Vec<(&'static str, Column)>);

impl Rows {
    /// Rows of the named columns. All columns must have the same length.
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

    pub(super) fn len(&self) -> usize {
        self.0.first().map_or(0, |(_, column)| column.len())
    }

    pub(super) fn names(&self) -> String {
        self.0.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The rows as `FROM` sources named `r`, with their parameters: one on PostgreSQL, one for each
    /// thousand rows on SQLite.
    pub(crate) fn sources(self, backend: DbBackend) -> Vec<(String, Vec<Value>)> {
        if self.len() == 0 {
            Vec::new()
        } else if backend == DbBackend::Postgres {
            vec![self.unnest(1)]
        } else {
            self.value_lists()
        }
    }

    /// The source for PostgreSQL; its first parameter is `$first`.
    pub(super) fn unnest(self, first: usize) -> (String, Vec<Value>) {
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
    pub(super) fn select_list(&self, backend: DbBackend) -> String {
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

/// Replaces `{keys1}`, `{keys2}` … in the statement with lists of keys; each occurs once, in order.
pub(super) fn keyed(sql: &str, keys: Vec<Column>, backend: DbBackend) -> (String, Vec<Value>) {
    let (mut sql, mut values) = (sql.to_owned(), Vec::new());
    for (n, column) in keys.into_iter().enumerate() {
        let nth = n + 1;
        let among = if backend == DbBackend::Postgres {
            format!("= ANY(${nth}::{}[])", column.sql_type())
        } else {
            format!("IN ({})", vec!["?"; column.len()].join(", "))
        };
        sql = sql.replace(&format!("{{keys{nth}}}"), &among);
        if backend == DbBackend::Postgres {
            values.push(column.into_array());
        } else {
            values.extend(column.into_values());
        }
    }
    (sql, values)
}
