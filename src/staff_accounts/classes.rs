//! Whom a counsellor sees: the classes that an admin gave the login.

use super::{
    Account, StaffAct, StaffChangeError, StaffChanges, StaffId, StaffLogin, StaffMember,
    StaffRegistry, StaffRegistryError, StaffRole, registry, store,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
};
use std::{collections::BTreeSet, fmt};

/// The classes of a login, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaffClasses(BTreeSet<String>);

impl StaffClasses {
    /// The most of one login.
    pub const MOST: usize = 100;
    /// The longest name, in characters: as rosters have it.
    const LONGEST: usize = 60;

    /// These classes, without blanks around their names and without empty ones; `None` where there are too many, or
    /// a name is none.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let names = names.into_iter().map(str::trim).filter(|name| !name.is_empty());
        let names: BTreeSet<String> = names.map(ToOwned::to_owned).collect();
        let fits = |name: &String| {
            name.chars().count() <= Self::LONGEST && !name.chars().any(char::is_control)
        };
        (names.len() <= Self::MOST && names.iter().all(fits)).then_some(Self(names))
    }

    /// Their names, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a class of this name is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// As stored: one a line; `None` where there are none.
    pub(super) fn to_column(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.to_string())
    }

    pub(super) fn from_column(text: Option<&str>) -> Option<Self> {
        Self::new(text.unwrap_or_default().lines())
    }
}

/// One a line.
impl fmt::Display for StaffClasses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join("\n"))
    }
}

impl StaffMember {
    /// The classes whose people alone the member sees; `None` for who sees everybody, by another role.
    pub fn only_classes(&self) -> Option<&StaffClasses> {
        let sees_all = |role: &StaffRole| {
            *role != StaffRole::Counsellor && StaffAct::ReadPeople.roles().contains(role)
        };
        (!self.roles.0.iter().any(sees_all)).then_some(&self.classes)
    }
}

impl StaffChanges<'_> {
    /// Gives a login, which has the classes `before`, other ones.
    pub async fn set_classes(
        &self,
        id: StaffId,
        (before, classes): (&StaffClasses, &StaffClasses),
    ) -> Result<(), StaffChangeError> {
        let account = self.lock(id).await?;
        if account.classes == *classes || account.classes != *before {
            return Err(StaffChangeError::Unchanged);
        }
        Ok(put(self.tx, &account, classes, self.now).await?)
    }
}

impl StaffRegistry {
    /// Gives a login these classes in place of its own; false if it had them already.
    pub async fn set_classes(
        &self,
        (school, login): (SchoolId, &StaffLogin),
        classes: &StaffClasses,
        now: Timestamp,
    ) -> Result<bool, StaffRegistryError> {
        self.db
            .in_tx(async |tx| {
                let account = registry::locked(tx, school, login).await?;
                if account.classes == *classes {
                    return Ok(false);
                }
                put(tx, &account, classes, now).await?;
                Ok(true)
            })
            .await
    }
}

/// Gives a locked login other classes.
async fn put(
    tx: &Tx,
    account: &Account,
    classes: &StaffClasses,
    now: Timestamp,
) -> Result<(), DbError> {
    store::set_classes(tx, account.id, classes, now).await?;
    let names = |classes: &StaffClasses| classes.names().collect::<Vec<_>>().join("、");
    let entry = Entry {
        act: AuditAct::StaffClassesChanged,
        school: Some(account.school),
        subject: format!("staff {}", account.login),
        detail: format!("classes {}, before {}", names(classes), names(&account.classes)),
    };
    audit::record(tx, &entry, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_one_a_line() {
        let classes = StaffClasses::new([" 护理2301 ", "", "护理2302", "护理2301"]).unwrap();
        assert_eq!(classes.to_string(), "护理2301\n护理2302");
        assert_eq!(StaffClasses::from_column(classes.to_column().as_deref()), Some(classes));
        assert_eq!(StaffClasses::default().to_column(), None);
        assert_eq!(StaffClasses::from_column(None), Some(StaffClasses::default()));
        let many: Vec<String> = (0..=StaffClasses::MOST).map(|nth| format!("c{nth}")).collect();
        assert_eq!(StaffClasses::new(many.iter().map(String::as_str)), None);
        assert_eq!(StaffClasses::new(["a\u{0}"]), None);
        assert_eq!(StaffClasses::new([&*"长".repeat(61)]), None);
    }
}
