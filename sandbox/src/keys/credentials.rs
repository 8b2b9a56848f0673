//! The two kinds of `credentials.json`; neither prints a secret.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::THROWAWAY_MARK;
use crate::stand_ins::wechat::WechatCredentials;
use crate::stand_ins::wechat_pay::keys::{KeyMode, WechatPayCredentials};

/// The general app and merchant; the content of `credentials.json`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// Always [`THROWAWAY_MARK`].
    pub throwaway: String,
    pub wechat: WechatCredentials,
    pub wechat_pay: WechatPayCredentials,
}

/// What a school has for itself; the content of `{code}/credentials.json`.
#[derive(Clone, Serialize, Deserialize)]
pub struct SchoolCredentials {
    /// Always [`THROWAWAY_MARK`].
    pub throwaway: String,
    /// Absent: the school uses the general app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wechat: Option<WechatCredentials>,
    pub wechat_pay: WechatPayCredentials,
}

impl Credentials {
    pub(super) fn generate() -> Self {
        Self {
            throwaway: THROWAWAY_MARK.to_owned(),
            wechat: WechatCredentials::generate(),
            wechat_pay: WechatPayCredentials::generate(KeyMode::PublicKey),
        }
    }
}

impl SchoolCredentials {
    pub(super) fn generate(own_app: bool, mode: KeyMode) -> Self {
        Self {
            throwaway: THROWAWAY_MARK.to_owned(),
            wechat: own_app.then(WechatCredentials::generate),
            wechat_pay: WechatPayCredentials::generate(mode),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("wechat", &self.wechat)
            .field("wechat_pay", &self.wechat_pay)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SchoolCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchoolCredentials")
            .field("wechat", &self.wechat)
            .field("wechat_pay", &self.wechat_pay)
            .finish_non_exhaustive()
    }
}
