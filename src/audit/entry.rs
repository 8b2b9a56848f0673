//! An entry, and the bytes that are hashed.

use crate::base::{clock::Timestamp, crypto::row_mac::Field, ids::SchoolId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What was done. The name in storage stays for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditAct {
    /// Every row of authority got its first MAC.
    RowsAuthenticated,
    /// Rows without a fitting MAC were taken over as they stood.
    RowsTakenOver,
    /// Rows got MACs, digests or ciphertexts under the present key.
    Rekeyed,
    /// A school and its policy were added.
    SchoolAdded,
    /// A school's policy was replaced.
    SchoolChanged,
    /// People were added or changed by a roster.
    RosterImported,
    /// A person's standing was changed.
    StandingChanged,
    /// A card was reported lost or damaged.
    LossReported,
    /// A report was taken back.
    LossCancelled,
    /// A merchant was added.
    MerchantAdded,
    /// A merchant was renamed.
    MerchantChanged,
    /// Nothing is sold for a merchant from now on.
    MerchantDisabled,
    /// A disabled merchant sells again.
    MerchantEnabled,
    /// A terminal was added.
    TerminalAdded,
    /// A terminal's key, kind, merchant or doors were replaced.
    TerminalChanged,
    /// A terminal is refused from now on.
    TerminalDisabled,
    /// A disabled terminal is accepted again.
    TerminalEnabled,
    /// A terminal got another key.
    TerminalKeyReplaced,
    /// A list of terminals was exported.
    TerminalsExported,
    /// Door locks were added, or their groups or names changed, by a file.
    LocksImported,
    /// A login of a member of staff was added.
    StaffAdded,
    /// A login got a new second factor, which a command printed.
    StaffFactorReset,
    /// A login's own second factor came into force.
    StaffFactorEnrolled,
    /// A recovery code of a member of staff was used in place of a lost second factor.
    StaffRecoveryUsed,
    /// A member of staff made new recovery codes.
    StaffRecoveryRenewed,
    /// A member of staff ended another session of the same login.
    StaffSessionEnded,
    /// A member of staff chose a new password.
    StaffPasswordChanged,
    /// An admin ended all sessions of a login.
    StaffSessionsEnded,
    /// The roles of a login were changed.
    StaffRolesChanged,
    /// A login is refused from now on.
    StaffDisabled,
    /// A disabled login is accepted again.
    StaffEnabled,
    /// A member of staff signed in.
    StaffSignedIn,
    /// An act was asked for that needs a second person.
    ApprovalAsked,
    /// A second person approved it.
    ApprovalApproved,
    /// A second person rejected it.
    ApprovalRejected,
    /// Who asked for it took it back.
    ApprovalWithdrawn,
    /// Nobody decided in time.
    ApprovalExpired,
    /// The allocation of groups of doors was replaced.
    DoorsAllocated,
    /// Somebody was given a right to pass doors.
    DoorRightAdded,
    /// Such a right was ended.
    DoorRightEnded,
    /// The log of doors was read.
    AccessLogRead,
    /// A member of staff took a case.
    CaseTaken,
    /// Who had it gave it back.
    CaseReleased,
    /// Another took it from who had it.
    CaseTakenOver,
    /// Who had it ended it, and no money moved by that.
    CaseResolved,
    /// Who had it asked the provider about a refund that was made there.
    CaseChecked,
    /// A list of cases was exported.
    CasesExported,
    /// A list of orders was exported.
    OrdersExported,
    /// A part of this log was exported.
    AuditExported,
    /// The table of a library's readers was exported.
    ReadersExported,
    /// A member of staff opened a person's page.
    PersonOpened,
    /// A member of staff was shown a person's name and phone.
    PersonRevealed,
    /// A member of staff was shown more of them in a day than is usual.
    ManyRevealed,
    /// A member of staff ended a device that shows a person's codes.
    DeviceEnded,
    /// A member of staff ended a person's binding.
    BindingEnded,
    /// A user let a platform tell a phone number, with consent.
    PhoneShared,
    /// A user's phone number was deleted, and the consent withdrawn.
    PhoneRemoved,
}

impl AuditAct {
    /// All of them.
    pub const ALL: [Self; 57] = [
        Self::RowsAuthenticated,
        Self::RowsTakenOver,
        Self::Rekeyed,
        Self::SchoolAdded,
        Self::SchoolChanged,
        Self::RosterImported,
        Self::StandingChanged,
        Self::LossReported,
        Self::LossCancelled,
        Self::MerchantAdded,
        Self::MerchantChanged,
        Self::MerchantDisabled,
        Self::MerchantEnabled,
        Self::TerminalAdded,
        Self::TerminalChanged,
        Self::TerminalDisabled,
        Self::TerminalEnabled,
        Self::TerminalKeyReplaced,
        Self::TerminalsExported,
        Self::LocksImported,
        Self::StaffAdded,
        Self::StaffFactorReset,
        Self::StaffFactorEnrolled,
        Self::StaffRecoveryUsed,
        Self::StaffRecoveryRenewed,
        Self::StaffSessionEnded,
        Self::StaffPasswordChanged,
        Self::StaffSessionsEnded,
        Self::StaffRolesChanged,
        Self::StaffDisabled,
        Self::StaffEnabled,
        Self::StaffSignedIn,
        Self::ApprovalAsked,
        Self::ApprovalApproved,
        Self::ApprovalRejected,
        Self::ApprovalWithdrawn,
        Self::ApprovalExpired,
        Self::DoorsAllocated,
        Self::DoorRightAdded,
        Self::DoorRightEnded,
        Self::AccessLogRead,
        Self::CaseTaken,
        Self::CaseReleased,
        Self::CaseTakenOver,
        Self::CaseResolved,
        Self::CaseChecked,
        Self::CasesExported,
        Self::OrdersExported,
        Self::AuditExported,
        Self::ReadersExported,
        Self::PersonOpened,
        Self::PersonRevealed,
        Self::ManyRevealed,
        Self::DeviceEnded,
        Self::BindingEnded,
        Self::PhoneShared,
        Self::PhoneRemoved,
    ];

    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RowsAuthenticated => "rows.authenticated",
            Self::RowsTakenOver => "rows.taken_over",
            Self::Rekeyed => "rows.rekeyed",
            Self::SchoolAdded => "school.added",
            Self::SchoolChanged => "school.changed",
            Self::RosterImported => "roster.imported",
            Self::StandingChanged => "standing.changed",
            Self::LossReported => "loss.reported",
            Self::LossCancelled => "loss.cancelled",
            Self::MerchantAdded => "merchant.added",
            Self::MerchantChanged => "merchant.changed",
            Self::MerchantDisabled => "merchant.disabled",
            Self::MerchantEnabled => "merchant.enabled",
            Self::TerminalAdded => "terminal.added",
            Self::TerminalChanged => "terminal.changed",
            Self::TerminalDisabled => "terminal.disabled",
            Self::TerminalEnabled => "terminal.enabled",
            Self::TerminalKeyReplaced => "terminal.key_replaced",
            Self::TerminalsExported => "terminals.exported",
            Self::LocksImported => "locks.imported",
            Self::StaffAdded => "staff.added",
            Self::StaffFactorReset => "staff.factor_reset",
            Self::StaffFactorEnrolled => "staff.factor_enrolled",
            Self::StaffRecoveryUsed => "staff.recovery_used",
            Self::StaffRecoveryRenewed => "staff.recovery_renewed",
            Self::StaffSessionEnded => "staff.session_ended",
            Self::StaffPasswordChanged => "staff.password_changed",
            Self::StaffSessionsEnded => "staff.sessions_ended",
            Self::StaffRolesChanged => "staff.roles_changed",
            Self::StaffDisabled => "staff.disabled",
            Self::StaffEnabled => "staff.enabled",
            Self::StaffSignedIn => "staff.signed_in",
            Self::ApprovalAsked => "approval.asked",
            Self::ApprovalApproved => "approval.approved",
            Self::ApprovalRejected => "approval.rejected",
            Self::ApprovalWithdrawn => "approval.withdrawn",
            Self::ApprovalExpired => "approval.expired",
            Self::DoorsAllocated => "doors.allocated",
            Self::DoorRightAdded => "door_right.added",
            Self::DoorRightEnded => "door_right.ended",
            Self::AccessLogRead => "access_log.read",
            Self::CaseTaken => "case.taken",
            Self::CaseReleased => "case.released",
            Self::CaseTakenOver => "case.taken_over",
            Self::CaseResolved => "case.resolved",
            Self::CaseChecked => "case.checked",
            Self::CasesExported => "cases.exported",
            Self::OrdersExported => "orders.exported",
            Self::AuditExported => "audit.exported",
            Self::ReadersExported => "readers.exported",
            Self::PersonOpened => "person.opened",
            Self::PersonRevealed => "person.revealed",
            Self::ManyRevealed => "person.revealed_often",
            Self::DeviceEnded => "device.ended",
            Self::BindingEnded => "binding.ended",
            Self::PhoneShared => "phone.shared",
            Self::PhoneRemoved => "phone.removed",
        }
    }
}

