//! Why nothing was charged, or taken back, as a till is told. These are decided answers: they are
//! kept under the till's number, and no money moved.

use super::rules::TillPassword;
use crate::{
    base::http::{
        ApiError,
        problem::{Problem, ProblemKind},
    },
    terminals::seq::StoredResponse,
};

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TillRefusal {
    /// Not a code of a live device of this school, or an old one.
    CodeInvalid,
    /// A code of a phone whose clock is wrong.
    CodeClockSkew,
    /// A code for something else.
    CodeWrongPurpose,
    /// The code was used before.
    CodeUsed,
    /// Reported lost.
    AccountLost,
    /// Resting.
    AccountDormant,
    /// Past its last day.
    AccountExpired,
    /// Its holder has left.
    AccountClosed,
    /// Facts took more than there was.
    AccountInDebt,
    /// Less there than asked for.
    BalanceInsufficient,
    /// Beyond the meal's limit.
    LimitMeal,
    /// Beyond the day's limit.
    LimitDay,
    /// The till took it back before it came.
    ChargeReversed,
    /// Not a question that waits for this till's password for this amount.
    ChallengeInvalid,
    /// Not the password.
    PasswordWrong,
    /// Too late to take it back.
    ReversalTooLate,
}

const fn kind(code: &'static str, status: u16, title: &'static str) -> ProblemKind {
    ProblemKind { code, status, title }
}

/// The number was used for something else. Not kept, for what stands under it stays.
pub const SEQ_CONFLICT: ProblemKind = kind("seq_conflict", 409, "终端流水号已用于其他交易");
/// A password is needed; kept, with its challenge.
pub const PASSWORD_REQUIRED: ProblemKind = kind("password_required", 409, "请输入密码");

impl TillRefusal {
    /// All there are.
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

    /// As told.
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

/// An error as an answer to be kept, under the id of the request that it was decided for.
pub fn answer(error: &ApiError, request_id: &str) -> Result<StoredResponse, serde_json::Error> {
    let problem = Problem { request_id: request_id.to_owned(), ..error.problem() };
    Ok(StoredResponse { status: problem.status, body: serde_json::to_vec(&problem)? })
}

/// What is told where a password is needed.
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
