//! A request that needs a second person, and who may decide it.

use crate::base::{clock::Timestamp, ids::SchoolId, money::Fen};
use std::time::Duration;
use uuid::Uuid;

crate::uuid_id! {
    /// A request that needs a second person.
    ApprovalId
}

/// What is asked for. The name in storage stays for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalKind {
    /// A payment is refunded, in part or whole; the subject is the payment.
    Refund,
    /// A refund that the provider refuses for ever is ended; the subject is the refund.
    RefundEnd,
    /// A difference between a provider's bill and our books is accepted as it stands; the subject is
    /// the difference.
    BillRepair,
    /// A person's balance is raised; the subject is the person.
    AdjustUp,
    /// A person's balance is lowered; the subject is the person.
    AdjustDown,
    /// A person gets another query password, on a slip; the subject is the person.
    PasswordReset,
    /// A login of a member of staff gets other roles; the subject is the login.
    StaffRoles,
    /// A login of a member of staff gets another second factor; the subject is the login.
    StaffFactor,
    /// The school's policy is changed in what is about money or passwords; the subject is the school.
    PolicyChange,
}

impl ApprovalKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Refund,
        Self::RefundEnd,
        Self::BillRepair,
        Self::AdjustUp,
        Self::AdjustDown,
        Self::PasswordReset,
        Self::StaffRoles,
        Self::StaffFactor,
        Self::PolicyChange,
    ];

    /// The name in storage and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::RefundEnd => "refund_end",
            Self::BillRepair => "bill_repair",
            Self::AdjustUp => "adjust_up",
            Self::AdjustDown => "adjust_down",
            Self::PasswordReset => "password_reset",
            Self::StaffRoles => "staff_roles",
            Self::StaffFactor => "staff_factor",
            Self::PolicyChange => "policy_change",
        }
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// It waits for a second person.
    Requested,
    /// A second person approved it.
    Approved,
    /// A second person rejected it.
    Rejected,
    /// Who asked took it back.
    Withdrawn,
    /// Nobody decided in time.
    Expired,
}

impl ApprovalState {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Requested, Self::Approved, Self::Rejected, Self::Withdrawn, Self::Expired];

    /// The name in storage and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// A member of staff who asks or decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    /// The id of the login.
    pub id: Uuid,
    /// The login.
    pub login: String,
    /// 工号: who it is.
    pub staff_no: String,
}

/// Who decides, with whose say may be behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decider {
    /// Who.
    pub officer: Officer,
    /// Who asked made this login, or changed it, a short time ago; or this person made or changed the login
    /// that asked.
    pub is_bound: bool,
    /// The login that asked is switched off.
    pub asker_is_off: bool,
    /// Its second factor was reset so lately that it approves nothing yet.
    pub factor_is_new: bool,
}

/// Who decided, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Who.
    pub by: Officer,
    /// When.
    pub at: Timestamp,
    /// Why; may be empty.
    pub why: String,
    /// What an approval made: the refund.
    pub result: Option<Uuid>,
}

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalVerdict {
    /// A second person approves.
    Approve,
    /// A second person rejects.
    Reject,
    /// Who asked takes it back.
    Withdraw,
}

impl ApprovalVerdict {
    /// The state that follows.
    pub const fn state(self) -> ApprovalState {
        match self {
            Self::Approve => ApprovalState::Approved,
            Self::Reject => ApprovalState::Rejected,
            Self::Withdraw => ApprovalState::Withdrawn,
        }
    }
}

/// A request that needs a second person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The id.
    pub id: ApprovalId,
    /// The school.
    pub school: SchoolId,
    /// What is asked for.
    pub kind: ApprovalKind,
    /// Of what.
    pub subject: Uuid,
    /// SHA-256 of the request as it was sent.
    pub request_digest: [u8; 32],
    /// How much.
    pub amount: Fen,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub asked_by: Officer,
    /// When.
    pub asked_at: Timestamp,
    /// From then on it cannot be approved.
    pub expires_at: Timestamp,
    pub(super) stored: ApprovalState,
    /// Who decided.
    pub decision: Option<Decision>,
}

/// Why a decision is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalRefusal {
    /// The person who asked cannot decide, under whatever login.
    #[error("a second person must decide")]
    SamePerson,
    /// One of the two made the other's login, or changed it, in the last seven days.
    #[error("one of the two has made or changed the other's login a short time ago")]
    NotIndependent,
    /// The login that asked is switched off.
    #[error("the login that asked is switched off")]
    AskerIsOff,
    /// The second factor of this login was reset in the last 24 hours.
    #[error("the second factor was reset a short time ago")]
    FactorIsNew,
    /// Only the person who asked can take the request back.
    #[error("only the person who asked can take it back")]
    NotYours,
    /// It is decided already.
    #[error("it is {} already", .0.code())]
    Over(ApprovalState),
}

impl Approval {
    /// How long a request waits.
    pub const LIFETIME: Duration = Duration::from_hours(7 * 24);

    /// How far it is at `now`.
    pub fn state_at(&self, now: Timestamp) -> ApprovalState {
        match self.stored {
            ApprovalState::Requested if now >= self.expires_at => ApprovalState::Expired,
            ApprovalState::Requested
            | ApprovalState::Approved
            | ApprovalState::Rejected
            | ApprovalState::Withdrawn
            | ApprovalState::Expired => self.stored,
        }
    }

