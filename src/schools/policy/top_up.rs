//! Topping up the card.

use crate::base::money::Fen;
use serde::{Deserialize, Serialize};

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

/// The most amounts to choose from.
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
