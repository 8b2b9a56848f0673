//! The acts that the log knows.

/// What acts are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// Requests that two persons decide.
    Approvals,
    /// Cases that staff work on.
    Cases,
    /// People and their cards.
    People,
    /// Merchants, terminals and locks.
    Terminals,
    /// Rights to pass doors.
    Doors,
    /// What was read or taken away whole.
    Reads,
    /// Members of staff and their sign-ins.
    Staff,
    /// Schools and their policies.
    Policy,
    /// What members of staff were refused, and sign-ins that failed.
    Refusals,
    /// Keys and MACs of rows.
    Rows,
}

impl AuditKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Approvals,
        Self::Cases,
        Self::People,
        Self::Terminals,
        Self::Doors,
        Self::Reads,
        Self::Staff,
        Self::Policy,
        Self::Refusals,
        Self::Rows,
    ];

    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Approvals => "approvals",
            Self::Cases => "cases",
            Self::People => "people",
            Self::Terminals => "terminals",
            Self::Doors => "doors",
            Self::Reads => "reads",
            Self::Staff => "staff",
            Self::Policy => "policy",
            Self::Refusals => "refusals",
            Self::Rows => "rows",
        }
    }
}

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $kind:ident;)*) => {
        /// What was done. The name in storage stays for good.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AuditAct {
            $($(#[$doc])* $name,)*
        }

        impl AuditAct {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in storage.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What it is about.
            pub const fn kind(self) -> AuditKind {
                match self {
                    $(Self::$name => AuditKind::$kind,)*
                }
            }
        }
    };
}

