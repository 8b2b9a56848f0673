//! In what a row of a bill and our books differ, and what would repair it.

/// In what a row and our books differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Differs {
    /// Only we have it.
    OursOnly,
    /// Only the provider has it.
    TheirsOnly,
    /// The amount.
    Amount,
    /// The state.
    State,
    /// The fee.
    Fee,
    /// The day.
    Day,
    /// We have it, and the ledger does not.
    Ledger,
    /// An earlier bill of the day had the row, and the provider has taken it back.
    Withdrawn,
}

impl Differs {
    /// Every field.
    pub const ALL: [Self; 8] = [
        Self::OursOnly,
        Self::TheirsOnly,
        Self::Amount,
        Self::State,
        Self::Fee,
        Self::Day,
        Self::Ledger,
        Self::Withdrawn,
    ];

    /// The name in storage and in answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OursOnly => "ours_only",
            Self::TheirsOnly => "theirs_only",
            Self::Amount => "amount",
            Self::State => "state",
            Self::Fee => "fee",
            Self::Day => "day",
            Self::Ledger => "ledger",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The field of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.code() == code)
    }
}

/// What would repair a difference. Each but the first moves nothing until two persons accept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Ask the provider; its answer is settled as any other.
    AskProvider,
    /// Correct the person's balance.
    CorrectBalance,
    /// Ask the provider's support, with both values.
    AskSupport,
    /// Run `verify`.
    Verify,
}

impl Repair {
    const ALL: [Self; 4] =
        [Self::AskProvider, Self::CorrectBalance, Self::AskSupport, Self::Verify];

    /// The name in storage and in answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AskProvider => "ask_provider",
            Self::CorrectBalance => "correct_balance",
            Self::AskSupport => "ask_support",
            Self::Verify => "verify",
        }
    }

    /// The repair of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|repair| repair.code() == code)
    }
}

/// One field in which a row and our books differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Of a payment or of a refund.
    pub entry: &'static str,
    /// The provider's number of it; ours where the provider has none.
    pub number: String,
    /// Our number of the payment.
    pub out_trade_no: String,
    /// The field.
    pub differs: Differs,
    /// What we have; empty for nothing.
    pub ours: String,
    /// What the provider has; empty for nothing.
    pub theirs: String,
    /// In fen: of an amount that differs, what the provider has more than we; else the whole amount.
    pub stake_fen: i64,
    /// What would repair it.
    pub repair: Repair,
}
