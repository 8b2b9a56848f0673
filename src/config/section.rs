//! Reading one table of the configuration. Each key is taken out as it is read; the keys that are
//! left at the end are unknown.

use super::{Environment, error::Problems, source::is_from_variable};
use ::config::{Value, ValueKind};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::RangeInclusive,
};

/// Raw values by key.
pub(super) type Table = HashMap<String, Value>;

/// A table of the configuration while it is being read. Problems are reported as they are found, so
/// that a reader goes on to the next key.
#[derive(Clone)]
pub struct Section<'p> {
    path: String,
    entries: BTreeMap<String, Setting<Value>>,
    environment: Environment,
    problems: &'p Problems,
}

/// A value, and the dotted key under which the operator wrote it.
#[derive(Clone, Debug)]
pub struct Setting<T> {
    /// As in `wechat_pay.mch_id`.
    pub key: String,
    /// What it was set to.
    pub value: T,
}

impl fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Setting<Value> {
    fn is_empty_text(&self) -> bool {
        matches!(&self.value.kind, ValueKind::String(text) if text.is_empty())
    }
}

impl<'p> Section<'p> {
    /// The whole configuration. Reads `environment` first, on which other checks depend.
    pub(super) fn root(table: Table, problems: &'p Problems) -> Self {
        let strict = Environment::Production;
        let mut root = Self::new(String::new(), table, strict, problems);
        let wanted = "\"sandbox\" or \"production\"";
        root.environment =
            root.parsed("environment", wanted, Environment::parse).unwrap_or(Environment::Sandbox);
        root
    }

    fn new(path: String, table: Table, environment: Environment, problems: &'p Problems) -> Self {
        let mut section = Self { path, entries: BTreeMap::new(), environment, problems };
        for (name, value) in table {
            let key = section.key(&name);
            section.entries.insert(name, Setting { key, value });
        }
        section
    }

    /// A section that stands at `key` and holds `table`.
    fn child(&self, key: String, table: Table) -> Self {
        Self::new(key, table, self.environment, self.problems)
    }

    /// The environment that the configuration is for.
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// This section with the entries of `upper` laid over its own. A missing key is reported under
    /// the path of `upper`, a wrong value under the key that it was written with.
    pub(super) fn overlaid(&self, upper: Self) -> Self {
        let mut merged = self.clone();
        merged.path = upper.path;
        merged.entries.extend(upper.entries);
        merged
    }

    /// The dotted key of this section.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The dotted key of `name` in this section.
    pub(super) fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// True where one of `names` holds something other than an empty text.
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    /// True where a key outside `names` holds something other than an empty text.
    pub(super) fn has_more_than(&self, names: &[&str]) -> bool {
        self.entries
            .iter()
            .any(|(name, entry)| !names.contains(&name.as_str()) && !entry.is_empty_text())
    }

    /// True if it has keys, and each of them is empty, as in the example configuration.
    pub(super) fn is_left_blank(&self) -> bool {
        !self.entries.is_empty() && !self.has_more_than(&[])
    }

