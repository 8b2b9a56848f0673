//! Lists: what an address says of filter, sort and place, and what a page shows of it.
//!
//! The address is the whole state of a list, so that it can be kept, sent and come back to.

use super::frame::form_encoded;
use crate::base::{db::Keyset, http::PageSize, money::Fen};
use serde::Deserialize;
use std::fmt;
use uuid::Uuid;

/// Rows of a page.
pub(super) const ROWS: u16 = 50;
/// So many rows are counted; more are so many and more.
pub(super) const COUNTED: u32 = 1000;

/// The address of a list. Fields that are empty are left out.
#[derive(Clone, Debug)]
pub(super) struct Address {
    path: &'static str,
    fields: Vec<(&'static str, String)>,
}

impl Address {
    pub(super) const fn of(path: &'static str) -> Self {
        Self { path, fields: Vec::new() }
    }

    /// The same with this field, in place of an earlier value of it.
    #[must_use]
    pub(super) fn with(&self, name: &'static str, value: impl fmt::Display) -> Self {
        let mut with = self.without(name);
        let value = value.to_string();
        if !value.is_empty() {
            with.fields.push((name, value));
        }
        with
    }

    /// The same without this field.
    #[must_use]
    pub(super) fn without(&self, name: &str) -> Self {
        let others = self.fields.iter().filter(|(field, _)| *field != name);
        Self { path: self.path, fields: others.cloned().collect() }
    }
}

impl Address {
    /// The address of the list as a file.
    fn export(&self) -> String {
        format!("{}/export{}", self.path, Query(&self.fields))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path, Query(&self.fields))
    }
}

/// Fields as an address ends with them.
struct Query<'a>(&'a [(&'static str, String)]);

impl fmt::Display for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (name, value)) in self.0.iter().enumerate() {
            let mark = if nth == 0 { '?' } else { '&' };
            write!(f, "{mark}{name}={}", form_encoded(value))?;
        }
        Ok(())
    }
}

/// The order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sort {
    #[default]
    Newest,
    Oldest,
}

/// Where in a list an address is: after a row or before one, else at the beginning.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Place<C = Uuid> {
    #[serde(default)]
    sort: Sort,
    after: Option<C>,
    before: Option<C>,
}

impl<C> Default for Place<C> {
    fn default() -> Self {
        Self { sort: Sort::default(), after: None, before: None }
    }
}

/// The ways to the pages beside this one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pages {
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
}

/// What stands around the rows of a list that is filtered, sorted and exported.
#[derive(Debug)]
pub(super) struct ListView {
    pub(super) is_oldest_first: bool,
    pub(super) chips: Vec<Chip>,
    /// The list without its filters.
    pub(super) clear: &'static str,
    pub(super) total: String,
    pub(super) head: SortHead,
    pub(super) empty: &'static str,
    pub(super) export: String,
}

/// The head of the column that a list is sorted by.
#[derive(Debug)]
pub(super) struct SortHead {
    /// The list the other way round.
    pub(super) path: String,
    /// For `aria-sort`.
    pub(super) sorted: &'static str,
    pub(super) word: &'static str,
}

impl<C: Copy + fmt::Display> Place<C> {
    /// The same in a list that is only read from its oldest row.
    pub(super) fn oldest_first(self) -> Self {
        Self { sort: Sort::Oldest, ..self }
    }

    /// Whether later rows come first.
    pub(super) fn descending(self) -> bool {
        self.sort == Sort::Newest
    }

    /// What to read: one row more than is shown, which tells whether there are others beyond.
    pub(super) fn keyset(self) -> Keyset<C> {
        let (newest, back) = (self.descending(), self.is_back());
        let beyond = self.after.or(self.before);
        Keyset { beyond, descending: newest != back, most: size().to_read() }
    }

    /// The rows in the order of the list, and the ways to the pages beside it.
    pub(super) fn turn<T>(
        self,
        found: Vec<T>,
        id: impl Fn(&T) -> C,
        list: &Address,
    ) -> (Vec<T>, Pages) {
        let (rows, [previous, next]) = self.beside(found, id);
        let list = self.sorted(list);
        let to = |name, at: Option<C>| at.map(|at| list.with(name, at).to_string());
        (rows, Pages { previous: to("before", previous), next: to("after", next) })
    }

