//! Lists in the order of their ids, a page at a time.

use sea_orm::Value;
use uuid::Uuid;

/// A page of a list: so many rows at most, from beyond an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyset<T = Uuid> {
    /// The last id that is not in it; none for the beginning of the list.
    pub beyond: Option<T>,
    /// Whether later ids come first.
    pub descending: bool,
    /// At most so many rows.
    pub most: u16,
}

impl<T: Into<Value>> Keyset<T> {
    /// Continues a `WHERE` clause with the place, the order and the number of rows.
    pub(crate) fn sql(self, column: &str, values: &mut Vec<Value>) -> String {
        let (sign, order) = if self.descending { ("<", "DESC") } else { (">", "ASC") };
        let place = self.beyond.map_or_else(String::new, |id| {
            values.push(id.into());
            format!(" AND {column} {sign} ${}", values.len())
        });
        format!("{place} ORDER BY {column} {order} LIMIT {}", self.most)
    }
}
