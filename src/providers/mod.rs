//! The providers' protocols. Each implements a trait that a higher layer declares.
//!
//! Invariant: no data from a provider leaves this module before it is verified.
//! Invariant: no secret, login code, openid or body is ever logged.

pub mod alipay;
mod bill_file;
mod errcode;
pub mod locks;
pub mod templates;
pub mod wechat_api;
pub mod wechat_login;
pub mod wechat_pay;
pub mod wecom;
