//! Problem documents of loss reports.

use super::LossError;
use crate::{
    base::http::{ApiError, problem::problem_kinds},
    schools::policy::LossField,
};

problem_kinds! {
    COUNTER_ONLY = "counter_only", 403, "请持有效证件到服务窗口办理";
    NOT_REPORTED = "loss_not_reported", 409, "校园卡没有挂失";
    NOT_BOUND = "not_bound", 403, "请先绑定校园卡";
    MISSING = "field_missing", 422, "请填写学校要求的各项";
    WRONG = "password_wrong", 422, "填写的信息或密码不正确";
}

impl From<LossError> for ApiError {
    fn from(error: LossError) -> Self {
        match error {
            LossError::CounterOnly => Self::new(COUNTER_ONLY),
            LossError::NotReported => Self::new(NOT_REPORTED),
            LossError::NotBound => Self::new(NOT_BOUND),
            LossError::Missing(field) => {
                let (pointer, text) = match field {
                    LossField::IdNumber => ("/id_number", "请填写身份证号"),
                    LossField::ChipNumber => ("/chip_number", "请填写芯片卡号"),
                };
                Self::new(MISSING).detail(text).field(pointer, text)
            }
            LossError::Password(crate::passwords::PasswordFault::Wrong) => Self::new(WRONG),
            LossError::Password(fault) => fault.into(),
            LossError::Sealed(_) | LossError::Db(_) => Self::internal(&error),
        }
    }
}
