//! What is asked for and answered where somebody changes the policy.

use super::{PolicyDifference, PolicyEdit, PolicyProposal, PolicyVersion};
use crate::approvals::Approval;

/// A change of the policy, as it is asked.
#[derive(Clone, Debug)]
pub struct PolicyAsk {
    /// What.
    pub edit: PolicyEdit,
    /// Why.
    pub reason: String,
    /// The idempotency key.
    pub key: String,
}

/// What a change would do.
#[derive(Clone, Debug)]
pub struct PolicyPreview {
    /// The policy that it makes, and from when.
    pub proposal: PolicyProposal,
    /// What it changes.
    pub differences: Vec<PolicyDifference>,
    /// Whether another admin must approve it.
    pub two_persons: bool,
}

/// What a change came to.
#[derive(Debug)]
pub enum PolicyOutcome {
    /// It is a version.
    Published(Box<PolicyVersion>),
    /// Another admin must approve it.
    Asked(Box<Approval>),
}

/// A proposal that waits, or was decided.
#[derive(Clone, Debug)]
pub struct PolicyRequest {
    /// The request.
    pub approval: Approval,
    /// What it makes.
    pub proposal: PolicyProposal,
    /// What it changes of the policy that it was made of.
    pub differences: Vec<PolicyDifference>,
}
