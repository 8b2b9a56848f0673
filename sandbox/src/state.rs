//! What the running sandbox knows. All of it is in memory and bounded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::AdjustableClock;
use crate::faults::Faults;
use crate::keys::Keys;
use crate::requests::Requests;
use crate::till::Tills;
use crate::wechat::WeChat;
use crate::wechat_pay::WechatPay;

/// The stand-ins, one field each.
#[derive(Debug)]
pub struct Sandbox {
    pub keys: Arc<Keys>,
    pub clock: Arc<AdjustableClock>,
    pub faults: Arc<Faults>,
    pub requests: Requests,
    pub wechat: WeChat,
    pub wechat_pay: Arc<WechatPay>,
    pub tills: Tills,
}

/// A lock survives a panic elsewhere: a stand-in that goes on is worth more than a clean stop.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
