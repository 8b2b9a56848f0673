//! Combines several queries into one statement: one round trip, and results of one snapshot.

use super::{Column, DbError, Source, bulk};
use sea_orm::{DbBackend, QueryResult, TryGetable, Value};

/// A query that can be run alone or combined with others.
#[derive(Debug)]
pub struct Question {
    /// Expressions, each with its SQL type.
    pub(crate) columns: &'static [(&'static str, &'static str)],
    /// The `FROM` clause; `{keys1}`, `{keys2}` … stand for "is in the first, second … list", in
    /// this order.
    pub(crate) from: &'static str,
    /// The lists of keys.
    pub(crate) keys: Vec<Column>,
}

/// A row of a result.
#[derive(Debug)]
pub struct Found {
    row: QueryResult,
    first: usize,
}

impl Found {
    /// The value of the query's column at this index.
    pub(crate) fn get<T: TryGetable>(&self, place: usize) -> Result<T, DbError> {
        Ok(self.row.try_get_by_index(self.first + place)?)
    }
}

impl Source<'_> {
    /// Runs all queries in one statement; results are in the order of the queries.
    pub async fn ask<const N: usize>(
        self,
        questions: [Question; N],
    ) -> Result<[Vec<Found>; N], DbError> {
        let firsts = firsts(&questions);
        let (sql, values) = together(questions, self.backend());
        let mut answers = [const { Vec::new() }; N];
        for row in self.select(&sql, values).await? {
            let nth = usize::try_from(row.try_get_by_index::<i32>(0)?).unwrap_or(usize::MAX);
            let (Some(answer), Some(first)) = (answers.get_mut(nth), firsts.get(nth)) else {
                return Err(DbError::Inconsistent { table: "questions", what: "no such question" });
            };
            answer.push(Found { row, first: *first });
        }
        Ok(answers)
    }
}

/// The index of each query's first column. Column 0 is the query's number; the queries' columns
/// follow side by side.
fn firsts<const N: usize>(questions: &[Question; N]) -> [usize; N] {
    let mut next = 1;
    questions.each_ref().map(|question| {
        let first = next;
        next += question.columns.len();
        first
    })
}

/// Builds a union in which each query fills its own columns and leaves the others NULL.
fn together<const N: usize>(questions: [Question; N], backend: DbBackend) -> (String, Vec<Value>) {
    let select = |nth: usize| {
        let columns = questions.iter().enumerate().flat_map(|(n, question)| {
            question.columns.iter().map(move |(column, kind)| {
                if n == nth { (*column).to_owned() } else { format!("CAST(NULL AS {kind})") }
            })
        });
        columns.collect::<Vec<_>>().join(", ")
    };
    let (mut parts, mut lists) = (Vec::with_capacity(N), 0);
    for (nth, question) in questions.iter().enumerate() {
        let mut from = question.from.to_owned();
        for key in (1..=question.keys.len()).rev() {
            from = from.replace(&format!("{{keys{key}}}"), &format!("{{keys{}}}", lists + key));
        }
        lists += question.keys.len();
        parts.push(format!("SELECT CAST({nth} AS integer), {} FROM {from}", select(nth)));
    }
    let keys = questions.into_iter().flat_map(|question| question.keys).collect();
    bulk::keyed(&parts.join(" UNION ALL "), keys, backend)
}
