//! What differs between two policies.

use super::{
    fields::{PolicyField, elsewhere, group_of},
    input::{at, cut},
};
use crate::schools::policy::Policy;
use serde_json::Value;

/// A field that differs, before and after in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDifference {
    /// Where it stands.
    pub key: &'static str,
    /// Its label.
    pub label: &'static str,
    /// The part of the policy.
    pub group: &'static str,
    /// What it was.
    pub before: String,
    /// What it becomes.
    pub after: String,
    /// Whether two persons change it.
    pub two_persons: bool,
    pub(super) value: Value,
}

impl PolicyDifference {
    /// What differs, in the order of the form.
    pub fn between(before: &Policy, after: &Policy) -> Vec<Self> {
        let (before, after) = (json_of(before), json_of(after));
        let fields = PolicyField::ALL.iter().map(|field| {
            let words = |policy: &Value| field.words(at(policy, field.key));
            (field.key, field.label, field.two_persons, [words(&before), words(&after)])
        });
        let others = elsewhere().map(|(key, label)| {
            let words = |policy: &Value| titles(at(policy, key));
            (key, label, false, [words(&before), words(&after)])
        });
        let differs = |key| at(&before, key) != at(&after, key);
        let all = fields.chain(others).filter(|(key, ..)| differs(key));
        all.map(|(key, label, two_persons, [was, is])| {
            let (group, value) = (group_of(key), at(&after, key).clone());
            // A long text may differ beyond what is shown of it.
            let is = if was == is { format!("{is}，内容有改动") } else { is };
            Self { key, label, group, before: was, after: is, two_persons, value }
        })
        .collect()
    }

    /// The differences as one sentence.
    pub fn sentence(differences: &[Self]) -> String {
        let said = |one: &Self| format!("{} {} → {}", one.label, one.before, one.after);
        differences.iter().map(said).collect::<Vec<_>>().join("；")
    }
}

/// A policy as JSON; there is none that cannot be written so.
pub(super) fn json_of(policy: &Policy) -> Value {
    serde_json::to_value(policy).unwrap_or_default()
}

/// How many there are in a list, and what they are called.
fn titles(list: &Value) -> String {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let title = |item: &Value| {
        let title = item.get("title").or_else(|| item.get("name"));
        title.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let titles: Vec<String> = items.iter().map(title).collect();
    if titles.is_empty() {
        "无".to_owned()
    } else {
        format!("{} 条：{}", titles.len(), cut(&titles.join("、")))
    }
}
