//! The providers' protocols: each implements a trait that a floor above declares.
//!
//! Invariant: nothing a provider says leaves this module before it is checked.
//! Invariant: no secret, login code, openid or body is ever logged.

pub mod wechat_login;
pub mod wechat_pay;
