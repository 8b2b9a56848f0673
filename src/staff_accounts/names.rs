//! What members of staff are called, and what they may do.

use crate::base::{clock::Timestamp, names::InvalidName};
use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

/// How long a second factor is good for acts that need a fresh one.
pub const FACTOR_LIFETIME: Duration = Duration::from_mins(10);

crate::name_type! {
    /// The name under which somebody signs in, unique within the school.
    StaffLogin, "1 to 32 of the characters a-z, 0-9, dot, hyphen and underscore", 32,
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_')
}

crate::name_type! {
    /// 工号: who somebody is. Two logins with one number are one person, so a number has one spelling:
    /// letters are capitals.
    StaffNo, "1 to 32 of the characters A-Z, 0-9 and hyphen", 32,
    |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-'
}

/// What somebody is at the school. The rights of several roles add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaffRole {
    /// 一卡通中心: people, cards, terminals; asks for refunds.
    CardOffice,
    /// 财务处: money.
    Finance,
    /// 网络中心: terminals and operation.
    NetworkCenter,
    /// 辅导员: the classes given to them.
    Counsellor,
    /// 审计: reads everything and changes nothing.
    Auditor,
    /// Manages members of staff and policies.
    Admin,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffAct {
    /// Read orders, and find one by a number.
    ReadOrders,
    /// Read refunds and requests for refunds.
    ReadRefunds,
    /// Ask for a refund, or take the request back.
    AskRefund,
    /// Approve or reject a request for a refund.
    DecideRefund,
    /// Read days of bills, their differences, and requests to accept them.
    ReadBills,
    /// Propose to accept a difference, or take the request back.
    AskRepair,
    /// Approve or reject such a request.
    DecideRepair,
    /// Read rights to pass doors.
    ReadDoorRights,
    /// Give somebody such a right, or end it.
    ChangeDoorRights,
    /// Read the log of doors.
    ReadAccessLog,
    /// Read merchants and terminals, and what they took.
    ReadTerminals,
    /// Add merchants and terminals, give them keys, switch them on.
    ChangeTerminals,
    /// Switch them off.
    StopTerminals,
    /// Read how the system runs.
    ReadHealth,
    /// Read the audit log: one's own acts.
    ReadAudit,
    /// Of it also what concerns members of staff and policies.
    ReadStaffAudit,
    /// All of it.
    ReadWholeAudit,
    /// Change what signs in the own login: everybody may.
    ChangeOwnFactor,
}

/// Why somebody may not act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StaffRefusal {
    /// None of the roles has that right, or the login was disabled or changed meanwhile.
    #[error("not one of the roles may do this")]
    NoRight,
    /// The second factor was given too long ago.
    #[error("the second factor must be given again")]
    FactorStale,
}

impl StaffRole {
    const ALL: [Self; 6] = [
        Self::CardOffice,
        Self::Finance,
        Self::NetworkCenter,
        Self::Counsellor,
        Self::Auditor,
        Self::Admin,
    ];

