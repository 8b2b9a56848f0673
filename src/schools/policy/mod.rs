//! A school's policy: everything in which schools differ, as typed values.
//!
//! Invariant: a `Policy` that exists is valid; whatever is wrong is refused while it is read.
//! Invariant: an unknown key is refused in a file that is imported. In the database, where a newer
//! release may have written it, it is kept and ignored. Its value must therefore be one that an
//! older release may ignore for the time of an upgrade.

mod code;
mod doors;
mod field;
mod limits;
mod loss;
mod spend;
mod stored;
mod top_up;

use super::{default_password::DefaultRule, password_rule::PasswordRule};
use crate::base::db::DbError;
pub use code::CodePolicy;
use doors::DoorPolicy;
pub use doors::{DoorCode, DoorRules, WhenUndecided};
use field::distinct;
pub use field::{IdPattern, SchoolCode, Text};
pub use limits::{Limits, Meal, MealWindow, OverLimit};
pub use loss::{LossDoor, LossField, LossPolicy, LossScope};
use serde::{Deserialize, Serialize};
pub use spend::SpendPolicy;
use std::num::NonZeroU32;
pub use stored::StoredPolicy;
pub use top_up::TopUpPolicy;

/// The rules of one school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Rises with each change.
    pub version: NonZeroU32,
    /// Names the school in addresses and configuration.
    pub code: SchoolCode,
    /// As students know it.
    pub name: Text<40>,
    /// Whether people may sign in to the web portal, which is read-only, with number and query
    /// password.
    pub portal: bool,
    /// How a person is found when binding.
    pub binding: BindingPolicy,
    /// The query password.
    pub password: PasswordPolicy,
    /// Topping up the card.
    pub top_up: TopUpPolicy,
    /// How much may be spent; `None` where the school sets no limit.
    pub limits: Option<Limits>,
    /// The rotating code.
    #[serde(default)]
    pub passcode: CodePolicy,
    /// Spending by code at tills.
    #[serde(default)]
    pub spend: SpendPolicy,
    /// Lost cards.
    #[serde(default)]
    pub loss: LossPolicy,
    /// Doors and gates.
    #[serde(default)]
    pub doors: DoorPolicy,
    /// What must be agreed to.
    pub consent: Consent,
    /// What the school tells its students, in this order.
    #[serde(default)]
    pub help: Vec<Help>,
}

/// The kind of number that a person is found by when binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdKind {
    /// 学号 or 工号.
    StudentNo,
    /// 身份证号.
    IdNumber,
}

/// Something that needs a consent of its own.
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
    /// What a student number looks like: a client may check it before it asks.
    pub id_pattern: Option<IdPattern>,
    /// Whether the name must match as well.
    pub name_required: bool,
    /// Tells which password is asked for.
    pub password_hint: Text<100>,
}

/// The query password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PasswordFields")]
pub struct PasswordPolicy {
    /// The password of a person who has chosen none.
    pub default: DefaultRule,
    /// Whether the default must be changed before anything else.
    pub must_change: bool,
    /// Whether it can be changed without going to the counter.
    pub change_online: bool,
    /// What a new one must look like.
    pub rule: PasswordRule,
    /// How it is changed, in the school's words.
    pub hint: Text<100>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordFields {
    default: DefaultRule,
    must_change: bool,
    change_online: bool,
    rule: PasswordRule,
    hint: Text<100>,
}

impl TryFrom<PasswordFields> for PasswordPolicy {
    type Error = &'static str;

    fn try_from(fields: PasswordFields) -> Result<Self, Self::Error> {
        let PasswordFields { default, must_change, change_online, rule, hint } = fields;
        if must_change && !change_online {
            // Until the change every other request is refused, and the change would be too.
            return Err("must_change needs change_online");
        }
        Ok(Self { default, must_change, change_online, rule, hint })
    }
}

/// The consent that binding requires.
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

/// One help text.
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

    /// As stored.
    pub fn to_json(&self) -> Result<String, DbError> {
        let broken = DbError::Inconsistent { table: "school", what: "the policy is not JSON" };
        serde_json::to_string(self).map_err(|_| broken)
    }
}
