//! Where a person's codes are made: a phone, or our stand-in for one that cannot compute.

use crate::sessions::Platform;

/// The way by which a person reaches us; a person has one live phone for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The mini-program in WeChat.
    Wechat,
    /// The mini-program in Alipay.
    Alipay,
}

impl Channel {
    /// None where codes are not shown: the portal only reads.
    pub const fn of(platform: Platform) -> Option<Self> {
        match platform {
            Platform::Wechat => Some(Self::Wechat),
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

/// Who computes the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// A phone, which has the keys.
    Phone,
    /// This server, for a client that cannot compute.
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

/// Why a device's codes are good no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Another device of the person was enrolled on its channel.
    Replaced,
    /// Its keys are too old.
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