    /// The same with the rows that the pages beside it are before and after.
    pub(super) fn beside<T>(self, found: Vec<T>, id: impl Fn(&T) -> C) -> (Vec<T>, [Option<C>; 2]) {
        let (mut rows, beyond) = size().page(found, |_| String::new());
        let more = beyond.is_some();
        if self.is_back() {
            rows.reverse();
        }
        let [has_previous, has_next] =
            if self.is_back() { [more, true] } else { [self.after.is_some(), more] };
        let first = rows.first().filter(|_| has_previous).map(&id);
        let last = rows.last().filter(|_| has_next).map(&id);
        (rows, [first, last])
    }

    /// The address of this very page.
    pub(super) fn address(self, list: &Address) -> Address {
        let place = [("after", self.after), ("before", self.before)];
        let place = place.into_iter().filter_map(|(name, id)| Some((name, id?)));
        place.fold(self.sorted(list), |list, (name, id)| list.with(name, id))
    }

    /// What stands around the rows, with what an empty list says: that there is nothing yet, or nothing
    /// that fits the filters.
    pub(super) fn view(
        self,
        list: &Address,
        chips: Vec<Chip>,
        total: String,
        [nothing_yet, nothing_fits]: [&'static str; 2],
    ) -> ListView {
        ListView {
            is_oldest_first: self.sort == Sort::Oldest,
            clear: list.path,
            total,
            head: self.head(list),
            empty: if chips.is_empty() { nothing_yet } else { nothing_fits },
            export: self.sorted(list).export(),
            chips,
        }
    }

    /// The head of the column of the order.
    fn head(self, list: &Address) -> SortHead {
        match self.sort {
            Sort::Newest => SortHead {
                path: list.with("sort", "oldest").to_string(),
                sorted: "descending",
                word: "改为旧的在前",
            },
            Sort::Oldest => SortHead {
                path: list.without("sort").to_string(),
                sorted: "ascending",
                word: "改为新的在前",
            },
        }
    }

    /// Towards the beginning, from a later page.
    const fn is_back(self) -> bool {
        self.after.is_none() && self.before.is_some()
    }

    fn sorted(self, list: &Address) -> Address {
        if self.sort == Sort::Oldest { list.with("sort", "oldest") } else { list.clone() }
    }
}

pub(super) fn size() -> PageSize {
    PageSize::asked(None, ROWS)
}

/// A filter that is in force, and the list without it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chip {
    /// The field of the address.
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) remove: String,
}

