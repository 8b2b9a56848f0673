//! Why a charge or reversal was refused. Refusals are decided answers: they are stored under the
//! till's sequence number, and nothing was posted.

use super::rules::TillPassword;
use crate::{
    base::http::{
        ApiError,
        problem::{Problem, ProblemKind},
    },
    cards::CardStop,
    passcode::ScanRefusal,
    terminals::seq::StoredResponse,
};

/// The reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TillRefusal {
    /// The code is expired, or does not belong to an active device of this school.
    CodeInvalid,
    /// The clock of the phone that made the code is wrong.
    CodeClockSkew,
    /// The code has another purpose.
    CodeWrongPurpose,
    /// The code was used before.
    CodeUsed,
    /// The card was reported lost.
    AccountLost,
    /// The card is dormant.
    AccountDormant,
    /// The card has expired.
    AccountExpired,
    /// The holder has left the school.
    AccountClosed,
    /// The total balance is negative.
    AccountInDebt,
    /// The balance is insufficient.
    BalanceInsufficient,
    /// The charge exceeds the meal's limit.
    LimitMeal,
    /// The charge exceeds the day's limit.
    LimitDay,
    /// The till reversed the charge before the charge arrived.
    ChargeReversed,
    /// No open challenge of this till for this amount has this id.
    ChallengeInvalid,
    /// The password is wrong.
    PasswordWrong,
    /// The reversal window has ended.
    ReversalTooLate,
}

const fn kind(code: &'static str, status: u16, title: &'static str) -> ProblemKind {
    ProblemKind { code, status, title }
}

/// A password is required; stored with its challenge.
pub const PASSWORD_REQUIRED: ProblemKind = kind("password_required", 409, "请输入密码");

impl From<ScanRefusal> for TillRefusal {
    fn from(refusal: ScanRefusal) -> Self {
        match refusal {
            ScanRefusal::Invalid => Self::CodeInvalid,
            ScanRefusal::ClockSkew => Self::CodeClockSkew,
            ScanRefusal::WrongPurpose => Self::CodeWrongPurpose,
            ScanRefusal::Used => Self::CodeUsed,
        }
    }
}

impl From<CardStop> for TillRefusal {
    fn from(stop: CardStop) -> Self {
        match stop {
            CardStop::Lost => Self::AccountLost,
            CardStop::Dormant => Self::AccountDormant,
            CardStop::Expired => Self::AccountExpired,
            CardStop::Closed => Self::AccountClosed,
        }
    }
}

impl TillRefusal {
    /// All refusals.
    pub const ALL: [Self; 16] = [
        Self::CodeInvalid,
        Self::CodeClockSkew,
        Self::CodeWrongPurpose,
        Self::CodeUsed,
        Self::AccountLost,
        Self::AccountDormant,
        Self::AccountExpired,
        Self::AccountClosed,
        Self::AccountInDebt,
        Self::BalanceInsufficient,
        Self::LimitMeal,
        Self::LimitDay,
        Self::ChargeReversed,
        Self::ChallengeInvalid,
        Self::PasswordWrong,
        Self::ReversalTooLate,
    ];

    /// The problem sent to the till.
    pub const fn kind(self) -> ProblemKind {
        match self {
            Self::CodeInvalid => kind("code_invalid", 422, "付款码无效，请刷新后重试"),
            Self::CodeClockSkew => kind("code_clock_skew", 422, "请校准手机时间后刷新付款码"),
            Self::CodeWrongPurpose => kind("code_wrong_purpose", 422, "这不是付款码"),
            Self::CodeUsed => kind("code_used", 409, "付款码已使用，请刷新后重试"),
            Self::AccountLost => kind("account_lost", 422, "校园卡已挂失"),
            Self::AccountDormant => kind("account_dormant", 422, "校园卡已冻结，请到服务窗口恢复"),
            Self::AccountExpired => kind("account_expired", 422, "校园卡已过有效期"),
            Self::AccountClosed => kind("account_closed", 422, "校园卡已注销"),
            Self::AccountInDebt => kind("account_in_debt", 422, "账户有欠款，请先充值"),
            Self::BalanceInsufficient => kind("balance_insufficient", 422, "余额不足"),
            Self::LimitMeal => kind("limit_meal", 422, "超过每餐消费限额"),
            Self::LimitDay => kind("limit_day", 422, "超过每日消费限额"),
            Self::ChargeReversed => kind("charge_reversed", 422, "该笔交易已撤销"),
            Self::ChallengeInvalid => kind("challenge_invalid", 422, "请重新扫码"),
            Self::PasswordWrong => kind("password_wrong", 422, "密码不正确，请重新扫码"),
            Self::ReversalTooLate => kind("reversal_too_late", 422, "已超过可撤销的时间"),
        }
    }
}

/// Renders an error as an answer to be stored, with the id of the request that it was decided for.
pub fn answer(error: &ApiError, request_id: &str) -> Result<StoredResponse, serde_json::Error> {
    let problem = Problem { request_id: request_id.to_owned(), ..error.problem() };
    Ok(StoredResponse { status: problem.status, body: serde_json::to_vec(&problem)? })
}

/// The answer that asks for a password.
pub fn password_required(challenge: &str, which: TillPassword) -> ApiError {
    let title = match which {
        TillPassword::Consumption => "超过消费限额，请输入消费密码",
        TillPassword::Query => "请输入查询密码",
    };
    ApiError::new(ProblemKind { title, ..PASSWORD_REQUIRED })
        .member("challenge", challenge)
        .member("which", which.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_refusal_has_its_own_code() {
        let codes: BTreeSet<_> =
            TillRefusal::ALL.iter().map(|refusal| refusal.kind().code).collect();
        assert_eq!(codes.len(), TillRefusal::ALL.len());
        for refusal in TillRefusal::ALL {
            let status = if refusal == TillRefusal::CodeUsed { 409 } else { 422 };
            assert_eq!(refusal.kind().status, status, "{refusal:?}");
        }
    }

    #[test]
    fn a_question_says_which_password() {
        for (which, code) in
            [(TillPassword::Consumption, "consumption"), (TillPassword::Query, "query")]
        {
            let problem = password_required("0123", which).problem();
            let problem = serde_json::to_value(problem).unwrap();
            assert_eq!(
                (&problem["status"], &problem["code"]),
                (&409.into(), &"password_required".into())
            );
            assert_eq!((&problem["challenge"], &problem["which"]), (&"0123".into(), &code.into()));
            assert_eq!(TillPassword::from_code(code), Some(which));
            assert_eq!(serde_json::to_value(which).unwrap(), code);
        }
        assert_eq!(TillPassword::from_code(""), None);
    }
}
