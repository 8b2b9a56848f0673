//! Messages that could not be delivered.

use super::{StaffDesk, requests::StaffActError};
use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        outbox::{RefusedGroup, RefusedJob},
    },
    messages::FailedMessages,
    staff_accounts::{self, StaffAct, StaffMember},
};
use uuid::Uuid;

impl StaffDesk {
    /// Failed messages by kind and reason.
    pub async fn failed_messages(
        &self,
        member: &StaffMember,
    ) -> Result<Vec<RefusedGroup>, StaffActError> {
        Ok(FailedMessages::groups(&self.db, member.school).await?)
    }

    /// A page of those of one kind and reason.
    pub async fn failed_messages_of(
        &self,
        member: &StaffMember,
        of: (&str, &str),
        page: Keyset,
    ) -> Result<Vec<RefusedJob>, StaffActError> {
        let found = FailedMessages::of(&self.db, member.school, of, page).await?;
        found.ok_or(StaffActError::NotFound)
    }

    /// How many there are of one kind and reason, among the first `most`.
    pub async fn count_failed_messages(
        &self,
        member: &StaffMember,
        of: (&str, &str),
        most: u32,
    ) -> Result<u64, StaffActError> {
        Ok(FailedMessages::count(&self.db, member.school, of, most).await?)
    }

    /// Sends one again that failed at `seen`; false if that was done already.
    pub async fn retry_message(
        &self,
        member: &StaffMember,
        (id, seen): (Uuid, Timestamp),
    ) -> Result<bool, StaffActError> {
        let (db, now) = (self.db.clone().acting_as(member.actor("")), self.clock.now());
        db.in_tx(async |tx| {
            let act = StaffAct::RetryMessages;
            staff_accounts::hold::<StaffActError>(tx, member, act, now).await?;
            Ok(FailedMessages::send_again(tx, member.school, (id, seen), now).await?)
        })
        .await
    }
}