/// The chips of the fields that are asked for.
pub(super) fn chips<const N: usize>(
    list: &Address,
    fields: [(&'static str, Option<String>); N],
) -> Vec<Chip> {
    let chip = |(name, text): (_, Option<String>)| {
        Some(Chip { name, text: text?, remove: list.without(name).to_string() })
    };
    fields.into_iter().filter_map(chip).collect()
}

/// A value of a field with a list of values.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) word: &'static str,
    pub(super) chosen: bool,
}

/// The values of a field, with the one that was chosen.
pub(super) fn choices<T: Copy + PartialEq>(
    all: impl IntoIterator<Item = T>,
    chosen: Option<T>,
    value: impl Fn(T) -> &'static str,
    word: impl Fn(T) -> &'static str,
) -> Vec<Choice> {
    let choice =
        |one: T| Choice { value: value(one), word: word(one), chosen: chosen == Some(one) };
    all.into_iter().map(choice).collect()
}

/// How many rows there are, of which up to [`COUNTED`] and one were looked at.
pub(super) fn count(rows: u64, unit: &str) -> String {
    if rows > u64::from(COUNTED) {
        format!("1,000+ {unit}")
    } else {
        format!("{} {unit}", grouped(rows))
    }
}

/// How many rows there are, of which up to [`COUNTED`] and one were looked at, and what they come to.
pub(super) fn totals((rows, fen): (u64, Fen), unit: &str, sum: &str) -> String {
    let text = count(rows, unit);
    if rows > u64::from(COUNTED) {
        format!("{text}，多于 1,000 {unit}不算{sum}合计，请缩小筛选或导出")
    } else {
        format!("{text}，{sum} {}", money(fen))
    }
}

/// An amount with its thousands apart: `¥12,480.50`.
pub(super) fn money(amount: Fen) -> String {
    let text = amount.to_string();
    let digits = text.trim_start_matches('¥');
    let (yuan, rest) = digits.split_once('.').unwrap_or((digits, "00"));
    format!("¥{}.{rest}", grouped(yuan.parse().unwrap_or(0)))
}

/// `12,480`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let (mut text, length) = (String::new(), digits.len());
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (length - nth) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const LIST: Address = Address::of("/staff/things");

    #[test]
    fn an_address_is_its_fields() {
        let list = LIST.with("state", "paid").with("day", "2026-11-28").with("purpose", "");
        assert_eq!(list.to_string(), "/staff/things?state=paid&day=2026-11-28");
        assert_eq!(
            list.with("state", "a b&c").to_string(),
            "/staff/things?day=2026-11-28&state=a%20b%26c"
        );
        assert_eq!(list.without("state").without("day").to_string(), "/staff/things");
    }

    /// A list of so many rows, as a database would answer.
    fn read(rows: u128, keyset: Keyset) -> Vec<Uuid> {
        let beyond = |id: &Uuid| {
            keyset
                .beyond
                .is_none_or(|beyond| if keyset.descending { *id < beyond } else { *id > beyond })
        };
        let mut found: Vec<Uuid> = (1..=rows).map(Uuid::from_u128).filter(beyond).collect();
        if keyset.descending {
            found.reverse();
        }
        found.truncate(keyset.most.into());
        found
    }

    /// The place that an address names.
    fn place(address: &str) -> Place {
        let fields = address.split_once('?').map_or("", |(_, fields)| fields).split('&');
        let fields: BTreeMap<&str, &str> =
            fields.filter_map(|field| field.split_once('=')).collect();
        let id = |name| fields.get(name).map(|id| id.parse().unwrap());
        let sort = if fields.contains_key("sort") { Sort::Oldest } else { Sort::Newest };
        Place { sort, after: id("after"), before: id("before") }
    }

    #[test]
    fn each_row_is_on_one_page_there_and_back() {
        for sort in [Sort::Newest, Sort::Oldest] {
            for rows in [0, 1, 49, 50, 51, 100, 101, 173] {
                let turn = |place: Place| place.turn(read(rows, place.keyset()), |id| *id, &LIST);
                let mut seen = Vec::new();
                let mut at = Place { sort, ..Place::default() };
                let (mut page, mut pages) = turn(at);
                assert_eq!(pages.previous, None, "the first of {rows}");
                let mut all = vec![page.clone()];
                while let Some(next) = pages.next {
                    seen.extend(page);
                    at = place(&next);
                    (page, pages) = turn(at);
                    all.push(page.clone());
                }
                seen.extend(page);
                let mut expected: Vec<Uuid> = (1..=rows).map(Uuid::from_u128).collect();
                if sort == Sort::Newest {
                    expected.reverse();
                }
                assert_eq!(seen, expected, "{rows} forward");
                // And back, page by page the same.
                for page in all.iter().rev().skip(1) {
                    at = place(&pages.previous.unwrap());
                    let (back, beside) = turn(at);
                    assert_eq!(back, *page, "{rows} back");
                    pages = beside;
                }
                assert_eq!(pages.previous, None, "{rows} at the beginning again");
            }
        }
    }

    #[test]
    fn numbers_are_read_at_a_glance() {
        let fen = |fen| Fen::new(fen).unwrap();
        let cases = [
            ((0, 0), "0 笔，已付款 ¥0.00"),
            ((312, 1_248_050), "312 笔，已付款 ¥12,480.50"),
            ((1000, 100_000_000), "1,000 笔，已付款 ¥1,000,000.00"),
            ((1001, 100_000_000), "1,000+ 笔，多于 1,000 笔不算已付款合计，请缩小筛选或导出"),
        ];
        for ((rows, amount), text) in cases {
            assert_eq!(totals((rows, fen(amount)), "笔", "已付款"), text);
        }
        assert_eq!([grouped(7), grouped(999), grouped(1000)], ["7", "999", "1,000"]);
    }
}
