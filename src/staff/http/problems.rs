//! Maps errors of staff to problem documents.

use crate::{
    adjustments::{AdjustError, Adjustment},
    approvals::{ApprovalError, ApprovalRefusal},
    base::http::{
        ApiError,
        problem::{self, problem_kinds},
    },
    cases::{CaseRefusal, CaseWorker},
    exports::{ExportError, Exports},
    passwords::PasswordFault,
    policies::{PolicyDifference, PolicyField, PolicyProblem, PolicyRefusal},
    reconciliation::RepairError,
    staff::{RefundRefusal, StaffActError, StaffCaseError, doors::StaffDoorError},
    staff_accounts::{StaffChangeError, StaffRefusal, StaffSignInError},
};

problem_kinds! {
    SIGN_IN_REFUSED = "staff_sign_in_refused", 401, "账号、密码或动态验证码有误";
    SLIP_EXPIRED = "staff_slip_expired", 401, "首次登录单已超过 24 小时，请找管理员重新打印";
    TOTP_REQUIRED = "totp_required", 401, "请填写动态验证码";
    NEW_PASSWORD_NEEDED = "new_password_needed", 403, "首次登录须设置新密码";
    RIGHT_MISSING = "staff_right_missing", 403, "您没有此项权限";
    SECOND_FACTOR_NEEDED = "second_factor_needed", 403, "请重新输入动态验证码";
    SECOND_PERSON_NEEDED = "second_person_needed", 403, "须由另一人复核";
    NOT_INDEPENDENT = "not_independent", 403, "申请人和您近 7 天内有一方办理过另一方的账号，须由他人复核";
    ASKER_IS_OFF = "asker_is_off", 409, "申请人的账号已停用，不能通过";
    FACTOR_IS_NEW = "factor_is_new", 403, "验证器重置未满 24 小时，暂不能复核";
    OWN_LOGIN = "own_login", 403, "不能更改本人的账号";
    LOGIN_TAKEN = "login_taken", 409, "该账号名已被使用";
    WORK_ID_TAKEN = "work_id_taken", 409, "这个企业账号已关联另一个账号";
    LOGIN_CHANGED = "login_changed", 409, "该账号已是这样，或刚被更改";
    NOT_YOUR_REQUEST = "not_your_request", 403, "只有申请人可以撤回";
    pub(super) OWN_CARD = "own_card", 403, "不能办理本人的卡";
    OWN_MONEY = "own_money", 403, "不能办理本人的款项";
    APPROVAL_OVER = "approval_over", 409, "该申请已处理或已过期";
    APPROVAL_OPEN = "approval_open", 409, "已有一项申请待复核";
    NOT_REFUNDABLE = "not_refundable", 409, "该款项不能退款";
    REFUND_TOO_MUCH = "refund_too_much", 422, "超过可退金额";
    REFUND_SPENT = "refund_spent", 409, "余额不足，不能全部退款";
    REFUND_NOT_ENDABLE = "refund_not_endable", 409, "该退款不能终止";
    REFUND_JUST_SENT = "refund_just_sent", 409, "退款刚刚提交，请稍后再试";
    REFUND_KNOWN_THERE = "refund_known_there", 409, "支付机构已受理该退款";
    TOO_MANY_EXPORTS = "too_many_exports", 429, "同时导出的文件太多，请等前面的完成";
    ASKED_JUST_NOW = "asked_just_now", 429, "刚刚查询过，请 10 秒后再试";
    CASE_TAKEN = "case_taken", 409, "这项异常由另一人处理中";
    CASE_NOT_TAKEN = "case_not_taken", 409, "请先接手这项异常";
    CASE_OVER = "case_over", 409, "这项异常已结束";
    CASE_CHANGED = "case_changed", 409, "这项异常有了变化，请核对后再提交";
    CASE_IN_REVIEW = "case_in_review", 409, "有申请待复核，请等复核结束";
    CASE_HOLDS_MONEY = "case_holds_money", 409, "退款的钱还没有着落，不能只写说明办结";
    CASE_WITHOUT_REFUND = "case_without_refund", 409, "这项异常没有可终止的退款";
    CASE_WITHOUT_PAYMENT = "case_without_payment", 409, "这项异常没有可核对退款的支付";
    CASE_REFUND_UNKNOWN = "case_refund_unknown", 409, "支付平台没有这笔已完成的退款";
    CASE_NOT_OVER = "case_not_over", 409, "已按支付平台的答复处理，这项异常还没有了结";
    POLICY_MOVED = "policy_moved", 409, "政策有了新的版本，请核对后再提交";
    POLICY_UNCHANGED = "policy_unchanged", 409, "与现在的政策相同，没有要更改的";
    pub(super) MESSAGE_RESENT = "message_resent", 409, "这条消息已经重发";
    BALANCE_SHORT = "balance_short", 409, "余额不足";
    BALANCE_CHANGED = "balance_changed", 409, "余额刚有变化，请核对后再提交";
    DIFFERENCE_CHANGED = "difference_changed", 409, "该差异已处理或已变化";
}