    /// The name in storage and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CardOffice => "card_office",
            Self::Finance => "finance",
            Self::NetworkCenter => "network_center",
            Self::Counsellor => "counsellor",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// The table of rights.
    const fn may(self, act: StaffAct) -> bool {
        use StaffAct::{
            AskRefund, AskRepair, ChangeDoorRights, ChangeOwnFactor, ChangeTerminals, DecideRefund,
            DecideRepair, ReadAccessLog, ReadAudit, ReadBills, ReadDoorRights, ReadHealth,
            ReadOrders, ReadRefunds, ReadStaffAudit, ReadTerminals, ReadWholeAudit, StopTerminals,
        };
        match self {
            Self::Finance => match act {
                ReadOrders | ReadRefunds | AskRefund | DecideRefund | ReadBills | AskRepair
                | DecideRepair | ReadTerminals | StopTerminals | ReadHealth | ReadAudit
                | ChangeOwnFactor => true,
                ReadDoorRights | ChangeDoorRights | ReadAccessLog | ChangeTerminals
                | ReadStaffAudit | ReadWholeAudit => false,
            },
            Self::CardOffice => match act {
                ReadOrders | ReadRefunds | AskRefund | ReadDoorRights | ChangeDoorRights
                | ReadAccessLog | ReadTerminals | ChangeTerminals | StopTerminals | ReadAudit
                | ChangeOwnFactor => true,
                DecideRefund | ReadBills | AskRepair | DecideRepair | ReadHealth
                | ReadStaffAudit | ReadWholeAudit => false,
            },
            Self::Auditor => match act {
                ReadOrders | ReadRefunds | ReadBills | ReadDoorRights | ReadAccessLog
                | ReadTerminals | ReadHealth | ReadAudit | ReadStaffAudit | ReadWholeAudit
                | ChangeOwnFactor => true,
                AskRefund | DecideRefund | AskRepair | DecideRepair | ChangeDoorRights
                | ChangeTerminals | StopTerminals => false,
            },
            Self::NetworkCenter => match act {
                ReadDoorRights | ReadTerminals | ChangeTerminals | StopTerminals | ReadHealth
                | ReadAudit | ChangeOwnFactor => true,
                ReadOrders | ReadRefunds | AskRefund | DecideRefund | ReadBills | AskRepair
                | DecideRepair | ChangeDoorRights | ReadAccessLog | ReadStaffAudit
                | ReadWholeAudit => false,
            },
            Self::Counsellor | Self::Admin => match act {
                ReadAudit | ChangeOwnFactor => true,
                ReadStaffAudit | ReadHealth => matches!(self, Self::Admin),
                ReadOrders | ReadRefunds | AskRefund | DecideRefund | ReadBills | AskRepair
                | DecideRepair | ReadDoorRights | ChangeDoorRights | ReadAccessLog
                | ReadTerminals | ChangeTerminals | StopTerminals | ReadWholeAudit => false,
            },
        }
    }
}

impl FromStr for StaffRole {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        const RULE: &str = "card_office, finance, network_center, counsellor, auditor or admin";
        Self::from_code(text).ok_or(InvalidName(RULE))
    }
}

impl StaffAct {
    /// Whether the second factor must have been given within [`FACTOR_LIFETIME`].
    const fn needs_fresh_factor(self) -> bool {
        match self {
            Self::ReadOrders
            | Self::ReadRefunds
            | Self::ReadBills
            | Self::ReadDoorRights
            | Self::ReadTerminals
            // A stolen till must be stopped at once.
            | Self::StopTerminals
            | Self::ReadHealth
            | Self::ReadAudit
            | Self::ReadStaffAudit
            | Self::ReadWholeAudit => false,
            Self::AskRefund
            | Self::DecideRefund
            | Self::AskRepair
            | Self::DecideRepair
            | Self::ChangeDoorRights
            | Self::ChangeTerminals
            | Self::ReadAccessLog
            | Self::ChangeOwnFactor => true,
        }
    }
}

/// The roles of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffRoles(BTreeSet<StaffRole>);

impl StaffRoles {
    /// These roles.
    pub fn new(roles: impl IntoIterator<Item = StaffRole>) -> Self {
        Self(roles.into_iter().collect())
    }

    /// Separated by commas, as stored; `None` where one is unknown.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let roles = text.split(',').filter(|code| !code.is_empty()).map(StaffRole::from_code);
        roles.collect::<Option<_>>().map(Self)
    }

    /// The names of the roles.
    pub fn codes(&self) -> Vec<&'static str> {
        self.0.iter().map(|role| role.code()).collect()
    }

    /// Whether one of them may do this, once the second factor is fresh enough.
    pub fn has(&self, act: StaffAct) -> bool {
        self.0.iter().any(|role| role.may(act))
    }

    /// Whether one of them may do this, with a second factor that was given at `factor_at`.
    pub fn allow(
        &self,
        act: StaffAct,
        factor_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StaffRefusal> {
        if !self.has(act) {
            return Err(StaffRefusal::NoRight);
        }
        if act.needs_fresh_factor() && now >= factor_at.plus(FACTOR_LIFETIME) {
            return Err(StaffRefusal::FactorStale);
        }
        Ok(())
    }
}

