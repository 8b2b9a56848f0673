//! A school's policy: everything in which schools differ, as typed values.
//!
//! Invariant: a `Policy` that exists is valid; whatever is wrong is refused while it is read.
//! Invariant: what a policy says and this program does not know is refused, never ignored.

mod field;

use super::default_password::DefaultRule;
use crate::base::money::Fen;
use field::distinct;
pub use field::{IdPattern, SchoolCode, Text};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// What one school wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Rises with each change.
    pub version: NonZeroU32,
    /// Names the school in addresses and configuration.
    pub code: SchoolCode,
    /// As students know it.
    pub name: Text<40>,
    /// How a person is found when binding.
    pub binding: BindingPolicy,
    /// The query password.
    pub password: PasswordPolicy,
    /// Topping up the card.
    pub top_up: TopUpPolicy,
    /// What must be agreed to.
    pub consent: Consent,
    /// What the school tells its students, in this order.
    #[serde(default)]
    pub help: Vec<Help>,
}

/// By what a person is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdKind {
    /// 学号 or 工号.
    StudentNo,
    /// 身份证号.
    IdNumber,
}

/// Something that is agreed to separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentItem {
    /// Terms of use and privacy notice.
    Terms,
    /// Use of the ID number, which the privacy law calls sensitive.
    IdNumber,
}

impl ConsentItem {
    /// As kept with the agreement.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::IdNumber => "id_number",
        }
    }
}

/// The fields of binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BindingPolicy {
    /// At least one; the first is the usual one.
    #[serde(deserialize_with = "distinct")]
    pub id_kinds: Vec<IdKind>,
    /// Label of the field.
    pub id_label: Text<20>,
    /// What the field looks like.
    pub id_hint: Text<40>,
    /// What a client may check before it asks.
    pub id_pattern: Option<IdPattern>,
    /// Whether the name must match as well.
    pub name_required: bool,
    /// Which password is meant.
    pub password_hint: Text<100>,
}

/// The query password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordPolicy {
    /// The password of a person who has chosen none.
    pub default: DefaultRule,
    /// Whether the default must be changed before anything else.
    pub must_change: bool,
    /// Whether it can be changed without going to the counter.
    pub change_online: bool,
}

/// Topping up the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TopUpFields")]
pub struct TopUpPolicy {
    /// The least for one top-up; above zero.
    #[serde(rename = "min_fen")]
    pub min: Fen,
    /// The most for one top-up.
    #[serde(rename = "max_fen")]
    pub max: Fen,
    /// Amounts to choose from, rising, within the limits.
    #[serde(rename = "choices_fen")]
    pub choices: Vec<Fen>,
    /// Whether a top-up asks for the query password.
    pub password_required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopUpFields {
    min_fen: i64,
    max_fen: i64,
    choices_fen: Vec<i64>,
    password_required: bool,
}

/// More buttons than this are no choice.
const MAX_CHOICES: usize = 12;

impl TryFrom<TopUpFields> for TopUpPolicy {
    type Error = &'static str;

    fn try_from(fields: TopUpFields) -> Result<Self, Self::Error> {
        let TopUpFields { min_fen, max_fen, choices_fen, password_required } = fields;
        if min_fen < 1 || max_fen < min_fen {
            return Err("min_fen must be at least 1, and max_fen at least min_fen");
        }
        let limits = min_fen..=max_fen;
        let rising = choices_fen.is_sorted_by(|a, b| a < b);
        if !rising || choices_fen.len() > MAX_CHOICES {
            return Err("choices_fen must rise, and be at most 12");
        }
        if !choices_fen.iter().all(|choice| limits.contains(choice)) {
            return Err("choices_fen must lie between min_fen and max_fen");
        }
        let fen = |amount| Fen::new(amount).map_err(|_| "an amount is never negative");
        Ok(Self {
            min: fen(min_fen)?,
            max: fen(max_fen)?,
            choices: choices_fen.into_iter().map(fen).collect::<Result<_, _>>()?,
            password_required,
        })
    }
}

/// What must be agreed to before binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Kept with each agreement.
    pub version: Text<32>,
    /// What is agreed to, each by itself.
    #[serde(deserialize_with = "distinct")]
    pub items: Vec<ConsentItem>,
    /// What is shown.
    pub text: Text<8000>,
}

/// One piece of advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Help {
    /// Heading.
    pub title: Text<40>,
    /// Plain text; a blank line parts paragraphs.
    pub text: Text<4000>,
}

/// What is wrong with a policy, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct PolicyError {
    /// Counted from 1.
    pub line: usize,
    /// For whoever wrote the file.
    pub reason: String,
}

impl Policy {
    /// Reads a policy file.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            PolicyError { line, reason: error.message().to_owned() }
        })
    }
}
