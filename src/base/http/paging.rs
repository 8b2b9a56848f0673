//! Lists in pages: how many rows to read, and where the next page begins.

/// How many rows a page has at most: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u16);

impl PageSize {
    const MAX: u16 = 100;

    /// What a request asked for, brought within the limits; `default` where it asked for nothing.
    pub fn asked(limit: Option<u16>, default: u16) -> Self {
        Self(limit.unwrap_or(default).clamp(1, Self::MAX))
    }

    /// How many rows to read: one more than are shown, which tells whether there is a next page.
    pub fn to_read(self) -> u16 {
        self.0 + 1
    }

    /// The rows that are shown, and the cursor of the next page: that of the last row shown, or nothing
    /// on the last page.
    pub fn page<T>(
        self,
        mut found: Vec<T>,
        cursor: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let more = found.len() > usize::from(self.0);
        found.truncate(self.0.into());
        let next_cursor = found.last().filter(|_| more).map(cursor);
        (found, next_cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::PageSize;

    #[test]
    fn a_page_and_its_next_cursor() {
        // (asked for, rows there are) → (rows read, rows shown, next cursor)
        type Case = (Option<u16>, u16, u16, usize, Option<&'static str>);
        let cases: [Case; 8] = [
            (None, 0, 21, 0, None),
            (None, 20, 21, 20, None),
            (None, 21, 21, 20, Some("19")),
            (Some(0), 5, 2, 1, Some("0")),
            (Some(1), 1, 2, 1, None),
            (Some(100), 100, 101, 100, None),
            (Some(100), 500, 101, 100, Some("99")),
            (Some(u16::MAX), 500, 101, 100, Some("99")),
        ];
        for (asked, there_are, read, shown, next) in cases {
            let size = PageSize::asked(asked, 20);
            assert_eq!(size.to_read(), read, "{asked:?}");
            let found: Vec<u16> = (0..there_are.min(read)).collect();
            let (rows, cursor) = size.page(found, u16::to_string);
            assert_eq!((rows.len(), cursor.as_deref()), (shown, next), "{asked:?} of {there_are}");
        }
    }
}
