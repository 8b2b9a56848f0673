//! Devices that show a person's codes: phones, and server-side devices for clients that cannot
//! compute codes.

use super::{
    DeviceId,
    store::{self, devices::DeviceFilter},
};
use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Tx},
        ids::PersonId,
    },
    sessions::Platform,
};

/// The app through which a person shows codes; a person has one live phone per channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The mini-program in WeChat.
    Wechat,
    /// The mini-program in Alipay.
    Alipay,
}

impl Channel {
    /// The channel of a platform; `None` if the platform shows no codes, like the read-only portal.
    pub const fn of(platform: Platform) -> Option<Self> {
        match platform {
            Platform::Wechat => Some(Self::Wechat),
            Platform::Alipay => Some(Self::Alipay),
            Platform::Portal => None,
        }
    }

    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
            Self::Alipay => "alipay",
        }
    }

    /// The platform whose app it is.
    pub const fn platform(self) -> Platform {
        match self {
            Self::Wechat => Platform::Wechat,
            Self::Alipay => Platform::Alipay,
        }
    }

    /// Ends a person's live devices on this channel, as [`super::end_devices`] does on all.
    pub async fn end_devices(
        self,
        tx: &Tx,
        person: PersonId,
        why: EndReason,
        now: Timestamp,
    ) -> Result<u64, DbError> {
        store::devices::end(tx, person, DeviceFilter::Channel(self), why, now).await
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        [Self::Wechat, Self::Alipay].into_iter().find(|channel| channel.code() == code)
    }
}

/// Where the codes are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// On the phone, which holds the keys.
    Phone,
    /// On this server, for a client that cannot compute codes.
    Server,
}

impl DeviceKind {
    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Server => "server",
        }
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        [Self::Phone, Self::Server].into_iter().find(|kind| kind.code() == code)
    }
}

/// Why a device was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Another device of the person was enrolled on the same channel.
    Replaced,
    /// Its keys have expired.
    Expired,
    /// The person's binding ended.
    Unbound,
    /// The card was reported lost.
    Lost,
    /// A member of staff ended it.
    Staff,
}

impl EndReason {
    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Unbound => "unbound",
            Self::Lost => "lost",
            Self::Staff => "staff",
        }
    }
}

/// A live device as members of staff see it.
#[derive(Clone, Debug)]
pub struct PersonDevice {
    /// The device.
    pub id: DeviceId,
    /// Where it shows codes.
    pub channel: Channel,
    /// Where the codes are computed.
    pub kind: DeviceKind,
    /// The name its owner gave it.
    pub name: Option<String>,
    /// The number of its enrolment.
    pub generation: u32,
    /// When that was.
    pub enrolled_at: Timestamp,
    /// When it was last seen, to the hour.
    pub seen_at: Timestamp,
}

impl PersonDevice {
    /// A person's live devices, the first enrolled first: one query.
    pub async fn of_person(db: &Db, person: PersonId) -> Result<Vec<Self>, DbError> {
        store::person::of_person(db.into(), person, None).await
    }

    /// One of them as it is now, in a transaction that holds the person.
    pub async fn find(tx: &Tx, person: PersonId, id: DeviceId) -> Result<Option<Self>, DbError> {
        Ok(store::person::of_person(tx.into(), person, Some(id)).await?.pop())
    }

    /// Ends it; false if it has ended. After the commit none of its codes can be used, and it enrols again
    /// with the password alone.
    pub async fn end(&self, tx: &Tx, person: PersonId, now: Timestamp) -> Result<bool, DbError> {
        let which = DeviceFilter::One(self.id);
        Ok(store::devices::end(tx, person, which, EndReason::Staff, now).await? == 1)
    }
}
