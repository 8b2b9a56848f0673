//! Who is at the door: platform identities, their sessions, and their bindings to people.
//!
//! Invariant: a session is a row; a token is only a claim about one.
//! Invariant: an identity has at most one live binding, and a person at most one on a platform.
//! Absent on purpose: nothing here is keyed by a phone number; a person who changes it stays who
//! they are.

mod store;

use crate::base::{
    clock::Timestamp,
    db::{Db, DbError},
    ids::{PersonId, SchoolId},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

crate::uuid_id! {
    /// A user of a platform, as the platform names it.
    IdentityId
}

crate::uuid_id! {
    /// A session of an identity.
    SessionId
}

/// How long a session lives without being refreshed.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// A mini-program platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// WeChat.
    Wechat,
}

impl Platform {
    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        (code == Self::Wechat.code()).then_some(Self::Wechat)
    }
}

/// A user as the platform names it. The platform's session key is dropped on arrival: nothing here
/// needs it, and what is not kept cannot leak.
#[derive(Clone, PartialEq, Eq)]
pub struct PlatformUser {
    /// The platform.
    pub platform: Platform,
    /// The mini-program the user came through; `openid` is valid for this app id only.
    pub app_id: String,
    /// The platform's id of the user within the app.
    pub openid: String,
}

/// An openid is personal data: it does not print.
impl std::fmt::Debug for PlatformUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlatformUser")
            .field("platform", &self.platform)
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}

/// A live session: who is signed in, and as whom.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session.
    pub session: SessionId,
    /// The identity.
    pub identity: IdentityId,
    /// The user at the platform.
    pub user: PlatformUser,
    /// The person the identity is bound to.
    pub bound_to: Option<BoundTo>,
}

/// The person behind a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundTo {
    /// The person.
    pub person: PersonId,
    /// Their school.
    pub school: SchoolId,
}

/// A signed-in identity that is bound: what every act on a card asks for.
#[derive(Clone, Debug)]
pub struct Student {
    /// The person.
    pub person: PersonId,
    /// Their school.
    pub school: SchoolId,
    /// The user at the platform, who pays.
    pub user: PlatformUser,
}

impl SignedIn {
    /// As a student, if bound.
    pub fn student(&self) -> Option<Student> {
        let BoundTo { person, school } = self.bound_to?;
        Some(Student { person, school, user: self.user.clone() })
    }
}

/// A session's secret, as the client holds it and as we keep it.
#[derive(Clone)]
pub struct RefreshHash(pub [u8; 32]);

impl std::fmt::Debug for RefreshHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshHash")
    }
}

/// What came of presenting a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// It was good, and is now spent.
    Good,
    /// It was spent before: the session has ended, whoever has the newer token.
    Reused,
    /// There is no such live session.
    Gone,
}

/// A binding that is about to be made.
#[derive(Clone, Debug)]
pub struct NewBinding {
    /// Who binds.
    pub identity: IdentityId,
    /// The platform of the identity.
    pub platform: Platform,
    /// To whom.
    pub to: BoundTo,
    /// The version of the terms agreed to.
    pub consent_version: String,
    /// The items agreed to, comma-separated.
    pub consent_items: String,
}

/// Finds or makes the identity of a platform's user and opens a session for it.
pub async fn open(
    db: &Db,
    user: &PlatformUser,
    refresh: &RefreshHash,
    now: Timestamp,
) -> Result<SessionId, DbError> {
    db.in_tx(async |tx| store::open(tx, user, refresh, now).await).await
}

/// A live session of that id, with its binding: one query.
pub async fn find(db: &Db, id: SessionId, now: Timestamp) -> Result<Option<SignedIn>, DbError> {
    store::find(db, id, now).await
}

/// Spends a refresh token and puts the next in its place. A token that was spent before ends the
/// session.
pub async fn refresh(
    db: &Db,
    id: SessionId,
    presented: &RefreshHash,
    next: &RefreshHash,
    now: Timestamp,
) -> Result<Refreshed, DbError> {
    db.in_tx(async |tx| store::refresh(tx, id, presented, next, now).await).await
}

/// Ends a session.
pub async fn end(db: &Db, id: SessionId, now: Timestamp) -> Result<(), DbError> {
    db.in_tx(async |tx| store::end(tx, id, now).await).await
}

/// Binds an identity to a person. A unique violation means that one of them is bound already.
pub async fn bind(db: &Db, new: &NewBinding, now: Timestamp) -> Result<(), DbError> {
    db.in_tx_once(async |tx| store::bind(tx, new, now).await).await
}
