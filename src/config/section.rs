//! Reading one table. Each key is taken out as it is read; what is left at the end is unknown.

use super::{Environment, error::Problems, source::is_from_variable};
use ::config::{Value, ValueKind};
use std::{
    collections::{BTreeMap, HashMap},
    ops::RangeInclusive,
};

/// Raw values by key.
pub(super) type Table = HashMap<String, Value>;

/// A table of the configuration while it is being read.
#[derive(Clone)]
pub(super) struct Section<'p> {
    path: String,
    entries: BTreeMap<String, Entry>,
    environment: Environment,
    problems: &'p Problems,
}

/// A value and the dotted key under which the operator wrote it.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Value,
}

impl Entry {
    fn is_empty_text(&self) -> bool {
        matches!(&self.value.kind, ValueKind::String(text) if text.is_empty())
    }
}

impl<'p> Section<'p> {
    /// The whole configuration: reads `environment` first, since it decides what else is right.
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
            section.entries.insert(name, Entry { key, value });
        }
        section
    }

    /// A section that stands at `key` and holds `table`.
    fn child(&self, key: String, table: Table) -> Self {
        Self::new(key, table, self.environment, self.problems)
    }

    /// Whose world the configuration is for.
    pub(super) const fn environment(&self) -> Environment {
        self.environment
    }

    /// This section with the entries of `upper` laid over its own. What is missing is missed at
    /// the place of `upper`; what is wrong is reported where it was written.
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
    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    fn has(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|entry| !entry.is_empty_text())
    }

    pub(super) fn report(&self, key: &str, message: impl Into<String>) {
        self.problems.report(key, message);
    }

    /// Reports that `name` is missing, with what it should hold.
    pub(super) fn report_missing(&self, name: &str, wanted: &str) {
        self.report(&self.key(name), format!("missing: must be {wanted}"));
    }

    /// The value `name`, unless absent or an empty text.
    pub(super) fn take(&mut self, name: &str) -> Option<Entry> {
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
    pub(super) fn table_of(&self, entry: Entry, otherwise: &str) -> Option<Self> {
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
    pub(super) fn text(&mut self, name: &str) -> Option<(String, String)> {
        let entry = self.take(name)?;
        if let ValueKind::String(text) = entry.value.kind {
            return Some((entry.key, text));
        }
        self.report(&entry.key, "must be a text");
        None
    }

    /// The text `name` read by `parse`, whose refusal is reported as "must be `wanted`".
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        wanted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let (key, text) = self.text(name)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.report(&key, format!("must be {wanted}"));
        }
        parsed
    }

    /// As [`Self::parsed`], where the key must be there.
    pub(super) fn required<T>(
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
    pub(super) fn required_text(&mut self, name: &str, wanted: &str) -> Option<(String, String)> {
        if !self.has(name) {
            self.report_missing(name, wanted);
        }
        self.text(name)
    }

    /// The truth value `name`.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
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

    /// The items of the list `name`, each with its own key; `None` where there is no list.
    pub(super) fn items(&mut self, name: &str) -> Option<Vec<Entry>> {
        let Entry { key, value } = self.take(name)?;
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
            .map(|(n, value)| Entry { key: format!("{key}[{n}]"), value });
        Some(entries.collect())
    }

    /// The texts of the list `name`, each with its own key; `None` where there is no list.
    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<(String, String)>> {
        let mut texts = Vec::new();
        for Entry { key, value } in self.items(name)? {
            if let ValueKind::String(text) = value.kind {
                texts.push((key, text));
            } else {
                self.report(&key, "must be a text");
            }
        }
        Some(texts)
    }

    /// The list of texts `name`, each read by `parse`.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut list = Vec::new();
        for (key, text) in self.texts(name)? {
            match parse(&text) {
                Some(parsed) => list.push(parsed),
                None => self.report(&key, format!("must be {wanted}")),
            }
        }
        Some(list)
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
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
fn split(key: &str, text: &str) -> Vec<Entry> {
    let items = text.split(',').map(str::trim);
    items
        .filter(|item| !item.is_empty())
        .enumerate()
        .map(|(n, item)| Entry { key: format!("{key}[{n}]"), value: item.into() })
        .collect()
}
