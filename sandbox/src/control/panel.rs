//! What a stand-in adds to the control page, and the parts that all of the page shares.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::clock::china;

/// The most entries of a page.
pub(crate) const PAGE_LENGTH: usize = 20;

/// A stand-in's part of the control page. Sections are HTML, made with [`crate::page::section`].
#[derive(Debug, Default)]
pub(crate) struct Panel {
    /// Pages of its own, linked from the head.
    pub(crate) links: Vec<Link>,
    /// For the overview.
    pub(crate) counts: Vec<Count>,
    /// What happened: below the overview.
    pub(crate) activity: Vec<String>,
    /// What it is set up with: at the end.
    pub(crate) setup: Vec<String>,
}

impl Panel {
    /// This one's parts before the other's.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.links.extend(other.links);
        self.counts.extend(other.counts);
        self.activity.extend(other.activity);
        self.setup.extend(other.setup);
        self
    }
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) path: &'static str,
    pub(crate) label: &'static str,
}

/// A number of things of one kind.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) label: &'static str,
    pub(crate) count: u64,
}

/// The query of a visit to the control page: which page of each list is shown.
#[derive(Debug)]
pub(crate) struct Visit(pub(super) HashMap<String, String>);

impl Visit {
    /// The place in a list of `total` entries whose page is given by the query's `parameter`.
    pub(crate) fn pages(&self, parameter: &str, total: usize) -> Pages {
        Pages::new(self.0.get(parameter).and_then(|page| page.parse().ok()), total)
    }
}

/// A page of a list, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pages {
    pub(crate) here: usize,
    pub(crate) last: usize,
    pub(crate) total: usize,
}

impl Pages {
    fn new(wanted: Option<usize>, total: usize) -> Self {
        let last = total.div_ceil(PAGE_LENGTH).max(1);
        Self { here: wanted.unwrap_or(1).clamp(1, last), last, total }
    }

    pub(crate) fn skipped(self) -> usize {
        (self.here - 1) * PAGE_LENGTH
    }

    /// The entries of this page.
    pub(crate) fn part<T>(self, whole: Vec<T>) -> impl Iterator<Item = T> {
        whole.into_iter().skip(self.skipped()).take(PAGE_LENGTH)
    }
}

/// Month to second, in China.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    china(at).format("%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_clamped() {
        let table = [
            (None, 0, (1, 1, 0)),
            (Some("9"), 0, (1, 1, 0)),
            (Some("0"), 41, (1, 3, 0)),
            (Some("3"), 41, (3, 3, 40)),
            (Some("4"), 41, (3, 3, 40)),
            (Some("x"), 41, (1, 3, 0)),
        ];
        for (wanted, total, (here, last, skipped)) in table {
            let query = wanted.map(|page| ("page".to_owned(), page.to_owned()));
            let pages = Visit(query.into_iter().collect()).pages("page", total);
            assert_eq!((pages.here, pages.last, pages.skipped()), (here, last, skipped));
        }
    }
}
