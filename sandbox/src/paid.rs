//! What was paid in another process, from a file to a file.

use serde::{Deserialize, Serialize};

use crate::alipay::KeptTrade;
use crate::state::Sandbox;
use crate::wechat_pay::KeptPayment;

/// Everything that was paid, by provider.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidElsewhere {
    wechat_pay: Vec<KeptPayment>,
    alipay: Vec<KeptTrade>,
}

impl Sandbox {
    /// What was paid here, with the refunds that ended.
    pub fn paid(&self) -> PaidElsewhere {
        PaidElsewhere { wechat_pay: self.wechat_pay.kept(), alipay: self.alipay.kept() }
    }

    /// Takes up what was paid in another process; false if there is no room for all of it.
    pub fn take_up(&self, paid: PaidElsewhere) -> bool {
        self.wechat_pay.keep(paid.wechat_pay) && self.alipay.keep(paid.alipay)
    }
}
