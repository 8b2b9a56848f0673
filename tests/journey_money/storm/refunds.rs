//! Refunds in the storm: what staff ask for and decide, what is done in the providers' consoles, and how
//! each ends at its provider.

use super::{AT_ONCE, Made, Storm, Tried};
use futures_util::stream::{self, StreamExt};
use onecard::{
    base::money::Fen,
    orders::{order::PaymentId, refund::RefundId},
    payments::refunds::{self, AskedRefund, RefundError},
};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use sandbox::{
    alipay::RefundCourse,
    callbacks::{Release, ReleaseOrder},
    wechat_pay::{RefundEnd, RefundMode},
};
use std::{collections::HashSet, time::Duration};
use testkit::{Fault, now};

/// From this turn on every refund that waits for a decision succeeds.
const ALL_SUCCEED: u32 = 4;
/// WeChat Pay wants a minute between two refunds of a payment. Its signatures may be five minutes old.
const STEP: Duration = Duration::from_secs(61);
const MOST_STEPS: u32 = 3;

/// What is done to a payment beside its messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    payment: PaymentId,
    amount_fen: i64,
    by_alipay: bool,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Half of it, asked for and approved.
    Half,
    /// A third of it, twice.
    TwoThirds,
    /// Asked for, and never decided on.
    Asked,
    Declined,
    /// More than was paid, which is refused.
    TooMuch,
    /// Half of it in the provider's console.
    Console,
}

/// What staff did.
#[derive(Default)]
pub(super) struct Staff {
    /// Refunds that were approved.
    pub(super) approved: HashSet<String>,
    /// How many were asked for and not approved.
    pub(super) not_approved: usize,
}

impl Act {
    /// Of two in five orders that one payment paid alone: what was paid twice goes back by itself.
    pub(super) fn random(made: &Made, rng: &mut impl Rng) -> Option<Self> {
        let [tried] = made.tried.as_slice() else { return None };
        if !tried.is_paid() || tried.total_fen() < 3 || rng.random_bool(0.6) {
            return None;
        }
        let what = match (rng.random_range(0..10), tried) {
            (0..4, _) => What::Half,
            (4 | 5, _) => What::TwoThirds,
            (6, _) => What::Asked,
            (7, _) => What::Declined,
            (8, _) => What::Console,
            _ => What::TooMuch,
        };
        let by_alipay = matches!(tried, Tried::Alipay(_));
        Some(Self { payment: tried.id(), amount_fen: tried.total_fen(), by_alipay, what })
    }
}

impl Staff {
    /// Acts, many at once. Answers what could not be done because the payment is not known to be paid.
    pub(super) async fn act(&mut self, storm: &Storm<'_>, acts: Vec<Act>) -> Vec<Act> {
        let done = stream::iter(acts).map(async |act| (act, storm.act(act).await));
        let mut done = done.buffer_unordered(AT_ONCE);
        let mut early = Vec::new();
        while let Some((act, done)) = done.next().await {
            match (act.what, done) {
                (What::TooMuch, Err(RefundError::TooMuch { left })) => {
                    assert_eq!(left.get(), act.amount_fen);
                }
                (What::Half | What::TwoThirds | What::Console, Ok(ids)) => {
                    self.approved.extend(ids.iter().map(|id| id.number()));
                }
                (What::Asked | What::Declined, Ok(ids)) => self.not_approved += ids.len(),
                (_, Err(RefundError::NotPaid)) => early.push(act),
                (what, done) => panic!("{what:?}: {done:?}"),
            }
        }
        early
    }
}

