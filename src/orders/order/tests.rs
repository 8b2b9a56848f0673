//! Tests of the rules of orders and payments.

use super::*;
use crate::{base::crypto::rsa::testing::checked_signature, orders::fact::PaidClaim};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn attempt(order: OrderState, payment: PaymentState) -> Attempt {
    let now = at(1_767_232_800);
    Attempt {
        order: Order {
            id: OrderId::new(now),
            school: SchoolId::from_number(1),
            person: PersonId::new(now),
            purpose: Purpose::CardTopUp,
            amount: Fen::new(5000).unwrap(),
            state: order,
            created_at: now,
            expires_at: now,
        },
        payment: Payment {
            id: PaymentId::new(now),
            provider: Provider::WechatPay,
            merchant: "1000000001".into(),
            app_id: "wx1".into(),
            payer: "o1".into(),
            payer_user_id: Some("2088000000000001".into()),
            amount: Fen::new(5000).unwrap(),
            state: payment,
            created_at: now,
        },
    }
}

fn fact(of: &Attempt, transaction: &str) -> PaidFact {
    checked(claim(of, transaction))
}

fn checked(claim: PaidClaim) -> PaidFact {
    PaidFact::new(&checked_signature(), claim)
}

fn claim(of: &Attempt, transaction: &str) -> PaidClaim {
    PaidClaim {
        provider: Provider::WechatPay,
        merchant: "1000000001".into(),
        app_id: "wx1".into(),
        out_trade_no: of.payment.id.out_trade_no(),
        transaction_id: transaction.into(),
        amount: Fen::new(5000).unwrap(),
        payer: vec!["o1".into()],
        paid_at: at(1_767_232_900),
    }
}

/// The effect of a paid fact of transaction "t1", by name, for every pair of states.
#[test]
fn every_pair_of_states_has_one_answer() {
    let paid = |t: &str| PaymentState::Paid { transaction_id: t.into(), paid_at: at(1) };
    let orders = [
        OrderState::AwaitingPayment,
        OrderState::Closed,
        OrderState::Paid { paid_at: at(1) },
        OrderState::Fulfilled { paid_at: at(1) },
    ];
    let table = [
        (PaymentState::Open, ["settled", "settled", "second payment", "second payment"]),
        (PaymentState::Closed, ["settled", "settled", "second payment", "second payment"]),
        (paid("t1"), ["already"; 4]),
        (paid("t2"), ["second transaction"; 4]),
    ];
    for (payment, answers) in table {
        for (order, expected) in orders.into_iter().zip(answers) {
            let attempt = attempt(order, payment.clone());
            let answer = match attempt.settle(&fact(&attempt, "t1"), StateOncePaid::Fulfilled) {
                Settlement::Settled(after) => {
                    assert_eq!(after.order.state.paid_at(), Some(at(1_767_232_900)));
                    assert_eq!(after.payment.state.code(), "paid");
                    "settled"
                }
                Settlement::AlreadySettled => "already",
                Settlement::SecondPayment(after) => {
                    assert_eq!(after.order, attempt.order);
                    "second payment"
                }
                Settlement::SecondTransaction => "second transaction",
                Settlement::Disagrees(_) => "disagrees",
            };
            assert_eq!(answer, expected, "{payment:?} {order:?}");
        }
    }
}

#[test]
fn the_state_of_a_paid_order_is_the_one_that_its_purpose_asks_for() {
    let attempt = attempt(OrderState::AwaitingPayment, PaymentState::Open);
    for (once_paid, code) in
        [(StateOncePaid::Paid, "paid"), (StateOncePaid::Fulfilled, "fulfilled")]
    {
        let Settlement::Settled(after) = attempt.settle(&fact(&attempt, "t1"), once_paid) else {
            panic!("{code}: not settled");
        };
        let (state, paid_at) = (after.order.state, Some(at(1_767_232_900)));
        assert_eq!((state.code(), state.paid_at()), (code, paid_at));
        assert_eq!(OrderState::from_columns(code, paid_at), Some(state));
    }
}

#[test]
fn a_fact_that_does_not_fit_settles_nothing() {
    let attempt = attempt(OrderState::AwaitingPayment, PaymentState::Open);
    let right = claim(&attempt, "t1");
    let table = [
        (PaidClaim { merchant: "2".into(), ..right.clone() }, Disagreement::Merchant),
        (PaidClaim { app_id: "wx2".into(), ..right.clone() }, Disagreement::Merchant),
        (PaidClaim { amount: Fen::new(4999).unwrap(), ..right.clone() }, Disagreement::Amount),
        (PaidClaim { payer: vec!["o2".into()], ..right.clone() }, Disagreement::Payer),
    ];
    for (claim, difference) in table {
        assert_eq!(
            attempt.settle(&checked(claim), StateOncePaid::Fulfilled),
            Settlement::Disagrees(difference)
        );
    }
    // Nobody, the payer by either id, or by both.
    for payer in [&[][..], &["o1"], &["2088000000000001"], &["o1", "2088000000000001"]] {
        let payer = payer.iter().map(|id| (*id).to_owned()).collect();
        let named = checked(PaidClaim { payer, ..right.clone() });
        assert!(matches!(attempt.settle(&named, StateOncePaid::Fulfilled), Settlement::Settled(_)));
    }
}

#[test]
fn an_unpaid_order_ends_with_its_last_open_payment() {
    let paid = || PaymentState::Paid { transaction_id: "t1".into(), paid_at: at(1) };
    let fulfilled = OrderState::Fulfilled { paid_at: at(1) };
    let (open, closed) = (OrderState::AwaitingPayment, OrderState::Closed);
    let table = [
        (open, PaymentState::Open, false, Some(closed)),
        (open, PaymentState::Open, true, Some(open)),
        (closed, PaymentState::Open, false, Some(closed)),
        (fulfilled, PaymentState::Open, false, Some(fulfilled)),
        (open, PaymentState::Closed, false, None),
        (fulfilled, paid(), false, None),
    ];
    for (order, payment, others_open, expected) in table {
        let ended = attempt(order, payment.clone()).close(others_open);
        assert_eq!(ended.as_ref().map(|is| is.order.state), expected, "{order:?} {payment:?}");
        assert!(ended.is_none_or(|is| is.payment.state == PaymentState::Closed));
    }
}

#[test]
fn only_numbers_that_we_gave_out_are_ours() {
    let id = PaymentId::new(at(1));
    assert_eq!(PaymentId::from_out_trade_no(&id.out_trade_no()), Some(id));
    for foreign in
        ["", "CC20260101T000000000001", &id.to_string(), &id.out_trade_no().to_uppercase()]
    {
        assert_eq!(PaymentId::from_out_trade_no(foreign), None, "{foreign}");
    }
}
