//! Devices that show a person's codes: phones, and server-side devices for clients that cannot
//! compute codes.

use crate::sessions::Platform;

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
}

impl EndReason {
    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Unbound => "unbound",
            Self::Lost => "lost",
        }
    }
}
