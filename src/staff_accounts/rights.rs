//! What members of staff may do: the table of rights.

use super::StaffRole;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffAct {
    /// Read orders, and find one by a number.
    ReadOrders,
    /// Have the provider asked now about what is unknown of an order.
    AskProvider,
    /// Read refunds and requests for refunds.
    ReadRefunds,
    /// Ask for a refund, or take the request back.
    AskRefund,
    /// Approve or reject a request for a refund.
    DecideRefund,
    /// Read days of bills, their differences, and requests to accept them.
    ReadBills,
    /// Have a day of bills compared again now.
    CompareBills,
    /// Close a day by hand in which nothing differs.
    CloseBills,
    /// Propose to accept a difference, or take the request back.
    AskRepair,
    /// Approve or reject such a request.
    DecideRepair,
    /// Read requests to adjust balances.
    ReadAdjustments,
    /// Ask for an adjustment, or take the request back.
    AskAdjustment,
    /// Approve or reject such a request.
    DecideAdjustment,
    /// Read requests to reset query passwords.
    ReadPasswordResets,
    /// Ask for one, take the request back, approve or reject that of another.
    ResetPassword,
    /// Read rights to pass doors.
    ReadDoorRights,
    /// Give somebody such a right, or end it.
    ChangeDoorRights,
    /// Read the log of doors.
    ReadAccessLog,
    /// Find people, masked, and open one.
    ReadPeople,
    /// Take a list of people away as a file.
    ExportPeople,
    /// See what people have and owe.
    ReadBalances,
    /// Be shown a person's name and phone.
    RevealPerson,
    /// Report a card lost or found, end a device or a binding.
    ChangePerson,
    /// Read cases that are not about money.
    ReadCases,
    /// Read those about money as well.
    ReadMoneyCases,
    /// Take cases that one may read, give them back, and end those that are not about money.
    HandleCases,
    /// End a case about money, where no money moves.
    EndMoneyCases,
    /// Read merchants and terminals, and what they took.
    ReadTerminals,
    /// Add merchants and terminals, give them keys, switch them on.
    ChangeTerminals,
    /// Switch them off.
    StopTerminals,
    /// Read what became of rosters.
    ReadRoster,
    /// Upload a roster, and import it.
    ImportRoster,
    /// Read how the system runs.
    ReadHealth,
    /// Try the keys of providers.
    TryKeys,
    /// Read the audit log: one's own acts.
    ReadAudit,
    /// Of it also what concerns members of staff and policies.
    ReadStaffAudit,
    /// All of it.
    ReadWholeAudit,
    /// Change what signs in the own login: everybody may.
    ChangeOwnFactor,
    /// Read the logins of the school.
    ReadStaff,
    /// Add a login, change the roles of others, or switch them off.
    ChangeStaff,
    /// Read the school's policy, its versions, and what is proposed.
    ReadPolicy,
    /// Change it and the help, propose it, or approve what another admin proposes.
    ChangePolicy,
    /// Read which messages could not be delivered.
    ReadMessages,
    /// Send one again.
    RetryMessages,
}