impl From<ExportError> for ApiError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Right(refusal) => refusal.into(),
            ExportError::TooManyJobs => {
                Self::new(TOO_MANY_EXPORTS).member("most", Exports::MAX_RUNNING)
            }
            ExportError::NotFound => Self::new(problem::NOT_FOUND),
            ExportError::BadFilter(_) => {
                Self::new(problem::INVALID).field("/query", "没有这样的筛选条件")
            }
            ExportError::List(error) => match error.downcast_ref() {
                Some(StaffDoorError::NoPerson) => Self::new(problem::NOT_FOUND),
                Some(_) | None => Self::internal(&*error),
            },
            ExportError::File(error) => Self::internal(&error),
            ExportError::Table(error) => Self::internal(&error),
            ExportError::Db(error) => Self::internal(&error),
        }
    }
}

impl From<StaffSignInError> for ApiError {
    fn from(error: StaffSignInError) -> Self {
        match error {
            StaffSignInError::TotpMissing => Self::new(TOTP_REQUIRED),
            StaffSignInError::Refused => Self::new(SIGN_IN_REFUSED),
            StaffSignInError::SlipExpired => Self::new(SLIP_EXPIRED),
            StaffSignInError::NewPasswordNeeded => Self::new(NEW_PASSWORD_NEEDED),
            StaffSignInError::NewPasswordWeak => Self::new(problem::INVALID)
                .field("/new_password", "至少 10 个字符，且不同于账号和原密码"),
            StaffSignInError::BadToken => Self::new(problem::UNAUTHENTICATED),
            StaffSignInError::NotNow(refusal) => refusal.into(),
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
            ApprovalError::Refused(ApprovalRefusal::NotIndependent) => Self::new(NOT_INDEPENDENT),
            ApprovalError::Refused(ApprovalRefusal::AskerIsOff) => Self::new(ASKER_IS_OFF),
            ApprovalError::Refused(ApprovalRefusal::FactorIsNew) => Self::new(FACTOR_IS_NEW),
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
            RefundRefusal::Spent { short: None } => Self::new(REFUND_SPENT),
            RefundRefusal::Spent { short: Some(short) } => Self::new(REFUND_SPENT)
                .detail(format!("余额不足，差 {short}"))
                .member("short_fen", short.get()),
            RefundRefusal::NotEndable => Self::new(REFUND_NOT_ENDABLE),
            RefundRefusal::JustSent => Self::new(REFUND_JUST_SENT),
            RefundRefusal::KnownThere => Self::new(REFUND_KNOWN_THERE),
            RefundRefusal::AskedJustNow => Self::new(ASKED_JUST_NOW),
            RefundRefusal::Silent => Self::new(problem::PROVIDER_UNAVAILABLE),
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

impl From<PolicyRefusal> for ApiError {
    fn from(error: PolicyRefusal) -> Self {
        match error {
            PolicyRefusal::NotFound => Self::new(problem::NOT_FOUND),
            PolicyRefusal::Invalid(problems) => {
                problems.into_iter().fold(Self::new(problem::INVALID), |said, problem| {
                    let PolicyProblem { key, detail } = problem;
                    let label = PolicyField::of(&key).map_or("", |field| field.label);
                    let colon = if label.is_empty() { "" } else { "：" };
                    let pointer = format!("/changes/{}", key.replace('/', "~1"));
                    said.field(pointer, format!("{label}{colon}{detail}"))
                })
            }
            PolicyRefusal::Unchanged => Self::new(POLICY_UNCHANGED),
            PolicyRefusal::BadDay => Self::new(problem::INVALID)
                .field("/from", "生效日期：今天到一年之内，如 2026-12-01"),
            PolicyRefusal::Moved { version, by, differences } => {
                let who = by.strip_prefix("staff ").unwrap_or(&by).replace(", no. ", "（工号 ");
                let end = if who.contains('（') { "）" } else { "" };
                let said = PolicyDifference::sentence(&differences);
                let colon = if said.is_empty() { "" } else { "：" };
                Self::new(POLICY_MOVED)
                    .detail(format!("{who}{end}已改为第 {version} 版{colon}{said}"))
                    .member("version", version)
            }
            PolicyRefusal::NeedsTwo => Self::new(SECOND_PERSON_NEEDED),
            PolicyRefusal::Db(error) => Self::internal(&error),
        }
    }
}

impl From<AdjustError> for ApiError {
    fn from(error: AdjustError) -> Self {
        match error {
            AdjustError::BadAmount => {
                let most = Adjustment::MOST;
                Self::new(problem::INVALID)
                    .field("/change_fen", format!("一次调账最少 ¥0.01，最多 {most}"))
            }
            AdjustError::Short(short) => Self::new(BALANCE_SHORT)
                .detail(format!("余额不足，差 {short}"))
                .member("short_fen", short.get()),
            AdjustError::Changed => Self::new(BALANCE_CHANGED),
            AdjustError::Ledger(_) | AdjustError::Db(_) => Self::internal(&error),
        }
    }
}

impl From<StaffChangeError> for ApiError {
    fn from(error: StaffChangeError) -> Self {
        match error {
            StaffChangeError::NoLogin => Self::new(problem::NOT_FOUND),
            StaffChangeError::Exists => Self::new(LOGIN_TAKEN).field("/login", "该账号名已被使用"),
            StaffChangeError::Linked => Self::new(WORK_ID_TAKEN),
            StaffChangeError::Own => Self::new(OWN_LOGIN),
            StaffChangeError::Unchanged => Self::new(LOGIN_CHANGED),
            StaffChangeError::Right(refusal) => refusal.into(),
            StaffChangeError::Hasher(error) => PasswordFault::from(error).into(),
            StaffChangeError::NoSecret(_)
            | StaffChangeError::Sealed(_)
            | StaffChangeError::Db(_) => Self::internal(&error),
        }
    }
}

impl From<StaffActError> for ApiError {
    fn from(error: StaffActError) -> Self {
        match error {
            StaffActError::NotFound => Self::new(problem::NOT_FOUND),
            StaffActError::BadFilter(name) => {
                Self::new(problem::INVALID).field(format!("/{name}"), "没有这样的筛选条件")
            }
            StaffActError::NoClass(name) => {
                let wrong = format!("花名册里没有这个班级：{name}");
                Self::new(problem::INVALID).field("/classes", wrong)
            }
            StaffActError::OwnMoney => Self::new(OWN_MONEY),
            StaffActError::OwnCard => Self::new(OWN_CARD),
            StaffActError::Right(refusal) => refusal.into(),
            StaffActError::Approval(error) => error.into(),
            StaffActError::Member(error) => error.into(),
            StaffActError::Refund(refusal) => refusal.into(),
            StaffActError::Repair(error) => error.into(),
            StaffActError::Bills(error) => error.into(),
            StaffActError::Policy(error) => error.into(),
            StaffActError::Adjust(error) => error.into(),
            StaffActError::Password(fault) => fault.into(),
            StaffActError::Db(error) => Self::internal(&error),
        }
    }
}

impl From<StaffCaseError> for ApiError {
    fn from(error: StaffCaseError) -> Self {
        match error {
            StaffCaseError::Act(error) => error.into(),
            StaffCaseError::Refused(CaseRefusal::Over) => Self::new(CASE_OVER),
            StaffCaseError::Refused(CaseRefusal::Held(held)) => {
                let CaseWorker { login, staff_no } = held.by;
                Self::new(CASE_TAKEN)
                    .detail(format!("{login}（{staff_no}）处理中"))
                    .member("by", login)
                    .member("staff_no", staff_no)
            }
            StaffCaseError::Refused(CaseRefusal::NotTaken) => Self::new(CASE_NOT_TAKEN),
            StaffCaseError::Refused(CaseRefusal::Changed) => Self::new(CASE_CHANGED),
            StaffCaseError::InReview => Self::new(CASE_IN_REVIEW),
            StaffCaseError::HoldsMoney => Self::new(CASE_HOLDS_MONEY),
            StaffCaseError::NoRefund => Self::new(CASE_WITHOUT_REFUND),
            StaffCaseError::NoPayment => Self::new(CASE_WITHOUT_PAYMENT),
            StaffCaseError::NotFoundThere => Self::new(CASE_REFUND_UNKNOWN),
            StaffCaseError::NotOver => Self::new(CASE_NOT_OVER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staff_accounts::StaffMember;

    fn known(code: &str) -> bool {
        StaffMember::refused_for().any(|reason| reason == code)
    }

    #[test]
    fn what_staff_are_refused_is_known_to_the_log_by_its_code() {
        let refusals = [
            RIGHT_MISSING,
            SECOND_PERSON_NEEDED,
            NOT_INDEPENDENT,
            FACTOR_IS_NEW,
            OWN_LOGIN,
            NOT_YOUR_REQUEST,
            OWN_CARD,
            OWN_MONEY,
        ];
        for kind in refusals {
            assert_eq!(kind.status, 403, "{}", kind.code);
            assert!(known(kind.code), "{}", kind.code);
        }
        for kind in [SECOND_FACTOR_NEEDED, NEW_PASSWORD_NEEDED, ASKER_IS_OFF] {
            assert!(!known(kind.code), "{}", kind.code);
        }
    }
}
