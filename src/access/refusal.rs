//! Why a door stays closed, at a gate and on the phone, and the rules that say so, free of I/O.

use super::rights::PassVerdict;
use crate::{
    cards::{CardStatus, CardStop},
    passcode::{ScanRefusal, ScanVerdict},
    schools::policy::LossScope,
};

/// The reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DoorRefusal {
    /// The code is refused.
    Code(ScanRefusal),
    /// The person may not pass, whatever is shown.
    Person(PassRefusal),
}

/// Why a person may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassRefusal {
    /// The person's codes are stopped.
    Account(CardStop),
    /// The person has no right to pass, or no longer.
    RightMissing,
    /// The person's right is for other hours, or begins later.
    RightNotNow,
}

impl DoorRefusal {
    /// As answered and stored.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Code(ScanRefusal::Invalid) => "code_invalid",
            Self::Code(ScanRefusal::ClockSkew) => "code_clock_skew",
            Self::Code(ScanRefusal::WrongPurpose) => "code_wrong_purpose",
            Self::Code(ScanRefusal::Used) => "code_used",
            Self::Person(refusal) => refusal.code(),
        }
    }
}

impl PassRefusal {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Account(CardStop::Lost),
        Self::Account(CardStop::Dormant),
        Self::Account(CardStop::Expired),
        Self::Account(CardStop::Closed),
        Self::RightMissing,
        Self::RightNotNow,
    ];

    /// As answered and stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Account(CardStop::Lost) => "account_lost",
            Self::Account(CardStop::Dormant) => "account_dormant",
            Self::Account(CardStop::Expired) => "account_expired",
            Self::Account(CardStop::Closed) => "account_closed",
            Self::RightMissing => "right_missing",
            Self::RightNotNow => "right_not_now",
        }
    }

    /// What the person's rights say; `None` if they let the person pass.
    pub const fn of_rights(pass: PassVerdict) -> Option<Self> {
        match pass {
            PassVerdict::Pass => None,
            PassVerdict::NotNow => Some(Self::RightNotNow),
            PassVerdict::NoRight => Some(Self::RightMissing),
        }
    }
}

/// A person at a door.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtTheDoor {
    /// What the code is good for.
    pub(super) scan: ScanVerdict,
    /// The status of the person's card.
    pub(super) status: CardStatus,
    /// What a reported loss stops at the school.
    pub(super) lost: LossScope,
    /// What the person's rights say.
    pub(super) pass: PassVerdict,
}

impl AtTheDoor {
    /// The first rule that keeps the door closed; `None` if it opens.
    pub(super) fn refusal(&self) -> Option<DoorRefusal> {
        let stopped = self.status.stopped(self.lost).map(PassRefusal::Account);
        match self.scan {
            ScanVerdict::Refused(why, _) => Some(DoorRefusal::Code(why)),
            // A lost card is refused as lost; reporting it lost also ended its devices.
            ScanVerdict::DeviceEnded(_) => {
                let ended = DoorRefusal::Code(ScanRefusal::Invalid);
                Some(stopped.map_or(ended, DoorRefusal::Person))
            }
            ScanVerdict::Good(_) => {
                stopped.or(PassRefusal::of_rights(self.pass)).map(DoorRefusal::Person)
            }
        }
    }
}

/// The reasons under which a reading did not use its code: it was used before, or is from another time.
pub(super) const NOT_ITS_USE: [&str; 2] = ["code_used", "code_clock_skew"];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_refusal_has_its_own_code() {
        let of_codes = [
            ScanRefusal::Invalid,
            ScanRefusal::ClockSkew,
            ScanRefusal::WrongPurpose,
            ScanRefusal::Used,
        ];
        let of_persons = PassRefusal::ALL.map(DoorRefusal::Person);
        let all = [of_codes.map(DoorRefusal::Code).as_slice(), &of_persons].concat();
        let codes: BTreeSet<_> = all.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), all.len());
        for code in NOT_ITS_USE {
            assert!(codes.contains(code), "{code}");
        }
    }
}
