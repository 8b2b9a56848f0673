//! Problem documents of loss reports.

use super::LossError;
use crate::{
    base::http::{ApiError, problem::ProblemKind},
    schools::policy::LossField,
};

const COUNTER_ONLY: ProblemKind =
    ProblemKind {
        code: "counter_only", status: 403, title: "请持有效证件到服务窗口办理"
    };
const NOT_REPORTED: ProblemKind =
    ProblemKind { code: "loss_not_reported", status: 409, title: "校园卡没有挂失" };
const NOT_BOUND: ProblemKind =
    ProblemKind { code: "not_bound", status: 403, title: "请先绑定校园卡" };
const MISSING: ProblemKind =
    ProblemKind { code: "field_missing", status: 422, title: "请填写学校要求的各项" };
const WRONG: ProblemKind =
    ProblemKind { code: "password_wrong", status: 422, title: "填写的信息或密码不正确" };

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
