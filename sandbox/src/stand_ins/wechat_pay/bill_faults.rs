//! What goes wrong with a bill, by hand.

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// By how many bytes [`BillFault::Huge`] is larger, unpacked.
const HUGE: usize = 64 * 1024 * 1024;

/// What goes wrong with the next bill on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillFault {
    /// The file is half as long.
    Truncated,
    /// The hash is another file's.
    WrongHash,
    /// The file lies at another host.
    OtherHost,
    /// The file is the bill of the day before, with its own hash.
    OtherDay,
    /// The file is of another merchant, with its own hash.
    OtherMerchant,
    /// The file unpacks to far more than any bill, with its own hash.
    Huge,
    /// The file is a web page, with its own hash.
    Html,
    /// The file is not made yet.
    Creating,
    /// An unsigned answer says that there is no bill, as anybody could write.
    UnsignedNothing,
}

impl BillFault {
    pub const ALL: [Self; 9] = [
        Self::Truncated,
        Self::WrongHash,
        Self::OtherHost,
        Self::OtherDay,
        Self::OtherMerchant,
        Self::Huge,
        Self::Html,
        Self::Creating,
        Self::UnsignedNothing,
    ];
}

/// The text of a bill under a fault.
pub(super) fn altered(
    fault: Option<BillFault>,
    text: Option<String>,
    mchid: &str,
) -> Result<String, Refusal> {
    let nothing = || Refusal::bill("NO_STATEMENT_EXIST", "账单文件不存在");
    match (fault, text) {
        (Some(BillFault::UnsignedNothing), _) => Err(nothing()),
        (Some(BillFault::Html), _) => Ok("<html><body>请登录</body></html>".to_owned()),
        (Some(BillFault::OtherMerchant), Some(text)) => {
            Ok(text.replace(&format!("`{mchid},"), "`1900000000,"))
        }
        (Some(BillFault::Huge), Some(text)) => Ok(text + &" ".repeat(HUGE)),
        (_, Some(text)) => Ok(text),
        (_, None) => Err(nothing()),
    }
}
