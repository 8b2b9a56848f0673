//! Maps errors of top-ups to problem documents.

use super::TopUpError;
use crate::base::http::{ApiError, problem::problem_kinds};

problem_kinds! {
    NOT_BOUND = "not_bound", 403, "请先绑定校园卡";
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range", 422, "金额超出允许范围";
    CARD_NOT_USABLE = "card_not_usable", 409, "校园卡已过期或已注销，不能充值";
    PASSWORD_REQUIRED = "password_required", 422, "请输入查询密码";
}

impl From<TopUpError> for ApiError {
    fn from(error: TopUpError) -> Self {
        match error {
            TopUpError::AmountOutOfRange { min, max } => Self::new(AMOUNT_OUT_OF_RANGE)
                .detail(format!("单笔充值须在 {min} 到 {max} 之间"))
                .field("/amount_fen", format!("须在 {min} 到 {max} 之间")),
            TopUpError::NotBound => Self::new(NOT_BOUND),
            TopUpError::CardNotUsable => Self::new(CARD_NOT_USABLE),
            TopUpError::PasswordRequired => {
                Self::new(PASSWORD_REQUIRED).field("/query_password", "请输入查询密码")
            }
            TopUpError::Password(fault) => fault.into(),
            TopUpError::Payment(error) => error.into(),
            TopUpError::Db(error) => Self::internal(&error),
        }
    }
}