    /// The state that somebody decided.
    pub fn decided_state(&self) -> Option<ApprovalState> {
        self.decision.as_ref().map(|_| self.stored)
    }

    /// Whether `by` may decide so at `now`.
    pub fn check(
        &self,
        verdict: ApprovalVerdict,
        by: &Decider,
        now: Timestamp,
    ) -> Result<(), ApprovalRefusal> {
        let (asker, officer) = (&self.asked_by, &by.officer);
        let same = officer.id == asker.id || officer.staff_no == asker.staff_no;
        match verdict {
            ApprovalVerdict::Approve | ApprovalVerdict::Reject if same => {
                return Err(ApprovalRefusal::SamePerson);
            }
            ApprovalVerdict::Approve if by.is_bound => return Err(ApprovalRefusal::NotIndependent),
            ApprovalVerdict::Approve if by.asker_is_off => return Err(ApprovalRefusal::AskerIsOff),
            ApprovalVerdict::Approve if by.factor_is_new => {
                return Err(ApprovalRefusal::FactorIsNew);
            }
            ApprovalVerdict::Withdraw if !same => return Err(ApprovalRefusal::NotYours),
            ApprovalVerdict::Approve | ApprovalVerdict::Reject | ApprovalVerdict::Withdraw => {}
        }
        match self.state_at(now) {
            ApprovalState::Requested => Ok(()),
            state @ (ApprovalState::Approved
            | ApprovalState::Rejected
            | ApprovalState::Withdrawn
            | ApprovalState::Expired) => Err(ApprovalRefusal::Over(state)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);

    fn officer(id: u128, staff_no: &str) -> Officer {
        Officer { id: Uuid::from_u128(id), login: format!("l{id}"), staff_no: staff_no.to_owned() }
    }

    fn decider(id: u128, staff_no: &str) -> Decider {
        let officer = officer(id, staff_no);
        Decider { officer, is_bound: false, asker_is_off: false, factor_is_new: false }
    }

    fn approval(stored: ApprovalState) -> Approval {
        Approval {
            id: ApprovalId::new(NOW),
            school: SchoolId::from_number(1),
            kind: ApprovalKind::Refund,
            subject: Uuid::from_u128(9),
            request_digest: [0; 32],
            amount: Fen::new(5000).unwrap(),
            reason: "重复支付".to_owned(),
            asked_by: officer(1, "1001"),
            asked_at: NOW,
            expires_at: NOW.plus(Approval::LIFETIME),
            stored,
            decision: None,
        }
    }

    #[test]
    fn two_logins_of_one_number_are_one_person() {
        use ApprovalRefusal::{NotYours, SamePerson};
        let cases = [
            ("the same login", decider(1, "1001"), Err(SamePerson), Ok(())),
            ("another login of the person", decider(2, "1001"), Err(SamePerson), Ok(())),
            ("a login with a new number", decider(1, "1002"), Err(SamePerson), Ok(())),
            ("another person", decider(2, "1002"), Ok(()), Err(NotYours)),
        ];
        let approval = approval(ApprovalState::Requested);
        for (what, by, decide, withdraw) in cases {
            assert_eq!(approval.check(ApprovalVerdict::Approve, &by, NOW), decide, "{what}");
            assert_eq!(approval.check(ApprovalVerdict::Reject, &by, NOW), decide, "{what}");
            assert_eq!(approval.check(ApprovalVerdict::Withdraw, &by, NOW), withdraw, "{what}");
        }
    }

    #[test]
    fn who_is_not_independent_or_has_a_new_factor_approves_nothing() {
        use ApprovalRefusal::{AskerIsOff, FactorIsNew, NotIndependent};
        let by = || decider(2, "1002");
        let cases = [
            (Decider { is_bound: true, ..by() }, NotIndependent),
            (Decider { asker_is_off: true, ..by() }, AskerIsOff),
            (Decider { factor_is_new: true, ..by() }, FactorIsNew),
        ];
        let approval = approval(ApprovalState::Requested);
        for (by, refusal) in cases {
            assert_eq!(approval.check(ApprovalVerdict::Approve, &by, NOW), Err(refusal));
            assert_eq!(approval.check(ApprovalVerdict::Reject, &by, NOW), Ok(()), "{refusal}");
        }
    }

    #[test]
    fn each_request_is_decided_once_and_in_time() {
        let (asker, other) = (decider(1, "1001"), decider(2, "1002"));
        let end = NOW.plus(Approval::LIFETIME);
        for state in ApprovalState::ALL {
            let approval = approval(state);
            for (verdict, by) in [
                (ApprovalVerdict::Approve, &other),
                (ApprovalVerdict::Reject, &other),
                (ApprovalVerdict::Withdraw, &asker),
            ] {
                let open = state == ApprovalState::Requested;
                let last = end.minus(Duration::from_micros(1));
                let expected = if open { Ok(()) } else { Err(ApprovalRefusal::Over(state)) };
                assert_eq!(approval.check(verdict, by, last), expected, "{state:?} {verdict:?}");
                let over = if open { ApprovalState::Expired } else { state };
                let late = approval.check(verdict, by, end);
                assert_eq!(late, Err(ApprovalRefusal::Over(over)), "{state:?} {verdict:?}");
            }
            assert_eq!(ApprovalState::from_code(state.code()), Some(state));
        }
    }
}
