//! Platform identities, their sessions, and their bindings to people.
//!
//! Invariant: a session is a row; a token only refers to one.
//! Invariant: an identity has at most one live binding, and a person at most one per platform.
//! Invariant: a new binding and the notices to the person's other identities are one commit.
//! Absent on purpose: nothing here is keyed by phone number, so changing it has no effect.

mod bindings;
mod notices;
pub mod phones;
mod store;
pub mod upkeep;

pub use bindings::PersonBinding;
pub use notices::{NOTICES_KEPT, Notice, NoticeId, NoticeKind, SHOWN_NOTICES};
pub use store::{hold_binding, open_portal, unbind};

use crate::base::{
    clock::Timestamp,
    db::{Authority, Db, DbError, Tx},
    ids::{PersonId, SchoolId},
    tokens::RefreshHash,
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

/// The tables whose rows carry a MAC.
pub const AUTHORITY: &[&Authority] =
    &[&store::authentic::IDENTITY, &store::authentic::SESSION, &store::authentic::BINDING];

/// The lifetime of a session that is not refreshed.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// A platform on which users sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// The mini-program in WeChat.
    Wechat,
    /// The mini-program in Alipay.
    Alipay,
    /// The read-only web portal, whose users are identified by their person.
    Portal,
}

impl Platform {
    const ALL: [Self; 3] = [Self::Wechat, Self::Alipay, Self::Portal];

    /// The name in storage.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
            Self::Alipay => "alipay",
            Self::Portal => "portal",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.code() == code)
    }

    /// True where a session may do more than read.
    pub const fn may_act(self) -> bool {
        match self {
            Self::Wechat | Self::Alipay => true,
            Self::Portal => false,
        }
    }
}

/// A user as identified by the platform. The platform's session key is discarded on arrival:
/// nothing needs it, and what is not stored cannot leak.
#[derive(Clone, PartialEq, Eq)]
pub struct PlatformUser {
    /// The platform.
    pub platform: Platform,
    /// The mini-program the user came through; the ids are valid for this app id only.
    pub app_id: String,
    /// The platform's ids of the user within the app.
    pub ids: UserIds,
}

impl PlatformUser {
    /// The user as whom a person is bound on a platform: one query.
    pub async fn of_person(
        db: &Db,
        person: PersonId,
        platform: Platform,
    ) -> Result<Option<Self>, DbError> {
        store::user_on(db, person, platform).await
    }
}

/// A platform's ids of a user: an open id, or, in older apps of Alipay, a user id, or both while an app
/// moves from one to the other. Either finds the user again.
#[derive(Clone, PartialEq, Eq)]
pub enum UserIds {
    /// An open id alone.
    OpenId(String),
    /// A user id alone.
    UserId(String),
    /// Both.
    Both {
        /// The open id.
        openid: String,
        /// The user id.
        user_id: String,
    },
}

impl UserIds {
    /// From the ids that there are; `None` where there is neither.
    pub fn new(openid: Option<String>, user_id: Option<String>) -> Option<Self> {
        match (openid, user_id) {
            (Some(openid), None) => Some(Self::OpenId(openid)),
            (None, Some(user_id)) => Some(Self::UserId(user_id)),
            (Some(openid), Some(user_id)) => Some(Self::Both { openid, user_id }),
            (None, None) => None,
        }
    }

    /// The open id.
    pub fn openid(&self) -> Option<&str> {
        match self {
            Self::OpenId(openid) | Self::Both { openid, .. } => Some(openid),
            Self::UserId(_) => None,
        }
    }

    /// The user id.
    pub fn user_id(&self) -> Option<&str> {
        match self {
            Self::UserId(user_id) | Self::Both { user_id, .. } => Some(user_id),
            Self::OpenId(_) => None,
        }
    }

    /// The id under which the user pays: the open id, or the user id where that is the only one.
    pub fn payer(&self) -> &str {
        match self {
            Self::OpenId(id) | Self::UserId(id) | Self::Both { openid: id, .. } => id,
        }
    }
}

/// Ids of users are personal data, so they are not printed.
impl std::fmt::Debug for UserIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserIds")
    }
}

/// Prints no ids of the user.
impl std::fmt::Debug for PlatformUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlatformUser")
            .field("platform", &self.platform)
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}

/// A live session: who is signed in, and the binding.
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
    /// Whether that person has chosen a query password.
    pub own_password: bool,
    /// Whether the one in force is from a slip of the counter, and must be changed.
    pub password_of_slip: bool,
}

/// The person of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundTo {
    /// The person.
    pub person: PersonId,
    /// Their school.
    pub school: SchoolId,
}

