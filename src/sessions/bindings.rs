//! The bindings of a person, as members of staff see and end them.

use super::{BoundTo, IdentityId, NoticeKind, Platform, phones, store};
use crate::{
    audit::Entry,
    base::{
        clock::Timestamp,
        db::{Db, DbError, Tx},
        ids::PersonId,
    },
};
use uuid::Uuid;

/// A live binding.
#[derive(Clone, Copy, Debug)]
pub struct PersonBinding {
    /// The binding.
    pub id: Uuid,
    /// The platform of its identity.
    pub platform: Platform,
    /// When it began.
    pub bound_at: Timestamp,
    pub(super) identity: IdentityId,
}

impl PersonBinding {
    /// A person's live bindings, the oldest first: one query.
    pub async fn of_person(db: &Db, person: PersonId) -> Result<Vec<Self>, DbError> {
        store::bindings::of_person(db.into(), person, None).await
    }

    /// One of them as it is now, in a transaction that holds the person.
    pub async fn find(tx: &Tx, person: PersonId, id: Uuid) -> Result<Option<Self>, DbError> {
        Ok(store::bindings::of_person(tx.into(), person, Some(id)).await?.pop())
    }

    /// Ends the sessions of all identities of a person, because the password was reset, and tells them; returns
    /// the identities.
    pub async fn password_reset(
        tx: &Tx,
        of: BoundTo,
        now: Timestamp,
    ) -> Result<Vec<IdentityId>, DbError> {
        let bound = store::bindings::of_person(tx.into(), of.person, None).await?;
        for binding in &bound {
            store::bindings::end_sessions(tx, binding.identity, now).await?;
        }
        NoticeKind::PasswordReset.tell(tx, of, Platform::Portal, now).await?;
        Ok(bound.into_iter().map(|binding| binding.identity).collect())
    }

    /// Ends it as its owner does, with the phone number that was given for the card's sake, and the
    /// sessions of its identity; tells the person's other identities. False if it has ended.
    pub async fn end(
        &self,
        tx: &Tx,
        of: BoundTo,
        phone_removed: impl FnOnce(IdentityId) -> Entry,
        now: Timestamp,
    ) -> Result<bool, DbError> {
        let ended = store::bindings::end(tx, self.id, now).await?;
        if ended {
            store::bindings::end_sessions(tx, self.identity, now).await?;
            phones::remove(tx, self.identity, &phone_removed(self.identity), now).await?;
            NoticeKind::BindingEnded.tell(tx, of, self.platform, now).await?;
        }
        Ok(ended)
    }
}
