//! What a terminal makes of a code that it read: the rules that tills and doors share.

use super::{CodeUse, ScanOutcome, ShownCode, Wallet};
use std::time::Duration;

/// The result of looking a scanned code up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// A valid code of a device. The transaction decides whether this is its first use.
    Good(ShownCode),
    /// A valid code of a phone with a wrong clock: used up and refused.
    Skewed(ShownCode),
    /// Already used, according to the key-value store.
    Used,
    /// A code with another purpose.
    WrongPurpose,
    /// A code that matches no device of this school.
    Invalid,
    /// A payment code of another wallet.
    Foreign(Wallet),
    /// Not in the format of a code.
    NotACode,
}

/// Why a code is refused, whatever it was shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanRefusal {
    /// It is expired, or of no live device of this school.
    Invalid,
    /// The clock of the phone that made it is wrong.
    ClockSkew,
    /// It has another purpose.
    WrongPurpose,
    /// It was used before.
    Used,
}

/// What a scan is good for, once its code was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanVerdict {
    /// The person showed a valid code for the first time.
    Good(ShownCode),
    /// The code's device has ended: the card may be lost.
    DeviceEnded(ShownCode),
    /// It is refused; with the code if this used it up, of which the phone has not heard.
    Refused(ScanRefusal, Option<ShownCode>),
}

impl Scan {
    /// Converts a scan outcome; the error says how long the terminal must wait.
    pub fn of(found: ScanOutcome) -> Result<Self, Duration> {
        match found {
            ScanOutcome::Shown(shown) => Ok(Self::Good(shown)),
            ScanOutcome::ClockSkew(shown, _) => Ok(Self::Skewed(shown)),
            ScanOutcome::UsedBefore(_) => Ok(Self::Used),
            ScanOutcome::WrongPurpose => Ok(Self::WrongPurpose),
            ScanOutcome::Invalid(_) => Ok(Self::Invalid),
            ScanOutcome::Foreign(wallet) => Ok(Self::Foreign(wallet)),
            ScanOutcome::NotACode => Ok(Self::NotACode),
            ScanOutcome::Slowed { retry_after } => Err(retry_after),
        }
    }

    /// The code to be used up, accepted or not.
    pub const fn shown(&self) -> Option<&ShownCode> {
        match self {
            Self::Good(shown) | Self::Skewed(shown) => Some(shown),
            Self::Used | Self::WrongPurpose | Self::Invalid | Self::Foreign(_) | Self::NotACode => {
                None
            }
        }
    }

    /// The verdict, by the outcome of using the code up; `None` where there is no code to use up.
    pub fn verdict(&self, used: Option<CodeUse>) -> ScanVerdict {
        let refused = |why| ScanVerdict::Refused(why, None);
        match (self, used) {
            (Self::Good(shown), Some(CodeUse::Fresh)) => ScanVerdict::Good(*shown),
            (Self::Good(shown), Some(CodeUse::DeviceEnded)) => ScanVerdict::DeviceEnded(*shown),
            // The phone was told of the first use.
            (Self::Good(_), Some(CodeUse::UsedBefore)) | (Self::Used, _) => {
                refused(ScanRefusal::Used)
            }
            (Self::Skewed(_), Some(CodeUse::UsedBefore)) => refused(ScanRefusal::ClockSkew),
            (Self::Skewed(shown), Some(CodeUse::Fresh | CodeUse::DeviceEnded)) => {
                ScanVerdict::Refused(ScanRefusal::ClockSkew, Some(*shown))
            }
            (Self::WrongPurpose, _) => refused(ScanRefusal::WrongPurpose),
            (Self::Good(_) | Self::Skewed(_), None)
            | (Self::Invalid | Self::Foreign(_) | Self::NotACode, _) => {
                refused(ScanRefusal::Invalid)
            }
        }
    }
}
