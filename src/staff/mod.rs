//! What members of staff do over HTTP: it calls the rooms below, and adds rights, the second person
//! and the audit log.
//!
//! Invariant: a right is the type of a handler's argument (`May<…>`), and is asked again in the
//! transaction that acts, as [`staff_accounts::hold`] does.
//! Invariant: money moves in the transaction that approves it, or not at all.
//! Absent on purpose: decisions about money. [`RefundDesk`] makes them, and `reconciliation`.

mod adjustments;
mod ask_now;
mod audit_log;
mod bill_days;
mod bills;
mod cases;
mod doors;
mod endings;
pub mod guard;
mod health;
pub mod http;
mod member_classes;
mod members;
mod merchants;
mod messages;
mod orders;
mod password_resets;
mod people;
mod person_acts;
mod person_reads;
mod policies;
mod refund_desk;
mod refunds;
mod refusals;
mod requests;
mod second_person;
mod standing;
mod store;
mod terminals;
mod today;

pub use audit_log::AuditQuery;
pub use bills::{BillDesk, RepairAsk, StaffRepair};
pub use cases::{
    CaseDesk, CaseDetail, CaseList, CaseProposal, CaseQuery, ListedCase, StaffCaseError,
};
pub use doors::{DoorDesk, DoorGrant, DoorSearch, Numbered};
pub use health::{HealthLevel, SchoolHealth};
pub use members::{AddedMember, MemberAct, MemberAsk, RolesOutcome};
pub use merchants::{MerchantAsk, MerchantDetail, MerchantQuery, TakingMerchant};
pub use orders::{NamedOrder, OrderDesk, OrderDetail, OrderQuery, StaffOrderError};
pub use people::{ListedPerson, PeopleDesk, PeopleQuery, PersonDetail, StaffPeopleError};
pub use person_acts::{PersonAct, RevealReason};
pub use refund_desk::{
    ApprovedRefund, EndedRefund, RefundDesk, RefundQuote, RefundRefusal, RefundTarget,
};
pub use refunds::{RefundAsk, StaffRefund};
pub use requests::StaffActError;
pub use standing::MoneyStanding;
pub use terminals::{
    IssuedKey, KeyAsk, StaffTerminalError, TakingTerminal, TerminalAsk, TerminalDesk,
    TerminalDetail, TerminalQuery,
};
pub use today::{Today, TodayDesk};

use crate::{
    base::{clock::Clock, db::Db},
    key_trials::KeyTrials,
    staff_accounts::StaffAccounts,
};
use std::sync::Arc;

/// What handlers of staff ask for.
#[derive(Clone, Debug)]
pub struct StaffDesk {
    /// The database.
    pub db: Db,
    /// Sign-in and sessions.
    pub accounts: StaffAccounts,
    /// Refunds.
    pub refunds: Arc<dyn RefundDesk>,
    /// The keys of providers.
    pub trials: KeyTrials,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}