impl Storm<'_> {
    async fn act(&self, act: Act) -> Result<Vec<RefundId>, RefundError> {
        let Act { payment, amount_fen, by_alipay, what } = act;
        let ids = match what {
            What::Half => vec![self.approved(payment, amount_fen / 2).await?],
            What::TwoThirds => {
                let third = amount_fen / 3;
                let first = self.approved(payment, third).await?;
                vec![first, self.approved(payment, third).await?]
            }
            What::Asked => vec![self.asked(payment, amount_fen / 2).await?],
            What::Declined => {
                let id = self.asked(payment, amount_fen).await?;
                let decline = self.world.db.in_tx(async |tx| refunds::decline(tx, id, now()).await);
                decline.await?;
                vec![id]
            }
            What::TooMuch => vec![self.asked(payment, amount_fen + 1).await?],
            What::Console => {
                let (number, half) = (payment.out_trade_no(), amount_fen / 2);
                if by_alipay {
                    // Few numbers: refunds of other trades have the same ones.
                    let request_no = format!("BATCH{}", amount_fen % 3);
                    self.world.alipay().refund_as(&number, &request_no, half).unwrap();
                } else {
                    self.world.pay().refund_in_console(&number, half).unwrap();
                }
                Vec::new()
            }
        };
        Ok(ids)
    }

    async fn asked(&self, payment: PaymentId, amount_fen: i64) -> Result<RefundId, RefundError> {
        let asked = AskedRefund {
            payment,
            amount: Fen::new(amount_fen).unwrap(),
            approval: uuid::Uuid::new_v4(),
        };
        let asking = self.world.db.in_tx(async |tx| refunds::ask(tx, asked, now()).await).await;
        asking.map(|refund| refund.id)
    }

    async fn approved(&self, payment: PaymentId, amount_fen: i64) -> Result<RefundId, RefundError> {
        let id = self.asked(payment, amount_fen).await?;
        self.world.db.in_tx(async |tx| refunds::approve(tx, id, now()).await).await?;
        Ok(id)
    }

    /// Either provider refuses refunds: the merchant's balance is too low.
    pub(super) fn refuse_refunds(&self) {
        self.gate.heal();
        self.refunds_go(RefundMode::NotEnough, RefundCourse::NoBalance);
    }

    fn refunds_go(&self, mode: RefundMode, course: RefundCourse) {
        let (pay, alipay) = (self.world.pay(), self.world.alipay());
        pay.set_refund_mode(mode);
        alipay.set_refunds(&alipay.apps()[0].app_id, course).unwrap();
    }

    /// They are refused at first; then accepted with an answer that is lost; then they end in any way.
    /// All that waits is due, and what was sent was sent long ago.
    pub(super) async fn turn_of_refunds(
        &self,
        orders: &[Made],
        staff: &Staff,
        turn: u32,
        seed: u64,
    ) {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(turn.into()));
        match turn {
            0 => {}
            1 => {
                self.gate.meets("", Fault::LosesAnswer);
                self.refunds_go(RefundMode::ByHand, RefundCourse::Pending);
            }
            2..ALL_SUCCEED => self.gate.heal(),
            _ => {
                self.gate.heal();
                self.refunds_go(RefundMode::Succeed, RefundCourse::AtOnce);
            }
        }
        self.world.set_ahead(STEP * turn.min(MOST_STEPS)).await;
        if turn > ALL_SUCCEED {
            self.a_day_passes().await;
        }
        for tried in orders.iter().flat_map(|made| &made.tried) {
            self.end_refunds_of(tried, staff, turn, &mut rng);
        }
        let how =
            Release { order: ReleaseOrder::Shuffled, seed: rng.random(), times: 3, parallel: 16 };
        self.world.callbacks().release(how).await.unwrap();
        let long_ago = "UPDATE refund SET sent_at = sent_at - 120000000 WHERE sent_at > 0";
        self.world.rows.change(long_ago, []).await;
        let due = "UPDATE outbox SET due_at = 0 WHERE state = 'waiting' AND leased_until = 0";
        self.world.rows.change(due, []).await;
    }

    /// Ends the refunds of a payment that are under way at its provider, or leaves them for now.
    fn end_refunds_of(&self, tried: &Tried, staff: &Staff, turn: u32, rng: &mut impl Rng) {
        let so = if turn >= ALL_SUCCEED { 0 } else { rng.random_range(0..4) };
        match tried {
            Tried::WechatPay(payment) => {
                for refund in self.world.pay().refunds_of(&payment.out_trade_no) {
                    // What goes back by itself is not closed: its money would stay in suspense.
                    let closes = so == 1 && staff.approved.contains(&refund.out_refund_no);
                    let end = match (refund.status, so) {
                        ("PROCESSING" | "ABNORMAL", 0) => RefundEnd::Succeed,
                        ("PROCESSING", _) if closes => RefundEnd::Close,
                        ("PROCESSING", 2) => RefundEnd::Abnormal,
                        _ => continue,
                    };
                    self.world.pay().end_refund(&refund.out_refund_no, end).unwrap();
                }
            }
            Tried::Alipay(trade) => {
                let (alipay, number) = (self.world.alipay(), &trade.out_trade_no);
                for refund in alipay.payment(number).unwrap().refunds {
                    let request = &refund.out_request_no;
                    match (refund.state, so) {
                        ("pending", 0) => alipay.complete_refund(number, request).map(drop),
                        ("pending", 1) => alipay.fail_refund(number, request).map(drop),
                        _ => continue,
                    }
                    .unwrap();
                }
            }
        }
    }
}