    fn has(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|entry| !entry.is_empty_text())
    }

    /// Reports that the setting under the dotted `key` is wrong. A message never holds the value.
    pub fn report(&self, key: &str, message: impl Into<String>) {
        self.problems.report(key, message);
    }

    /// Reports that `name` is missing, and what it should hold.
    pub fn report_missing(&self, name: &str, wanted: &str) {
        self.report(&self.key(name), format!("missing: must be {wanted}"));
    }

    /// The value `name` in its raw form, unless absent or an empty text.
    pub(super) fn take(&mut self, name: &str) -> Option<Setting<Value>> {
        self.entries.remove(name).filter(|entry| !entry.is_empty_text())
    }

    /// The tables in this section, each by its name.
    pub(super) fn into_tables(mut self) -> Vec<(String, Self)> {
        let names: Vec<String> = self.entries.keys().cloned().collect();
        names.into_iter().filter_map(|name| Some((name.clone(), self.table(&name)?))).collect()
    }

    /// The table `name`, where there is one.
    pub(super) fn table(&mut self, name: &str) -> Option<Self> {
        let entry = self.take(name)?;
        self.table_of(entry, "must be a section")
    }

    /// The table that `entry` holds; reports `otherwise` where it holds something else.
    pub(super) fn table_of(&self, entry: Setting<Value>, otherwise: &str) -> Option<Self> {
        if let ValueKind::Table(table) = entry.value.kind {
            return Some(self.child(entry.key, table));
        }
        self.report(&entry.key, otherwise);
        None
    }

    /// The table `name`, or an empty one.
    pub(super) fn table_or_empty(&mut self, name: &str) -> Self {
        self.table(name).unwrap_or_else(|| self.child(self.key(name), Table::new()))
    }

    /// The text `name`, unless absent or empty.
    pub fn text(&mut self, name: &str) -> Option<Setting<String>> {
        let Setting { key, value } = self.take(name)?;
        if let ValueKind::String(value) = value.kind {
            return Some(Setting { key, value });
        }
        self.report(&key, "must be a text");
        None
    }

    /// The text `name` read by `parse`, where `None` is reported as "must be `wanted`".
    pub fn parsed<T>(
        &mut self,
        name: &str,
        wanted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let parsed = parse(&text.value);
        if parsed.is_none() {
            self.report(&text.key, format!("must be {wanted}"));
        }
        parsed
    }

    /// As [`Self::parsed`], where the key must be there.
    pub fn required<T>(
        &mut self,
        name: &str,
        wanted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if !self.has(name) {
            self.report_missing(name, wanted);
        }
        self.parsed(name, wanted, parse)
    }

    /// As [`Self::text`], where the key must be there.
    pub fn required_text(&mut self, name: &str, wanted: &str) -> Option<Setting<String>> {
        if !self.has(name) {
            self.report_missing(name, wanted);
        }
        self.text(name)
    }

    /// The truth value `name`.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        let Some(entry) = self.take(name) else {
            return default;
        };
        let flag = if let ValueKind::Boolean(flag) = entry.value.kind {
            Some(flag)
        } else {
            text_of_variable(&entry.value).and_then(|text| text.parse().ok())
        };
        if flag.is_none() {
            self.report(&entry.key, "must be true or false");
        }
        flag.unwrap_or(default)
    }

    /// The whole number `name`, within `range`.
    pub(super) fn number(&mut self, name: &str, range: RangeInclusive<u16>, default: u16) -> u16 {
        let Some(entry) = self.take(name) else {
            return default;
        };
        let number = if let ValueKind::I64(number) = entry.value.kind {
            u16::try_from(number).ok()
        } else {
            text_of_variable(&entry.value).and_then(|text| text.parse().ok())
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("must be a number from {} to {}", range.start(), range.end());
            self.report(&entry.key, message);
        }
        number.unwrap_or(default)
    }

    /// The number of a seal, which must be there.
    pub(super) fn required_position(&mut self, name: &str) -> Option<i64> {
        const WANTED: &str = "a position in the chain of seals, from 1";
        let Some(entry) = self.take(name) else {
            self.report_missing(name, WANTED);
            return None;
        };
        if let ValueKind::I64(position @ 1..) = entry.value.kind {
            return Some(position);
        }
        self.report(&entry.key, format!("must be {WANTED}"));
        None
    }

    /// The items of the list `name`, each with its own key; `None` where there is no list.
    pub(super) fn items(&mut self, name: &str) -> Option<Vec<Setting<Value>>> {
        let Setting { key, value } = self.take(name)?;
        if let Some(text) = text_of_variable(&value) {
            return Some(split(&key, text));
        }
        let ValueKind::Array(values) = value.kind else {
            self.report(&key, "must be a list");
            return None;
        };
        let entries = values
            .into_iter()
            .enumerate()
            .map(|(n, value)| Setting { key: format!("{key}[{n}]"), value });
        Some(entries.collect())
    }

    /// The texts of the list `name`, each with its own key; `None` where there is no list.
    pub fn texts(&mut self, name: &str) -> Option<Vec<Setting<String>>> {
        let mut texts = Vec::new();
        for Setting { key, value } in self.items(name)? {
            if let ValueKind::String(value) = value.kind {
                texts.push(Setting { key, value });
            } else {
                self.report(&key, "must be a text");
            }
        }
        Some(texts)
    }

    /// The list of texts `name`, each read by `parse`.
    pub fn list<T>(
        &mut self,
        name: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut list = Vec::new();
        for Setting { key, value } in self.texts(name)? {
            match parse(&value) {
                Some(parsed) => list.push(parsed),
                None => self.report(&key, format!("must be {wanted}")),
            }
        }
        Some(list)
    }

    /// Reports every key that was not read as unknown.
    pub fn finish(self) {
        for entry in self.entries.values() {
            self.report(&entry.key, "is not a known key");
        }
    }
}

fn text_of_variable(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::String(text) if is_from_variable(value) => Some(text.trim()),
        ValueKind::String(_)
        | ValueKind::Nil
        | ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::Table(_)
        | ValueKind::Array(_) => None,
    }
}

/// A list in a variable: separated by commas.
fn split(key: &str, text: &str) -> Vec<Setting<Value>> {
    let items = text.split(',').map(str::trim);
    items
        .filter(|item| !item.is_empty())
        .enumerate()
        .map(|(n, item)| Setting { key: format!("{key}[{n}]"), value: item.into() })
        .collect()
}
