//! Maps errors of staff to problem documents.

use crate::{
    approvals::{ApprovalError, ApprovalRefusal},
    base::http::{
        ApiError,
        problem::{self, ProblemKind},
    },
    reconciliation::RepairError,
    staff::{RefundRefusal, StaffActError},
    staff_accounts::{StaffRefusal, StaffSignInError},
};

const SIGN_IN_REFUSED: ProblemKind =
    ProblemKind {
        code: "staff_sign_in_refused", status: 401, title: "账号、密码或动态验证码有误"
    };
const TOTP_REQUIRED: ProblemKind =
    ProblemKind { code: "totp_required", status: 401, title: "请填写动态验证码" };
const NEW_PASSWORD_NEEDED: ProblemKind =
    ProblemKind {
        code: "new_password_needed", status: 403, title: "首次登录须设置新密码"
    };
const RIGHT_MISSING: ProblemKind =
    ProblemKind { code: "staff_right_missing", status: 403, title: "您没有此项权限" };
const SECOND_FACTOR_NEEDED: ProblemKind =
    ProblemKind {
        code: "second_factor_needed", status: 403, title: "请重新输入动态验证码"
    };
const SECOND_PERSON_NEEDED: ProblemKind =
    ProblemKind { code: "second_person_needed", status: 403, title: "须由另一人复核" };
const NOT_YOUR_REQUEST: ProblemKind =
    ProblemKind { code: "not_your_request", status: 403, title: "只有申请人可以撤回" };
const OWN_MONEY: ProblemKind =
    ProblemKind { code: "own_money", status: 403, title: "不能办理本人的款项" };
const APPROVAL_OVER: ProblemKind =
    ProblemKind { code: "approval_over", status: 409, title: "该申请已处理或已过期" };
const APPROVAL_OPEN: ProblemKind =
    ProblemKind { code: "approval_open", status: 409, title: "该款项已有待复核的申请" };
const NOT_REFUNDABLE: ProblemKind =
    ProblemKind { code: "not_refundable", status: 409, title: "该款项不能退款" };
const REFUND_TOO_MUCH: ProblemKind =
    ProblemKind { code: "refund_too_much", status: 422, title: "超过可退金额" };
const REFUND_SPENT: ProblemKind =
    ProblemKind { code: "refund_spent", status: 409, title: "余额不足，不能全部退款" };
const REFUND_NOT_ENDABLE: ProblemKind =
    ProblemKind { code: "refund_not_endable", status: 409, title: "该退款不能终止" };
const REFUND_JUST_SENT: ProblemKind =
    ProblemKind {
        code: "refund_just_sent", status: 409, title: "退款刚刚提交，请稍后再试"
    };
const REFUND_KNOWN_THERE: ProblemKind =
    ProblemKind {
        code: "refund_known_there", status: 409, title: "支付机构已受理该退款"
    };
const PROVIDER_UNAVAILABLE: ProblemKind = ProblemKind {
    code: "provider_unavailable",
    status: 503,
    title: "支付机构没有答复，请稍后再试",
};
const DIFFERENCE_CHANGED: ProblemKind =
    ProblemKind {
        code: "difference_changed", status: 409, title: "该差异已处理或已变化"
    };

impl From<StaffSignInError> for ApiError {
    fn from(error: StaffSignInError) -> Self {
        match error {
            StaffSignInError::TotpMissing => Self::new(TOTP_REQUIRED),
            StaffSignInError::Refused => Self::new(SIGN_IN_REFUSED),
            StaffSignInError::NewPasswordNeeded => Self::new(NEW_PASSWORD_NEEDED),
            StaffSignInError::NewPasswordWeak => Self::new(problem::INVALID)
                .field("/new_password", "至少 10 个字符，且不同于账号和原密码"),
            StaffSignInError::BadToken => Self::new(problem::UNAUTHENTICATED),
            StaffSignInError::Password(fault) => fault.into(),
            StaffSignInError::NoToken(_)
            | StaffSignInError::NoSecret(_)
            | StaffSignInError::Sealed(_)
            | StaffSignInError::Db(_) => Self::internal(&error),
        }
    }
}

impl From<StaffRefusal> for ApiError {
    fn from(refusal: StaffRefusal) -> Self {
        Self::new(match refusal {
            StaffRefusal::NoRight => RIGHT_MISSING,
            StaffRefusal::FactorStale => SECOND_FACTOR_NEEDED,
        })
    }
}

impl From<ApprovalError> for ApiError {
    fn from(error: ApprovalError) -> Self {
        match error {
            ApprovalError::KeyReused => Self::new(problem::IDEMPOTENCY_KEY_REUSED),
            ApprovalError::Open(id) => Self::new(APPROVAL_OPEN).member("approval", id.to_string()),
            ApprovalError::Refused(ApprovalRefusal::SamePerson) => Self::new(SECOND_PERSON_NEEDED),
            ApprovalError::Refused(ApprovalRefusal::NotYours) => Self::new(NOT_YOUR_REQUEST),
            ApprovalError::Refused(ApprovalRefusal::Over(state)) => {
                Self::new(APPROVAL_OVER).member("state", state.code())
            }
            ApprovalError::Db(error) => Self::internal(&error),
        }
    }
}

impl From<RefundRefusal> for ApiError {
    fn from(refusal: RefundRefusal) -> Self {
        match refusal {
            RefundRefusal::NoSuchPayment => Self::new(problem::NOT_FOUND),
            RefundRefusal::NotRefundable => Self::new(NOT_REFUNDABLE),
            RefundRefusal::TooMuch { refundable } => {
                let fen = refundable.get();
                Self::new(REFUND_TOO_MUCH)
                    .field("/amount_fen", "超过可退金额")
                    .member("refundable_fen", fen)
            }
            RefundRefusal::Spent => Self::new(REFUND_SPENT),
            RefundRefusal::NotEndable => Self::new(REFUND_NOT_ENDABLE),
            RefundRefusal::JustSent => Self::new(REFUND_JUST_SENT),
            RefundRefusal::KnownThere => Self::new(REFUND_KNOWN_THERE),
            RefundRefusal::Silent => Self::new(PROVIDER_UNAVAILABLE),
            RefundRefusal::Failed(_) => Self::internal(&refusal),
            RefundRefusal::Db(error) => Self::internal(&error),
        }
    }
}

impl From<RepairError> for ApiError {
    fn from(error: RepairError) -> Self {
        match error {
            RepairError::NotFound => Self::new(problem::NOT_FOUND),
            RepairError::Changed => Self::new(DIFFERENCE_CHANGED),
            RepairError::Spent => Self::new(REFUND_SPENT),
            RepairError::Ledger(_) | RepairError::Refused(_) | RepairError::Db(_) => {
                Self::internal(&error)
            }
        }
    }
}

impl From<StaffActError> for ApiError {
    fn from(error: StaffActError) -> Self {
        match error {
            StaffActError::NotFound => Self::new(problem::NOT_FOUND),
            StaffActError::OwnMoney => Self::new(OWN_MONEY),
            StaffActError::Right(refusal) => refusal.into(),
            StaffActError::Approval(error) => error.into(),
            StaffActError::Refund(refusal) => refusal.into(),
            StaffActError::Repair(error) => error.into(),
            StaffActError::Db(error) => Self::internal(&error),
        }
    }
}
