//! Lists of what is allowed beyond a rule.

use std::collections::BTreeSet;

/// Something that a rule forbids and that is allowed in one place.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// A room or a file.
    pub place: &'static str,
    /// What it may name.
    pub what: &'static [&'static str],
    pub why: &'static str,
}

pub const fn except(
    place: &'static str,
    what: &'static [&'static str],
    why: &'static str,
) -> Exception {
    Exception { place, what, why }
}

/// The exceptions of one run of a check, which notes those that were needed.
#[derive(Debug)]
pub struct Exceptions<'a> {
    list: &'a [Exception],
    used: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Exceptions<'a> {
    pub const fn new(list: &'a [Exception]) -> Self {
        Self { list, used: BTreeSet::new() }
    }

    pub fn allow(&mut self, place: &str, what: &str) -> bool {
        let of_place = self.list.iter().filter(|entry| entry.place == place);
        let named = of_place.flat_map(|entry| entry.what.iter().map(|what| (entry.place, *what)));
        let found: Vec<_> = named.filter(|(_, named)| *named == what).collect();
        self.used.extend(&found);
        !found.is_empty()
    }

    /// A complaint about each entry that nothing needed, that stands twice or that has no reason.
    pub fn complaints(self) -> Vec<String> {
        let (mut seen, mut complaints) = (BTreeSet::new(), Vec::new());
        for entry in self.list {
            if entry.why.is_empty() {
                complaints.push(format!("exception without a reason: {}", entry.place));
            }
            for what in entry.what {
                if !self.used.contains(&(entry.place, *what)) {
                    complaints.push(format!("unused exception: {}, {what}", entry.place));
                }
                if !seen.insert((entry.place, what)) {
                    complaints.push(format!("exception listed twice: {}, {what}", entry.place));
                }
            }
        }
        complaints
    }
}

#[test]
fn exceptions_are_needed_reasoned_and_listed_once() {
    let list =
        [except("a", &["x", "y"], "why"), except("b", &["x"], ""), except("a", &["x"], "why")];
    let mut exceptions = Exceptions::new(&list);
    assert!(exceptions.allow("a", "x"));
    assert!(exceptions.allow("b", "x"));
    assert!(!exceptions.allow("b", "y"));
    assert!(!exceptions.allow("c", "x"));
    assert_eq!(
        exceptions.complaints(),
        ["unused exception: a, y", "exception without a reason: b", "exception listed twice: a, x"]
    );
}