/// Something that was done. Who did it, and why, is what the transaction was begun with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was done.
    pub act: AuditAct,
    /// The school, unless it concerns all.
    pub school: Option<SchoolId>,
    /// To whom or what: an id or a code.
    pub subject: String,
    /// What changed, without secrets; may be empty.
    pub detail: String,
}

/// The longest text of an entry; longer ones are cut.
const MAX_TEXT: usize = 1000;

/// An entry as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) position: i64,
    pub(super) at: Timestamp,
    pub(super) who: String,
    pub(super) act: String,
    pub(super) school: i64,
    pub(super) subject: String,
    pub(super) detail: String,
    pub(super) why: String,
    pub(super) hash: Vec<u8>,
    pub(super) mac: Option<Vec<u8>>,
}

impl Stored {
    /// The hash over the entry and the hash of the one before: `docs/ledger.md` states its bytes.
    pub(super) fn hash_after(&self, before: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"onecard-audit-v1|");
        hash.update(self.position.to_be_bytes());
        hash.update(self.at.micros().to_be_bytes());
        hash.update(self.school.to_be_bytes());
        for text in [&self.who, &self.act, &self.subject, &self.detail, &self.why] {
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            hash.update(length.to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.update(before);
        hash.finalize().into()
    }

    /// The row that the MAC is for: the entry's position in place of an id.
    pub(super) fn mac_row(&self) -> Uuid {
        Uuid::from_u128(u128::try_from(self.position).unwrap_or(0))
    }

    /// What the MAC covers: the hash covers everything else.
    pub(super) fn mac_fields(&self) -> [Field; 1] {
        [self.hash.as_slice().into()]
    }
}

/// The text without control characters, cut to a bounded length.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with the Python module `hashlib`.
    #[test]
    fn the_hash_is_that_of_another_implementation() {
        let stored = Stored {
            position: 7,
            at: Timestamp::from_micros(1_795_233_600_000_001),
            who: "root".into(),
            act: "terminal.added".into(),
            school: 3,
            subject: "xnec/T1".into(),
            detail: String::new(),
            why: "新设备".into(),
            hash: vec![],
            mac: None,
        };
        assert_eq!(hex::encode(stored.hash_after(&[9; 32])), VECTOR);
    }

    #[test]
    fn texts_are_plain_and_bounded() {
        assert_eq!(plain("a\nb\u{1b}[0m"), "ab[0m");
        assert_eq!(plain(&"x".repeat(2000)).len(), MAX_TEXT);
    }

    const VECTOR: &str = "42aaf95e37fa0cc048008fc2b37cee5f8b0021cf9657f0a10e53f959827b002a";
}
