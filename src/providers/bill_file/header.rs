//! The columns of a file, by name.

use crate::reconciliation::BadBill;

/// The columns of a part of a bill, by name.
#[derive(Clone, Debug)]
pub(in crate::providers) struct Header(Vec<String>);

impl Header {
    pub(in crate::providers) fn parse(line: &str) -> Self {
        // Some files have full-width brackets, and some quote the header as they do the cells.
        let name = |cell: &str| {
            let cell = cell.trim().trim_start_matches('`');
            cell.replace('（', "(").replace('）', ")")
        };
        Self(line.split(',').map(name).collect())
    }

    /// The place of a column that has one of these names; of which the first is today's.
    pub(in crate::providers) fn place(&self, names: &[&'static str]) -> Result<usize, BadBill> {
        let missing = BadBill::Column(names.first().copied().unwrap_or_default());
        self.optional(names)?.ok_or(missing)
    }

    /// The same for a column that may be absent.
    pub(in crate::providers) fn optional(
        &self,
        names: &[&'static str],
    ) -> Result<Option<usize>, BadBill> {
        for name in names {
            let mut places = self.0.iter().enumerate().filter(|(_, cell)| cell == name);
            let found = places.next().map(|(place, _)| place);
            if found.is_some() {
                let twice = places.next().is_some();
                return if twice { Err(BadBill::Column(name)) } else { Ok(found) };
            }
        }
        Ok(None)
    }

    /// How many columns there are.
    pub(in crate::providers) fn len(&self) -> usize {
        self.0.len()
    }
}
