//! What is said of a password, in one voice for all journeys.

use super::{ChangeError, PasswordFault};
use crate::{
    base::{
        crypto::hashes::HashesError,
        http::{
            ApiError,
            problem::{self, Kind},
        },
    },
    schools::Weak,
};
use std::time::Duration;

const PASSWORD_WRONG: Kind =
    Kind { code: "password_wrong", status: 422, title: "查询密码不正确" };
const TOO_MANY_TRIES: Kind =
    Kind { code: "too_many_tries", status: 429, title: "尝试次数过多，请稍后再试" };
const PIN_WEAK: Kind = Kind { code: "pin_weak", status: 422, title: "新密码过于简单" };
const OFFLINE_ONLY: Kind = Kind {
    code: "password_change_offline_only",
    status: 403,
    title: "请持身份证和校园卡到服务窗口修改密码",
};
/// When somebody who got no turn may come again.
const NO_TURN: Duration = Duration::from_secs(5);

impl From<PasswordFault> for ApiError {
    fn from(fault: PasswordFault) -> Self {
        match fault {
            PasswordFault::Wrong => Self::new(PASSWORD_WRONG),
            PasswordFault::TooManyTries { wait } => Self::new(TOO_MANY_TRIES).retry_after(wait),
            PasswordFault::Hashes(HashesError::Busy) => {
                Self::new(problem::UNAVAILABLE).retry_after(NO_TURN)
            }
            PasswordFault::Hashes(HashesError::Password(_))
            | PasswordFault::Sealed(_)
            | PasswordFault::Db(_) => Self::internal(&fault),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::OfflineOnly => Self::new(OFFLINE_ONLY),
            ChangeError::Weak(weak) => {
                let said = said(weak);
                Self::new(PIN_WEAK).detail(said).field("/new_password", said)
            }
            ChangeError::Fault(fault) => fault.into(),
        }
    }
}

const fn said(weak: Weak) -> &'static str {
    match weak {
        Weak::NotSixDigits => "请输入 6 位数字",
        Weak::Run | Weak::Repeated => "6位不连续、不重复",
        Weak::Default => "不能使用初始密码",
    }
}
