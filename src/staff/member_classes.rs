//! Whom counsellors see: classes that an admin gives their logins.

use super::{StaffDesk, requests::StaffActError, store};
use crate::staff_accounts::{StaffChangeError, StaffClasses, StaffId, StaffMember};

impl StaffDesk {
    /// Gives a login other classes than those that the member has seen.
    pub async fn set_classes(
        &self,
        by: &StaffMember,
        (id, seen, classes): (StaffId, Option<StaffClasses>, &StaffClasses),
        reason: &str,
    ) -> Result<(), StaffActError> {
        let before = self.member(by, id).await?.classes;
        if seen.is_some_and(|seen| seen != before) {
            return Err(StaffChangeError::Unchanged.into());
        }
        let given = classes.names().filter(|name| !before.contains(name));
        let unknown = store::unknown_classes(&self.db, by.school, given).await?;
        if let Some(name) = unknown.into_iter().next() {
            return Err(StaffActError::NoClass(name));
        }
        let (db, now) = (self.db.clone().acting_as(by.actor(reason)), self.clock.now());
        db.in_tx(async |tx| {
            let changes = self.accounts.changes(tx, by, now).await?;
            Ok::<_, StaffActError>(changes.set_classes(id, (&before, classes)).await?)
        })
        .await
    }
}
