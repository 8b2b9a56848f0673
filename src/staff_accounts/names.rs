//! What members of staff are called, and their roles.

use super::rights::StaffAct;
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

/// A userid of the school's enterprise messenger, in small letters: there is no other with the same letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkId(String);

impl WorkId {
    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        const RULE: &str = "1 to 64 of the characters a-z, A-Z, 0-9, hyphen, underscore, dot and @, \
                            beginning with a letter or a digit";
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"_-@.".contains(&c);
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        let fits = begins && text.len() <= 64 && text.bytes().all(plain);
        if fits { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidName(RULE)) }
    }
}

impl fmt::Display for WorkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
    /// All of them, in the order of pages.
    pub const ALL: [Self; 6] = [
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
}

impl FromStr for StaffRole {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        const RULE: &str = "card_office, finance, network_center, counsellor, auditor or admin";
        Self::from_code(text).ok_or(InvalidName(RULE))
    }
}

/// The roles of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffRoles(pub(super) BTreeSet<StaffRole>);

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
        self.0.iter().any(|role| act.roles().contains(role))
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

impl StaffRoles {
    /// The roles that one admin may give alone: not finance and not admin.
    #[must_use]
    pub fn without_guarded(&self) -> Self {
        let guarded = [StaffRole::Finance, StaffRole::Admin];
        Self(self.0.iter().copied().filter(|role| !guarded.contains(role)).collect())
    }

    /// Whether a second person must approve that a login with `before` gets these.
    pub fn need_two(&self, before: &Self) -> bool {
        let added: Self = Self(self.0.difference(&before.0).copied().collect());
        added.without_guarded() != added
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StaffRole::{Admin, Auditor, CardOffice, Finance};

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
        for (id, read) in [
            ("ZhangWei", Some("zhangwei")),
            ("li.na-2_x@qq", Some("li.na-2_x@qq")),
            ("_li", None),
            ("", None),
            ("李", None),
            (&"a".repeat(65), None),
        ] {
            let parsed = id.parse::<WorkId>().ok();
            assert_eq!(parsed.as_ref().map(WorkId::as_str), read, "{id}");
        }
        let all = StaffRoles::new(StaffRole::ALL);
        assert_eq!(StaffRoles::parse(&all.to_string()), Some(all));
        assert_eq!(StaffRoles::parse("finance,owner"), None);
    }

    #[test]
    fn finance_and_admin_are_granted_by_two() {
        let cases: [(&[StaffRole], &[StaffRole], bool); 6] = [
            (&[], &[CardOffice, Auditor], false),
            (&[], &[Finance], true),
            (&[CardOffice], &[CardOffice, Admin], true),
            (&[Finance, Admin], &[Finance], false),
            (&[Finance], &[Finance, CardOffice], false),
            (&[Finance], &[Admin], true),
        ];
        for (before, after, two) in cases {
            let roles = |roles: &[StaffRole]| StaffRoles::new(roles.iter().copied());
            assert_eq!(roles(after).need_two(&roles(before)), two, "{before:?} {after:?}");
        }
        let all = StaffRoles::new([CardOffice, Finance, Admin]);
        assert_eq!(all.without_guarded(), StaffRoles::new([CardOffice]));
    }
}
