//! The way back: a list as it was filtered, sorted and turned, at the row that one opened.
//!
//! A list gives each row an anchor and a link that carries its own address (`row`); the page behind it hands that on
//! to its forms (`CameFrom::given`); an act that is done leads there again (`after`).
//!
//! Invariant: it is a path below `/staff/`, and it names no person.

use super::frame::form_encoded;
use serde::Deserialize;
use uuid::Uuid;

/// Where somebody came from, as an address or a form has it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct CameFrom {
    #[serde(default)]
    back: String,
}

impl CameFrom {
    /// What a form carried.
    pub(super) const fn of(back: String) -> Self {
        Self { back }
    }

    /// The page that is named, if it is one of the console; otherwise nothing.
    pub(super) fn given(&self) -> String {
        back_of(&self.back)
    }

    /// The same, or the whole list.
    pub(super) fn or(&self, list: &str) -> String {
        after(&self.back, list)
    }
}

/// Where one goes after an act: where one came from, or `own`.
pub(super) fn after(back: &str, own: &str) -> String {
    Some(back_of(back)).filter(|back| !back.is_empty()).unwrap_or_else(|| own.to_owned())
}

/// A page that leads back to another, if one came from one.
pub(super) fn leading_back(path: &str, back: &str) -> String {
    if back.is_empty() { path.to_owned() } else { format!("{path}?back={}", form_encoded(back)) }
}

/// The place of a row on its page.
pub(super) fn anchor(kind: char, id: Uuid) -> String {
    format!("{kind}{}", id.simple().to_string().split_off(24))
}

/// What a row leads to, and from there back to that row of the list.
pub(super) fn row(path: &str, list: &str, anchor: &str) -> String {
    leading_back(path, &at_row(list, anchor))
}

/// A list at one of its rows.
pub(super) fn at_row(list: &str, anchor: &str) -> String {
    format!("{list}#{anchor}")
}

/// The longest way back, with those that it leads through.
const LONGEST: usize = 2000;
/// What is searched for by forms alone. The lists seal it, as `of`.
const OF_PERSONS: [&str; 4] = ["student_no", "person_no", "phone", "name"];

/// A path below the console's first page; empty for other texts.
fn back_of(back: &str) -> String {
    let (path, fields) = back.split_once('?').unwrap_or((back, ""));
    let within = back.len() <= LONGEST && path.starts_with("/staff/");
    let plain = back.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let path = path.split('#').next().unwrap_or_default();
    let straight = !path.contains('%') && !path.split('/').skip(1).any(is_turn);
    let mut names = fields.split(['&', '#']).filter_map(|field| field.split('=').next());
    let of_person = names.any(|name| OF_PERSONS.contains(&name) || name.contains('%'));
    let good = within && plain && straight && !of_person;
    if good { back.to_owned() } else { String::new() }
}

/// A part of a path that a browser resolves to another place.
fn is_turn(part: &str) -> bool {
    matches!(part, "" | "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_back_within_the_console_and_past_no_person() {
        let good = [
            "/staff/orders?day=2026-03-01&state=paid&sort=oldest&after=0190#o21c08f3a",
            "/staff/people?of=sealed&class=%E6%8A%A4%E7%90%86#p1",
            "/staff/reconciliation/0190?ended=true&back=%2Fstaff%2Freconciliation%3Fstate%3Dopen",
            "/staff/staff",
        ];
        for back in good {
            assert_eq!(after(back, "own"), back);
        }
        let bad = [
            "",
            "/staff",
            "/staffed/x",
            "//evil.example/staff/",
            "https://evil.example/staff/",
            "/staff//evil.example",
            "/staff/../api/v1",
            "/staff/%2e%2e/api",
            "/staff/\\evil.example",
            "/staff/a\r\nSet-Cookie: x",
            "/staff/人员",
            "/staff/doors?group=g&student_no=2301001",
            "/staff/people?phone=13900000000",
            "/staff/people?%70hone=13900000000",
        ];
        for back in bad {
            assert_eq!(after(back, "own"), "own", "{back:?}");
        }
        assert_eq!(after(&format!("/staff/{}", "a".repeat(LONGEST)), "own"), "own");
    }

    #[test]
    fn a_row_leads_to_a_page_and_back_to_itself() {
        let id = Uuid::from_u128(0x21c0_8f3a);
        let (list, anchor) = ("/staff/orders?state=paid&after=x", anchor('o', id));
        assert_eq!(
            row("/staff/orders/1", list, &anchor),
            "/staff/orders/1?back=/staff/orders%3Fstate%3Dpaid%26after%3Dx%23o21c08f3a"
        );
        assert_eq!(leading_back("/staff/orders/1", ""), "/staff/orders/1");
    }
}
