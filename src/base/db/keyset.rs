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

/// Rows that are read at a time where all of a list are.
const AT_ONCE: u16 = 1000;

impl<T> Keyset<T> {
    /// All rows of a list, those with later ids first, a thousand at a time; `None` if there are more than
    /// `most`.
    pub async fn read_all<R, E>(
        most: u16,
        id: impl Fn(&R) -> T,
        page: impl AsyncFn(Self) -> Result<Vec<R>, E>,
    ) -> Result<Option<Vec<R>>, E> {
        let mut rows: Vec<R> = Vec::new();
        loop {
            let beyond = rows.last().map(&id);
            let found = page(Self { beyond, descending: true, most: AT_ONCE }).await?;
            let is_last = found.len() < usize::from(AT_ONCE);
            rows.extend(found);
            if rows.len() > usize::from(most) {
                return Ok(None);
            }
            if is_last {
                return Ok(Some(rows));
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[tokio::test]
    async fn a_list_is_read_whole_or_not_at_all() {
        for (rows, whole) in [(0, true), (999, true), (1000, true), (2500, true), (2501, false)] {
            let page = async |page: Keyset<u16>| {
                let below = page.beyond.unwrap_or(rows + 1);
                let found = (1..below).rev().take(page.most.into()).collect::<Vec<u16>>();
                Ok::<_, Infallible>(found)
            };
            let Ok(read) = Keyset::read_all(2500, |id| *id, page).await;
            let all: Vec<u16> = (1..=rows).rev().collect();
            assert_eq!(read, whole.then_some(all), "{rows}");
        }
    }
}
