//! Problem documents of the key ring.

use super::OpenError;
use crate::base::http::{
    ApiError,
    problem::{ProblemKind, UNAVAILABLE},
};

const NOT_BOUND: ProblemKind =
    ProblemKind { code: "not_bound", status: 403, title: "请先绑定校园卡" };
const NOT_OFFERED: ProblemKind =
    ProblemKind { code: "doors_not_offered", status: 404, title: "学校没有开通手机开门" };
const NO_SUCH_DOOR: ProblemKind =
    ProblemKind { code: "door_not_found", status: 404, title: "没有这扇门" };
const NO_SUCH_OPENING: ProblemKind =
    ProblemKind { code: "opening_not_found", status: 404, title: "没有这次开门记录" };
const UNDER_WAY: ProblemKind =
    ProblemKind {
        code: "opening_under_way", status: 409, title: "正在开这扇门，请先看门是否已开"
    };
const TOO_MANY: ProblemKind =
    ProblemKind {
        code: "too_many_openings", status: 429, title: "开门过于频繁，请稍候再试"
    };

impl From<OpenError> for ApiError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotOffered => Self::new(NOT_OFFERED),
            OpenError::NoSuchDoor => Self::new(NO_SUCH_DOOR),
            OpenError::NoSuchOpening => Self::new(NO_SUCH_OPENING),
            OpenError::UnderWay(wait) => Self::new(UNDER_WAY).retry_after(wait),
            OpenError::TooMany(wait) => Self::new(TOO_MANY).retry_after(wait),
            OpenError::NotBound => Self::new(NOT_BOUND),
            OpenError::Late => Self::new(UNAVAILABLE),
            OpenError::Binding(fault) => fault.into(),
            OpenError::Db(_) => Self::internal(&error),
        }
    }
}
