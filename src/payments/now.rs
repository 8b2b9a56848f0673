//! Asking now how an order stands, because a member of staff wants to know: by the same look and the same
//! settling as the sweep.

use super::{PaymentError, Payments, gateway::RefundNumbers, look::Asker};
use crate::orders::{
    order::WholeOrder,
    refund::{Refund, RefundProgress},
};
use std::time::Duration;

/// How often the provider is asked so about one order.
const ASK_NOW_EVERY: Duration = Duration::from_secs(10);

impl Payments {
    /// Whether there is something of an order that the provider knows and we do not.
    pub fn is_unknown(whole: &WholeOrder) -> bool {
        whole.open_attempts().next().is_some() || whole.refunds.iter().any(is_sent)
    }

    /// Asks about each open payment and each refund that was sent, and settles the answers. False if it was asked
    /// less than ten seconds ago, across all servers; an error where one was not answered.
    pub async fn ask_now(&self, whole: &WholeOrder) -> Result<bool, PaymentError> {
        let key = format!("ask-now:{}", whole.order.id);
        // Without the key-value store the provider is asked more often, which is harmless.
        if !self.kv.put_once(&key, b"1", ASK_NOW_EVERY).await.unwrap_or(true) {
            return Ok(false);
        }
        let mut heard = Ok(true);
        for attempt in whole.open_attempts() {
            heard = heard.and(Box::pin(self.look(&attempt, Asker::Staff)).await.map(|_| true));
        }
        let school = self.schools.require(whole.order.school).await?;
        for refund in whole.refunds.iter().filter(|refund| is_sent(refund)) {
            let payment = whole.payments.iter().find(|payment| payment.id == refund.payment);
            let Some(payment) = payment else { continue };
            let numbers = RefundNumbers {
                out_refund_no: refund.number.clone(),
                out_trade_no: refund.payment.out_trade_no(),
                transaction_id: refund.transaction_id.clone(),
            };
            let asked = self.settle_refund_by_answer(&school, payment.provider, &numbers);
            heard = heard.and(Box::pin(asked).await.map(|_| true));
        }
        heard
    }
}

fn is_sent(refund: &Refund) -> bool {
    refund.progress == RefundProgress::Sent
}