/// A signed-in identity that is bound to a person: required for every action on a card.
#[derive(Clone, Debug)]
pub struct Student {
    /// The session.
    pub session: SessionId,
    /// The identity.
    pub identity: IdentityId,
    /// The person.
    pub person: PersonId,
    /// Their school.
    pub school: SchoolId,
    /// The user at the platform, who pays.
    pub user: PlatformUser,
}

impl SignedIn {
    /// The student, if the identity is bound.
    pub fn student(&self) -> Option<Student> {
        let BoundTo { person, school } = self.bound_to?;
        let (session, identity) = (self.session, self.identity);
        Some(Student { session, identity, person, school, user: self.user.clone() })
    }
}

/// The result of presenting a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// It was valid, and is now used up.
    Good,
    /// It was used before: the session has ended, whoever holds the newer token.
    Reused,
    /// There is no such live session.
    Gone,
}

/// A binding to be created.
#[derive(Clone, Debug)]
pub struct NewBinding {
    /// The identity to bind.
    pub identity: IdentityId,
    /// The platform of the identity.
    pub platform: Platform,
    /// The person to bind to.
    pub to: BoundTo,
    /// The version of the terms agreed to.
    pub consent_version: String,
    /// The items agreed to, comma-separated.
    pub consent_items: String,
}

/// Finds or creates the identity of a platform's user and opens a session for it.
pub async fn open(
    db: &Db,
    user: &PlatformUser,
    refresh: &RefreshHash,
    now: Timestamp,
) -> Result<SessionId, DbError> {
    db.in_tx(async |tx| store::open(tx, user, refresh, now).await).await
}

/// The live session with this id, and its binding: one query.
pub async fn find(db: &Db, id: SessionId, now: Timestamp) -> Result<Option<SignedIn>, DbError> {
    store::find(db, id, now).await
}

/// Those of the sessions that are live and bound, with the person: one query.
pub async fn bound_to(
    db: &Db,
    ids: &[SessionId],
    now: Timestamp,
) -> Result<Vec<(SessionId, PersonId)>, DbError> {
    store::bound_to(db, ids, now).await
}

/// Replaces a refresh token by the next one. A token that was used before ends the session.
pub async fn refresh(
    db: &Db,
    id: SessionId,
    presented: &RefreshHash,
    next: &RefreshHash,
    now: Timestamp,
) -> Result<Refreshed, DbError> {
    db.in_tx(async |tx| store::refresh(tx, id, presented, next, now).await).await
}

/// Ends the session of a refresh token; returns whether the token was valid.
pub async fn end(
    db: &Db,
    id: SessionId,
    presented: &RefreshHash,
    now: Timestamp,
) -> Result<Refreshed, DbError> {
    db.in_tx(async |tx| store::sign_out(tx, id, presented, now).await).await
}

/// Binds an identity to a person and notifies the person's other identities. A unique violation
/// means that one of the two is already bound.
pub async fn bind(tx: &Tx, new: &NewBinding, now: Timestamp) -> Result<(), DbError> {
    store::bind(tx, new, now).await?;
    let origin = notices::NoticeOrigin { by: new.identity, of: new.to, platform: new.platform };
    notices::notify_others(tx, origin, NoticeKind::Bound, now).await
}

/// Notifies a person's other identities of an enrolled device. If it replaced a device, the
/// enrolling identity is notified as well, since it may own that device.
pub async fn device_enrolled(
    tx: &Tx,
    student: &Student,
    replaced: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    let of = BoundTo { person: student.person, school: student.school };
    let origin =
        notices::NoticeOrigin { by: student.identity, of, platform: student.user.platform };
    let mut to = store::other_identities(tx, student.person, student.identity).await?;
    to.extend(replaced.then_some(student.identity.uuid()));
    notices::notify(tx, &to, origin, NoticeKind::CodeDevice, now).await
}

/// Notifies a person's other identities of a loss report, or that it was taken back.
pub async fn loss_changed(
    tx: &Tx,
    student: &Student,
    kind: NoticeKind,
    now: Timestamp,
) -> Result<(), DbError> {
    let of = BoundTo { person: student.person, school: student.school };
    let origin =
        notices::NoticeOrigin { by: student.identity, of, platform: student.user.platform };
    notices::notify_others(tx, origin, kind, now).await
}

/// After a change of password: ends the person's portal sessions, which the old password opened,
/// and notifies the person's other identities.
pub async fn password_changed(tx: &Tx, student: &Student, now: Timestamp) -> Result<(), DbError> {
    let of = BoundTo { person: student.person, school: student.school };
    let origin =
        notices::NoticeOrigin { by: student.identity, of, platform: student.user.platform };
    store::end_portal(tx, student.person, now).await?;
    notices::notify_others(tx, origin, NoticeKind::PasswordChanged, now).await
}
