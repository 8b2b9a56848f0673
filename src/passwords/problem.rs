//! Maps password errors to problem documents, for all journeys.

use super::{ChangeError, PasswordFault};
use crate::{
    base::{
        crypto::hasher::HasherError,
        http::{
            ApiError,
            problem::{self, problem_kinds},
        },
    },
    schools::WeakPassword,
};
use std::time::Duration;

problem_kinds! {
    PASSWORD_WRONG = "password_wrong", 422, "查询密码不正确";
    TOO_MANY_TRIES = "too_many_tries", 429, "尝试次数过多，请稍后再试";
    PIN_WEAK = "pin_weak", 422, "新密码过于简单";
    OFFLINE_ONLY = "password_change_offline_only", 403, "请持身份证和校园卡到服务窗口修改密码";
}
/// When to retry if the Argon2 pool was busy.
const BUSY_RETRY: Duration = Duration::from_secs(5);

impl From<PasswordFault> for ApiError {
    fn from(fault: PasswordFault) -> Self {
        match fault {
            PasswordFault::Wrong => Self::new(PASSWORD_WRONG),
            PasswordFault::TooManyTries { wait } => Self::new(TOO_MANY_TRIES).retry_after(wait),
            PasswordFault::Hasher(HasherError::Busy) => {
                Self::new(problem::UNAVAILABLE).retry_after(BUSY_RETRY)
            }
            PasswordFault::Hasher(HasherError::Password(_))
            | PasswordFault::Sealed(_)
            | PasswordFault::Db(_) => Self::internal(&fault),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::OfflineOnly => Self::new(OFFLINE_ONLY),
            ChangeError::WeakPassword(weak) => {
                let text = explanation(weak);
                Self::new(PIN_WEAK).detail(text).field("/new_password", text)
            }
            ChangeError::Fault(fault) => fault.into(),
        }
    }
}

const fn explanation(weak: WeakPassword) -> &'static str {
    match weak {
        WeakPassword::NotSixDigits => "请输入 6 位数字",
        WeakPassword::Run | WeakPassword::Repeated => "6位不连续、不重复",
        WeakPassword::Default => "不能使用初始密码",
    }
}
