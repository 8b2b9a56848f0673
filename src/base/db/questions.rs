//! Several questions in one statement: one round trip, and answers of one moment.

use super::{Column, DbError, Source, bulk};
use sea_orm::{DbBackend, QueryResult, TryGetable, Value};

/// What to select from where, to be asked alone or together with others.
#[derive(Debug)]
pub struct Question {
    /// Expressions, each with its SQL type.
    pub(crate) columns: &'static [(&'static str, &'static str)],
    /// What stands after `FROM`; `{keys1}`, `{keys2}` … stand for "is among the first, second …
    /// list", in this order.
    pub(crate) from: &'static str,
    /// The lists.
    pub(crate) keys: Vec<Column>,
}

/// A row of an answer.
#[derive(Debug)]
pub struct Found {
    row: QueryResult,
    first: usize,
}

impl Found {
    /// The value of the question's column at that place.
    pub(crate) fn get<T: TryGetable>(&self, place: usize) -> Result<T, DbError> {
        Ok(self.row.try_get_by_index(self.first + place)?)
    }
}

impl Source<'_> {
    /// Asks all questions in one statement; answers in their order.
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

/// Where the columns of each question begin: side by side, after the question's number.
fn firsts<const N: usize>(questions: &[Question; N]) -> [usize; N] {
    let mut next = 1;
    questions.each_ref().map(|question| {
        let first = next;
        next += question.columns.len();
        first
    })
}

/// Each question fills its own columns and leaves those of the others empty.
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
