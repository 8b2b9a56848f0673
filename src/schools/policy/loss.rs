//! Reporting a card as lost, and taking the report back.

use serde::{Deserialize, Serialize};

/// What the holder of a card gives besides the query password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossField {
    /// 身份证号.
    IdNumber,
    /// 芯片卡号: the number of the card's chip. The holder is shown it, and need not know it.
    ChipNumber,
}

/// Who may do one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossDoor {
    /// Only the service counter.
    Counter,
    /// The holder too, with the query password and these.
    Holder(Vec<LossField>),
}

/// What a report stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossScope {
    /// The card, and every code.
    CardAndCodes,
    /// The card alone: codes go on.
    Card,
}

/// A lost card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "LossFields")]
pub struct LossPolicy {
    /// Who may report a loss.
    pub report: LossDoor,
    /// Who may take a report back.
    pub cancel: LossDoor,
    /// What a report stops.
    pub stops: LossScope,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LossFields {
    report: LossDoor,
    cancel: LossDoor,
    stops: LossScope,
}

impl Default for LossFields {
    fn default() -> Self {
        let LossPolicy { report, cancel, stops } = LossPolicy::default();
        Self { report, cancel, stops }
    }
}

/// Both with the query password alone; card and codes stop.
impl Default for LossPolicy {
    fn default() -> Self {
        let alone = LossDoor::Holder(Vec::new());
        Self { report: alone.clone(), cancel: alone, stops: LossScope::CardAndCodes }
    }
}

impl LossDoor {
    fn has_distinct_fields(&self) -> bool {
        match self {
            Self::Counter => true,
            Self::Holder(fields) => {
                let count = |field| fields.iter().filter(|other| **other == field).count();
                fields.iter().all(|field| count(*field) == 1)
            }
        }
    }

    /// Whether the holder is asked for the number of the chip.
    pub fn asks_for_chip(&self) -> bool {
        matches!(self, Self::Holder(fields) if fields.contains(&LossField::ChipNumber))
    }
}

impl TryFrom<LossFields> for LossPolicy {
    type Error = &'static str;

    fn try_from(LossFields { report, cancel, stops }: LossFields) -> Result<Self, Self::Error> {
        if report.has_distinct_fields() && cancel.has_distinct_fields() {
            Ok(Self { report, cancel, stops })
        } else {
            Err("a field is asked for twice")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LossField::{ChipNumber, IdNumber};

    #[test]
    fn what_is_left_out_is_usual() {
        let read =
            |text: &str| toml::from_str::<LossPolicy>(text).map_err(|e| e.message().to_owned());
        assert_eq!(read(""), Ok(LossPolicy::default()));
        let three = "report.holder = [\"id_number\", \"chip_number\"]\ncancel = \"counter\"\n\
                     stops = \"card\"";
        let policy = read(three).unwrap();
        assert_eq!(policy.report, LossDoor::Holder(vec![IdNumber, ChipNumber]));
        assert_eq!((policy.cancel.clone(), policy.stops), (LossDoor::Counter, LossScope::Card));
        assert!(policy.report.asks_for_chip() && !policy.cancel.asks_for_chip());
        let stored = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<LossPolicy>(&stored).unwrap(), policy);
        for (bad, reason) in [
            ("report = \"holder\"", "invalid type"),
            ("report.holder = [\"id_number\", \"id_number\"]", "asked for twice"),
            ("report.holder = [\"name\"]", "unknown variant `name`"),
            ("undo = \"counter\"", "unknown field `undo`"),
        ] {
            let said = read(bad).unwrap_err();
            assert!(said.contains(reason), "{bad}: {said}");
        }
    }
}