acts! {
    /// Every row of authority got its first MAC.
    RowsAuthenticated = "rows.authenticated", Rows;
    /// Rows without a fitting MAC were taken over as they stood.
    RowsTakenOver = "rows.taken_over", Rows;
    /// Rows got MACs, digests or ciphertexts under the present key.
    Rekeyed = "rows.rekeyed", Rows;
    /// A check of the whole ledger found that every law holds.
    LedgerProven = "ledger.proven", Rows;
    /// A check of the whole ledger found a broken law.
    LedgerBroken = "ledger.broken", Rows;
    /// A school and its policy were added.
    SchoolAdded = "school.added", Policy;
    /// A school's policy was replaced.
    SchoolChanged = "school.changed", Policy;
    /// A new version of a school's policy was made.
    PolicyPublished = "policy.published", Policy;
    /// A version of a school's policy began.
    PolicyInForce = "policy.in_force", Policy;
    /// The bill of a day was fetched and compared at somebody's wish.
    BillsCompared = "bills.compared", Approvals;
    /// The bill of a day in which nothing differs was closed by hand.
    BillsClosed = "bills.closed", Approvals;
    /// A message that could not be delivered was sent again.
    MessageResent = "message.resent", Cases;
    /// The keys of a provider were tried.
    KeysTried = "keys.tried", Policy;
    /// People were added or changed by a roster.
    RosterImported = "roster.imported", People;
    /// A member of staff uploaded a roster to be checked.
    RosterChecked = "roster.checked", People;
    /// A member of staff started the import of one.
    RosterStarted = "roster.started", People;
    /// What was refused of one was exported.
    RosterRefusalsExported = "roster.refusals_exported", Reads;
    /// A person's standing was changed.
    StandingChanged = "standing.changed", People;
    /// A card was reported lost or damaged.
    LossReported = "loss.reported", People;
    /// A report was taken back.
    LossCancelled = "loss.cancelled", People;
    /// A merchant was added.
    MerchantAdded = "merchant.added", Terminals;
    /// A merchant was renamed.
    MerchantChanged = "merchant.changed", Terminals;
    /// Nothing is sold for a merchant from now on.
    MerchantDisabled = "merchant.disabled", Terminals;
    /// A disabled merchant sells again.
    MerchantEnabled = "merchant.enabled", Terminals;
    /// A terminal was added.
    TerminalAdded = "terminal.added", Terminals;
    /// A terminal's key, kind, merchant or doors were replaced.
    TerminalChanged = "terminal.changed", Terminals;
    /// A terminal is refused from now on.
    TerminalDisabled = "terminal.disabled", Terminals;
    /// A disabled terminal is accepted again.
    TerminalEnabled = "terminal.enabled", Terminals;
    /// A terminal got another key.
    TerminalKeyReplaced = "terminal.key_replaced", Terminals;
    /// A list of terminals was exported.
    TerminalsExported = "terminals.exported", Reads;
    /// Door locks were added, or their groups or names changed, by a file.
    LocksImported = "locks.imported", Terminals;
    /// A login of a member of staff was added.
    StaffAdded = "staff.added", Staff;
    /// A login got a new second factor, which a command printed.
    StaffFactorReset = "staff.factor_reset", Staff;
    /// A login's own second factor came into force.
    StaffFactorEnrolled = "staff.factor_enrolled", Staff;
    /// A member of staff replaced the own second factor, with the one before at hand.
    StaffFactorReplaced = "staff.factor_replaced", Staff;
    /// A recovery code of a member of staff was used in place of a lost second factor.
    StaffRecoveryUsed = "staff.recovery_used", Staff;
    /// Tries to sign in failed, of this client and of strangers, as far as they are remembered: an entry of the next
    /// good one, however many there were, so that nobody fills the log.
    StaffTriesFailed = "staff.tries_failed", Staff;
    /// Something was refused to a member of staff, for want of a right or because of who it is.
    StaffRefused = "staff.refused", Refusals;
    /// Somebody tried to sign in to a login, or to give its second factor again, and did not get in.
    StaffSignInRefused = "staff.sign_in_refused", Refusals;
    /// A member of staff signed out.
    StaffSignedOut = "staff.signed_out", Staff;
    /// A member of staff made new recovery codes.
    StaffRecoveryRenewed = "staff.recovery_renewed", Staff;
    /// A member of staff ended another session of the same login.
    StaffSessionEnded = "staff.session_ended", Staff;
    /// A member of staff chose a new password.
    StaffPasswordChanged = "staff.password_changed", Staff;
    /// An admin ended all sessions of a login.
    StaffSessionsEnded = "staff.sessions_ended", Staff;
    /// The roles of a login were changed.
    StaffRolesChanged = "staff.roles_changed", Staff;
    /// A counsellor sees other classes.
    StaffClassesChanged = "staff.classes_changed", Staff;
    /// A login is refused from now on.
    StaffDisabled = "staff.disabled", Staff;
    /// A disabled login is accepted again.
    StaffEnabled = "staff.enabled", Staff;
    /// A member of staff signed in.
    StaffSignedIn = "staff.signed_in", Staff;
    /// A member of staff signed in by the school's enterprise messenger.
    StaffSignedInAtWork = "staff.signed_in_at_work", Staff;
    /// A login was linked with a userid of that messenger.
    StaffLinked = "staff.linked", Staff;
    /// The link was ended.
    StaffUnlinked = "staff.unlinked", Staff;
    /// An act was asked for that needs a second person.
    ApprovalAsked = "approval.asked", Approvals;
    /// A second person approved it.
    ApprovalApproved = "approval.approved", Approvals;
    /// A second person rejected it.
    ApprovalRejected = "approval.rejected", Approvals;
    /// Who asked for it took it back.
    ApprovalWithdrawn = "approval.withdrawn", Approvals;
    /// Nobody decided in time.
    ApprovalExpired = "approval.expired", Approvals;
    /// The allocation of groups of doors was replaced.
    DoorsAllocated = "doors.allocated", Doors;
    /// Somebody was given a right to pass doors.
    DoorRightAdded = "door_right.added", Doors;
    /// Such a right was ended.
    DoorRightEnded = "door_right.ended", Doors;
    /// The log of doors was read.
    AccessLogRead = "access_log.read", Reads;
    /// A member of staff took a case.
    CaseTaken = "case.taken", Cases;
    /// Who had it gave it back.
    CaseReleased = "case.released", Cases;
    /// Another took it from who had it.
    CaseTakenOver = "case.taken_over", Cases;
    /// Who had it ended it, and no money moved by that.
    CaseResolved = "case.resolved", Cases;
    /// Who had it asked the provider about a refund that was made there.
    CaseChecked = "case.checked", Cases;
    /// A list of cases was exported.
    CasesExported = "cases.exported", Reads;
    /// A member of staff had the provider asked about an order.
    ProviderAsked = "provider.asked", Reads;
    /// A list of orders was exported.
    OrdersExported = "orders.exported", Reads;
    /// A list of people was exported.
    PeopleExported = "people.exported", Reads;
    /// A part of this log was exported.
    AuditExported = "audit.exported", Reads;
    /// A list was taken away whole that has no act of its own.
    ListExported = "list.exported", Reads;
    /// The table of a library's readers was exported.
    ReadersExported = "readers.exported", Reads;
    /// A member of staff opened a person's page.
    PersonOpened = "person.opened", Reads;
    /// A member of staff was shown a person's name and phone.
    PersonRevealed = "person.revealed", Reads;
    /// A member of staff was shown more of them in a day than is usual.
    ManyRevealed = "person.revealed_often", Staff;
    /// A member of staff ended a device that shows a person's codes.
    DeviceEnded = "device.ended", People;
    /// A member of staff ended a person's binding.
    BindingEnded = "binding.ended", People;
    /// Two members of staff gave a person a slip with another query password.
    PasswordReset = "password.reset", People;
    /// A user let a platform tell a phone number, with consent.
    PhoneShared = "phone.shared", People;
    /// A user's phone number was deleted, and the consent withdrawn.
    PhoneRemoved = "phone.removed", People;
}

impl AuditKind {
    /// The names of the acts that are about it.
    pub fn acts(self) -> impl Iterator<Item = &'static str> {
        let acts = AuditAct::ALL.iter().filter(move |act| act.kind() == self);
        acts.map(|act| act.code())
    }
}