impl StaffAct {
    /// The roles that may.
    pub(super) const fn roles(self) -> &'static [StaffRole] {
        use StaffRole::{Admin, Auditor, CardOffice, Counsellor, Finance, NetworkCenter};
        match self {
            Self::ReadOrders
            | Self::ReadRefunds
            | Self::ReadBills
            | Self::ReadAdjustments
            | Self::ReadBalances
            | Self::ReadMoneyCases => &[CardOffice, Finance, Auditor],
            Self::AskProvider
            | Self::AskRefund
            | Self::AskRepair
            | Self::AskAdjustment
            | Self::EndMoneyCases => &[CardOffice, Finance],
            Self::DecideRefund
            | Self::DecideAdjustment
            | Self::CompareBills
            | Self::CloseBills
            | Self::DecideRepair => &[Finance],
            Self::ReadDoorRights => &[CardOffice, NetworkCenter, Auditor],
            Self::ChangeDoorRights
            | Self::ExportPeople
            | Self::ReadRoster
            | Self::ImportRoster
            | Self::ReadPasswordResets
            | Self::ResetPassword => &[CardOffice],
            Self::ReadAccessLog => &[CardOffice, Auditor],
            Self::ReadPeople => &[CardOffice, Finance, NetworkCenter, Counsellor, Auditor],
            Self::RevealPerson | Self::HandleCases | Self::StopTerminals | Self::RetryMessages => {
                &[CardOffice, Finance, NetworkCenter]
            }
            Self::ChangePerson | Self::ChangeTerminals => &[CardOffice, NetworkCenter],
            Self::ReadCases | Self::ReadTerminals | Self::ReadMessages => {
                &[CardOffice, Finance, NetworkCenter, Auditor]
            }
            Self::ReadPolicy => &[CardOffice, Finance, NetworkCenter, Auditor, Admin],
            Self::ReadHealth => &[Finance, NetworkCenter, Auditor, Admin],
            Self::TryKeys => &[NetworkCenter, Admin],
            Self::ReadStaff | Self::ReadStaffAudit => &[Auditor, Admin],
            Self::ReadWholeAudit => &[Auditor],
            Self::ChangeStaff | Self::ChangePolicy => &[Admin],
            Self::ReadAudit | Self::ChangeOwnFactor => &StaffRole::ALL,
        }
    }

    /// Whether the second factor must have been given within [`FACTOR_LIFETIME`](super::FACTOR_LIFETIME).
    /// What is lost or stolen is stopped at once.
    pub(super) const fn needs_fresh_factor(self) -> bool {
        match self {
            Self::ReadOrders
            | Self::AskProvider
            | Self::ReadRefunds
            | Self::ReadBills
            | Self::CompareBills
            | Self::ReadAdjustments
            | Self::ReadPasswordResets
            | Self::ReadDoorRights
            | Self::ReadPeople
            | Self::ReadBalances
            | Self::ChangePerson
            | Self::ReadCases
            | Self::ReadMoneyCases
            | Self::HandleCases
            | Self::ReadTerminals
            | Self::StopTerminals
            | Self::ReadRoster
            | Self::ReadHealth
            | Self::TryKeys
            | Self::ReadAudit
            | Self::ReadStaffAudit
            | Self::ReadWholeAudit
            | Self::ReadStaff
            | Self::ReadPolicy
            | Self::ReadMessages
            | Self::RetryMessages => false,
            Self::AskRefund
            | Self::DecideRefund
            | Self::CloseBills
            | Self::AskRepair
            | Self::DecideRepair
            | Self::AskAdjustment
            | Self::DecideAdjustment
            | Self::ResetPassword
            | Self::ChangeDoorRights
            | Self::ReadAccessLog
            | Self::ExportPeople
            | Self::RevealPerson
            | Self::EndMoneyCases
            | Self::ChangeTerminals
            | Self::ImportRoster
            | Self::ChangeOwnFactor
            | Self::ChangeStaff
            | Self::ChangePolicy => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FACTOR_LIFETIME, StaffRefusal, StaffRoles};
    use super::*;
    use crate::base::clock::Timestamp;
    use StaffAct as Act;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);

    /// Which of card office, finance, network centre, counsellor, auditor and admin may, and whether that
    /// needs a second factor of the last ten minutes.
    const TABLE: [(Act, &str, bool); 44] = [
        (Act::ReadOrders, "CF--A-", false),
        (Act::AskProvider, "CF----", false),
        (Act::ReadRefunds, "CF--A-", false),
        (Act::AskRefund, "CF----", true),
        (Act::DecideRefund, "-F----", true),
        (Act::ReadBills, "CF--A-", false),
        (Act::CompareBills, "-F----", false),
        (Act::CloseBills, "-F----", true),
        (Act::AskRepair, "CF----", true),
        (Act::DecideRepair, "-F----", true),
        (Act::ReadAdjustments, "CF--A-", false),
        (Act::AskAdjustment, "CF----", true),
        (Act::DecideAdjustment, "-F----", true),
        (Act::ReadPasswordResets, "C-----", false),
        (Act::ResetPassword, "C-----", true),
        (Act::ReadDoorRights, "C-N-A-", false),
        (Act::ChangeDoorRights, "C-----", true),
        (Act::ReadAccessLog, "C---A-", true),
        (Act::ReadPeople, "CFNKA-", false),
        (Act::ExportPeople, "C-----", true),
        (Act::ReadBalances, "CF--A-", false),
        (Act::RevealPerson, "CFN---", true),
        (Act::ChangePerson, "C-N---", false),
        (Act::ReadCases, "CFN-A-", false),
        (Act::ReadMoneyCases, "CF--A-", false),
        (Act::HandleCases, "CFN---", false),
        (Act::EndMoneyCases, "CF----", true),
        (Act::ReadTerminals, "CFN-A-", false),
        (Act::ChangeTerminals, "C-N---", true),
        (Act::StopTerminals, "CFN---", false),
        (Act::ReadRoster, "C-----", false),
        (Act::ImportRoster, "C-----", true),
        (Act::ReadHealth, "-FN-AM", false),
        (Act::TryKeys, "--N--M", false),
        (Act::ReadStaff, "----AM", false),
        (Act::ChangeStaff, "-----M", true),
        (Act::ReadAudit, "CFNKAM", false),
        (Act::ReadStaffAudit, "----AM", false),
        (Act::ReadWholeAudit, "----A-", false),
        (Act::ChangeOwnFactor, "CFNKAM", true),
        (Act::ReadPolicy, "CFN-AM", false),
        (Act::ChangePolicy, "-----M", true),
        (Act::ReadMessages, "CFN-A-", false),
        (Act::RetryMessages, "CFN---", false),
    ];

    #[test]
    fn each_role_has_its_rights_and_money_needs_a_fresh_factor() {
        let stale = NOW.plus(FACTOR_LIFETIME);
        let fresh = stale.minus(Duration::from_micros(1));
        for (act, who, needs_fresh) in TABLE {
            for (role, letter) in StaffRole::ALL.into_iter().zip(who.chars()) {
                let (roles, may) = (StaffRoles::new([role]), letter != '-');
                let refused = Err(StaffRefusal::NoRight);
                let in_time = if may { Ok(()) } else { refused };
                let late =
                    if may && needs_fresh { Err(StaffRefusal::FactorStale) } else { in_time };
                assert_eq!(roles.allow(act, NOW, fresh), in_time, "{role:?} {act:?}");
                assert_eq!(roles.allow(act, NOW, stale), late, "{role:?} {act:?}");
            }
        }
        let both = StaffRoles::new([StaffRole::Admin, StaffRole::CardOffice]);
        assert_eq!(both.allow(Act::AskRefund, NOW, NOW), Ok(()), "rights add up");
        let none = StaffRoles::new([]).allow(Act::ReadRefunds, NOW, NOW);
        assert_eq!(none, Err(StaffRefusal::NoRight));
    }
}