impl fmt::Display for StaffRoles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.codes().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StaffAct::{
        AskRefund, AskRepair, ChangeDoorRights, ChangeOwnFactor, ChangeTerminals, DecideRefund,
        DecideRepair, ReadAccessLog, ReadAudit, ReadBills, ReadDoorRights, ReadHealth, ReadOrders,
        ReadRefunds, ReadStaffAudit, ReadTerminals, ReadWholeAudit, StopTerminals,
    };
    use StaffRefusal::{FactorStale, NoRight};

    const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);

    #[test]
    fn each_role_has_its_rights() {
        let rights = [
            (StaffRole::CardOffice, "R RA- --- RCL RCS - A--"),
            (StaffRole::Finance, "R RAD RAD --- R-S H A--"),
            (StaffRole::NetworkCenter, "- --- --- R-- RCS H A--"),
            (StaffRole::Counsellor, "- --- --- --- --- - A--"),
            (StaffRole::Auditor, "R R-- R-- R-L R-- H ASW"),
            (StaffRole::Admin, "- --- --- --- --- H AS-"),
        ];
        let acts = [
            ReadOrders,
            ReadRefunds,
            AskRefund,
            DecideRefund,
            ReadBills,
            AskRepair,
            DecideRepair,
            ReadDoorRights,
            ChangeDoorRights,
            ReadAccessLog,
            ReadTerminals,
            ChangeTerminals,
            StopTerminals,
            ReadHealth,
            ReadAudit,
            ReadStaffAudit,
            ReadWholeAudit,
        ];
        for (role, allowed) in rights {
            let roles = StaffRoles::new([role]);
            let allowed = allowed.chars().filter(|c| *c != ' ').map(|c| c != '-');
            for (act, allowed) in acts.into_iter().zip(allowed) {
                assert_eq!(roles.allow(act, NOW, NOW).is_ok(), allowed, "{role:?} {act:?}");
            }
            assert!(roles.has(ChangeOwnFactor), "{role:?}");
        }
        let both = StaffRoles::new([StaffRole::Admin, StaffRole::CardOffice]);
        assert_eq!(both.allow(AskRefund, NOW, NOW), Ok(()), "rights add up");
        assert_eq!(StaffRoles::new([]).allow(ReadRefunds, NOW, NOW), Err(NoRight));
    }

    #[test]
    fn money_needs_a_second_factor_of_the_last_ten_minutes() {
        let roles = StaffRoles::new([StaffRole::Finance]);
        let at = |seconds| NOW.plus(Duration::from_secs(seconds));
        let cases = [
            (AskRefund, 599, Ok(())),
            (AskRefund, 600, Err(FactorStale)),
            (DecideRefund, 599, Ok(())),
            (DecideRefund, 600, Err(FactorStale)),
            (ReadOrders, 6000, Ok(())),
            (ReadRefunds, 6000, Ok(())),
            (AskRepair, 600, Err(FactorStale)),
            (DecideRepair, 599, Ok(())),
            (DecideRepair, 600, Err(FactorStale)),
            (ReadBills, 6000, Ok(())),
        ];
        let doors = StaffRoles::new([StaffRole::CardOffice]);
        for (act, seconds, expected) in [
            (ReadDoorRights, 6000, Ok(())),
            (ChangeDoorRights, 600, Err(FactorStale)),
            (ReadAccessLog, 599, Ok(())),
            (ReadAccessLog, 600, Err(FactorStale)),
            (ReadTerminals, 6000, Ok(())),
            (ChangeTerminals, 600, Err(FactorStale)),
            (StopTerminals, 6000, Ok(())),
        ] {
            assert_eq!(doors.allow(act, NOW, at(seconds)), expected, "{act:?} {seconds}");
        }
        for (act, seconds, expected) in cases {
            assert_eq!(roles.allow(act, NOW, at(seconds)), expected, "{act:?} {seconds}");
        }
    }

    #[test]
    fn names_and_roles_are_restricted_and_read_back() {
        for (login, good) in
            [("li.na-2_x", true), ("Li", false), ("", false), ("李", false), ("a b", false)]
        {
            assert_eq!(login.parse::<StaffLogin>().is_ok(), good, "{login}");
        }
        for (number, good) in
            [("G-1001", true), ("g-1001", false), ("1 2", false), ("", false), ("一", false)]
        {
            assert_eq!(number.parse::<StaffNo>().is_ok(), good, "{number}");
        }
        let all = StaffRoles::new(StaffRole::ALL);
        assert_eq!(StaffRoles::parse(&all.to_string()), Some(all));
        assert_eq!(StaffRoles::parse("finance,owner"), None);
    }
}
