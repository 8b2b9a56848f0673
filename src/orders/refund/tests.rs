use super::*;
use crate::{
    base::crypto::rsa::testing::checked_signature,
    orders::{
        order::{Order, OrderState, Payment},
        purpose::Purpose,
    },
};

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const PAUSE: Duration = Duration::from_mins(1);

fn fen(amount: i64) -> Fen {
    Fen::new(amount).unwrap()
}

fn attempt() -> Attempt {
    let order = Order {
        id: OrderId::new(NOW),
        school: SchoolId::from_number(1),
        person: PersonId::new(NOW),
        purpose: Purpose::CardTopUp,
        amount: fen(100),
        state: OrderState::Fulfilled { paid_at: NOW },
        created_at: NOW,
        expires_at: NOW,
    };
    let payment = Payment {
        id: PaymentId::new(NOW),
        provider: Provider::WechatPay,
        merchant: "190".into(),
        app_id: "wx".into(),
        payer: "o".into(),
        payer_user_id: None,
        amount: fen(100),
        state: PaymentState::Paid { transaction_id: "42".into(), paid_at: NOW },
        created_at: NOW,
    };
    Attempt { order, payment }
}

fn asked(amount: i64) -> Refund {
    Refund::asked(&attempt(), RefundSource::EAccount, fen(amount), (Uuid::nil(), NOW)).unwrap()
}

fn at(refund: &Refund, progress: RefundProgress) -> Refund {
    let approved_at = (progress != RefundProgress::Asked).then_some(NOW);
    Refund { progress, approved_at, ..refund.clone() }
}

const ALL: [RefundProgress; 5] = [
    RefundProgress::Asked,
    RefundProgress::Requested,
    RefundProgress::Sent,
    RefundProgress::Done { at: NOW },
    RefundProgress::Failed { at: NOW },
];

fn fact(refund: &Refund, outcome: RefundOutcome) -> RefundFact {
    let claim = RefundClaim {
        provider: refund.provider,
        merchant: refund.merchant.clone(),
        out_trade_no: refund.payment.out_trade_no(),
        transaction_id: refund.transaction_id.clone(),
        out_refund_no: refund.number.clone(),
        refund_id: "50".into(),
        amount: refund.amount,
        outcome,
    };
    RefundFact::new(&checked_signature(), claim)
}

#[test]
fn every_state_is_stored_and_read() {
    for progress in ALL {
        let read = RefundProgress::from_columns(progress.code(), progress.ended_at());
        assert_eq!(read, Some(progress));
        let wrong = if progress.ended_at().is_some() { None } else { Some(NOW) };
        assert_eq!(RefundProgress::from_columns(progress.code(), wrong), None, "{progress:?}");
    }
    let refund = asked(1);
    assert_eq!(RefundId::from_number(&refund.number), Some(refund.id));
    assert_eq!(RefundId::from_number("made in the console"), None);
}

/// Each state and each outcome.
#[test]
fn what_is_heard_ends_it_once() {
    let done = RefundOutcome::Done { at: NOW };
    let table = [
        (RefundOutcome::Processing, ["", "", "", "", ""]),
        (done, ["done", "done", "done", "", "done"]),
        (RefundOutcome::Abnormal, ["abnormal", "abnormal", "abnormal", "", ""]),
        (RefundOutcome::Closed, ["", "failed", "failed", "disagrees", ""]),
    ];
    for (outcome, expected) in table {
        for (progress, expected) in ALL.into_iter().zip(expected) {
            let refund = at(&asked(30), progress);
            let heard = match refund.hear(&fact(&refund, outcome), NOW) {
                Heard::Nothing => "",
                Heard::Abnormal => "abnormal",
                Heard::Disagrees => "disagrees",
                Heard::Ended(is) => {
                    assert!(is.ended_by_provider && is.refund_id == "50");
                    let returned = progress != RefundProgress::Asked
                        && matches!(is.progress, RefundProgress::Failed { .. });
                    assert_eq!(is.returned_at.is_some(), returned, "{progress:?}");
                    is.progress.code()
                }
            };
            assert_eq!(heard, expected, "{progress:?} {outcome:?}");
        }
    }
}

#[test]
fn a_fact_about_another_refund_changes_nothing() {
    let refund = at(&asked(30), RefundProgress::Sent);
    let claim = RefundClaim::clone(&fact(&refund, RefundOutcome::Done { at: NOW }));
    let others = [
        RefundClaim { amount: fen(31), ..claim.clone() },
        RefundClaim { transaction_id: "43".into(), ..claim.clone() },
        RefundClaim { merchant: "191".into(), ..claim.clone() },
        RefundClaim { out_trade_no: "x".into(), ..claim.clone() },
        RefundClaim { out_refund_no: "x".into(), ..claim },
    ];
    for other in others {
        let heard = refund.hear(&RefundFact::new(&checked_signature(), other.clone()), NOW);
        assert_eq!(heard, Heard::Disagrees, "{other:?}");
    }
}

#[test]
fn refunds_of_a_payment_go_one_after_the_other() {
    let mine = at(&asked(30), RefundProgress::Requested);
    let now = |others: &[Refund]| mine.send(others, PAUSE, NOW);
    assert!(matches!(now(&[]), Sending::Now(sent) if sent.sent_at == Some(NOW)));
    assert!(matches!(now(std::slice::from_ref(&mine)), Sending::Now(_)));
    let other = |progress, sent_at| Refund { sent_at, ..at(&asked(30), progress) };
    let ago = |seconds| Some(NOW.minus(Duration::from_secs(seconds)));
    let in_seconds = |seconds| Sending::NotBefore(NOW.plus(Duration::from_secs(seconds)));
    assert_eq!(now(&[other(RefundProgress::Sent, ago(1000))]), in_seconds(60));
    assert_eq!(now(&[other(RefundProgress::Done { at: NOW }, ago(20))]), in_seconds(40));
    assert_eq!(now(&[other(RefundProgress::Failed { at: NOW }, ago(59))]), in_seconds(1));
    assert!(matches!(now(&[other(RefundProgress::Done { at: NOW }, ago(60))]), Sending::Now(_)));
    assert!(matches!(now(&[other(RefundProgress::Requested, None)]), Sending::Now(_)));
    for (progress, may) in ALL.into_iter().zip([false, true, true, false, false]) {
        let sending = at(&mine, progress).send(&[], PAUSE, NOW);
        assert_eq!(sending != Sending::Never, may, "{progress:?}");
    }
}

/// Of 100, of which others have given back so much.
#[test]
fn no_more_is_sent_than_is_left() {
    let surplus = Refund::of_surplus(&attempt(), "wechat_pay:190:42", "42", fen(100), NOW);
    let staff = at(&asked(60), RefundProgress::Requested);
    // What is sent, or 0 where it ends unsent.
    for (mine, given_back, sent) in [
        (&staff, 0, 60),
        (&staff, 40, 60),
        (&staff, 41, 0),
        (&staff, 100, 0),
        (&surplus, 0, 100),
        (&surplus, 41, 59),
        (&surplus, 100, 0),
    ] {
        let amount = fen(given_back);
        let other = Refund { amount, ..at(&asked(1), RefundProgress::Done { at: NOW }) };
        match mine.send(std::slice::from_ref(&other), PAUSE, NOW) {
            Sending::Now(is) => assert_eq!((is.amount, given_back), (fen(sent), given_back)),
            Sending::Over(is) => {
                assert_eq!(sent, 0, "{given_back}");
                assert_eq!(is.progress, RefundProgress::Failed { at: NOW });
                assert_eq!(is.returned_at, mine.was_held().then_some(NOW));
            }
            other @ (Sending::NotBefore(_) | Sending::Never) => panic!("{other:?}"),
        }
        let under_way = at(mine, RefundProgress::Sent);
        let again = under_way.send_again(&[under_way.clone(), other], NOW);
        assert_eq!(again.is_some(), given_back + mine.amount.get() <= 100, "{given_back}");
    }
    for (progress, may) in ALL.into_iter().zip([false, false, true, false, false]) {
        assert_eq!(at(&staff, progress).send_again(&[], NOW).is_some(), may, "{progress:?}");
    }
}

/// By two persons: what comes back of a refund that was refused, from 100 of which others have given
/// back so much.
#[test]
fn two_persons_end_what_was_sent() {
    let id = Uuid::from_u128(7);
    let staff = asked(60);
    let surplus = Refund::of_surplus(&attempt(), "wechat_pay:190:42", "42", fen(100), NOW);
    let stray = Refund { source: RefundSource::Suspense, ..asked(60) };
    let ended = |of: &Refund, progress, given_back| {
        let amount = fen(given_back);
        let other = Refund { amount, ..at(&asked(1), RefundProgress::Done { at: NOW }) };
        at(of, progress).end(id, &[other], NOW)
    };
    for (progress, may) in ALL.into_iter().zip([false, false, true, false, false]) {
        assert_eq!(ended(&staff, progress, 0).is_some(), may, "{progress:?}");
    }
    let closed = RefundProgress::Failed { at: NOW };
    for (of, progress, given_back, credited) in [
        (&staff, RefundProgress::Sent, 0, None),
        (&stray, RefundProgress::Sent, 0, None),
        (&surplus, RefundProgress::Sent, 0, Some(100)),
        (&surplus, RefundProgress::Sent, 30, Some(70)),
        (&surplus, RefundProgress::Sent, 100, None),
        (&surplus, closed, 0, Some(100)),
    ] {
        let is = ended(of, progress, given_back).unwrap();
        assert_eq!((is.progress, is.ending), (closed, Some(id)));
        assert_eq!(is.is_credited().then_some(is.amount), credited.map(fen), "{given_back}");
        assert_eq!(is.was_held() && !is.holds(), of.source == RefundSource::EAccount);
        assert_eq!(is.end(id, &[], NOW), None, "once");
    }
}

#[test]
fn what_the_provider_says_went_back_is_explained_or_not() {
    let done = |amount, why| Refund { why, ..at(&asked(amount), RefundProgress::Done { at: NOW }) };
    let (ours, theirs) = (RefundReason::Staff, RefundReason::Provider);
    for (refunds, told, explained) in [
        (vec![], Some(0), true),
        (vec![], Some(1), false),
        (vec![], None, false),
        (vec![done(40, ours)], Some(40), true),
        (vec![done(40, ours)], Some(41), false),
        (vec![done(40, ours)], None, false),
        (vec![done(40, ours), done(1, theirs)], Some(41), true),
        (vec![done(40, ours), done(1, theirs)], None, true),
        (vec![done(100, ours)], None, true),
        (vec![at(&asked(40), RefundProgress::Sent)], Some(40), false),
    ] {
        let found = Refund::explain(fen(100), "42", &refunds, told.map(fen));
        assert_eq!(found, explained, "{told:?} {refunds:?}");
    }
}

#[test]
fn no_more_is_asked_back_than_was_paid() {
    let refund = asked(30);
    let all: Vec<_> = ALL.map(|progress| at(&refund, progress)).into();
    assert_eq!(left_of(fen(200), "42", &all), fen(200 - 4 * 30));
    assert_eq!(not_promised(fen(200), "42", &all), fen(200 - 3 * 30));
    assert_eq!(not_given_back(fen(200), "42", &all), fen(200 - 30));
    assert_eq!(left_of(fen(200), "43", &all), fen(200));
    assert_eq!(left_of(fen(100), "42", &all), Fen::ZERO);
}

#[test]
fn the_money_comes_from_where_it_is() {
    let table = [
        (RefundSource::Suspense, None, None, RefundFrom::Suspense),
        (RefundSource::Suspense, Some(NOW), None, RefundFrom::Suspense),
        (RefundSource::EAccount, None, None, RefundFrom::EAccount),
        (RefundSource::EAccount, Some(NOW), None, RefundFrom::Held),
        (RefundSource::EAccount, Some(NOW), Some(NOW), RefundFrom::EAccount),
        (RefundSource::Suspense, Some(NOW), Some(NOW), RefundFrom::EAccount),
    ];
    for (source, approved_at, returned_at, from) in table {
        let refund = Refund { source, approved_at, returned_at, ..asked(30) };
        assert_eq!(refund.comes_from(), from);
    }
}

#[test]
fn an_order_shows_what_goes_back() {
    let with = |progress, amount, source| Refund { source, ..at(&asked(amount), progress) };
    let done = RefundProgress::Done { at: NOW };
    let (mine, stray) = (RefundSource::EAccount, RefundSource::Suspense);
    let table = [
        (vec![], None),
        (vec![with(RefundProgress::Asked, 100, mine)], None),
        (vec![with(RefundProgress::Failed { at: NOW }, 100, mine)], None),
        (vec![with(RefundProgress::Requested, 100, mine)], Some("refunding")),
        (vec![with(done, 60, mine), with(RefundProgress::Sent, 40, mine)], Some("refunding")),
        (vec![with(done, 60, mine)], None),
        (vec![with(done, 60, mine), with(done, 40, mine)], Some("refunded")),
        (vec![with(done, 100, stray)], None),
    ];
    for (refunds, shown) in table {
        assert_eq!(shown_instead(fen(100), &refunds), shown, "{refunds:?}");
    }
}

#[test]
fn a_surplus_transaction_has_one_refund() {
    let attempt = attempt();
    let one = |reference| Refund::of_surplus(&attempt, reference, "43", fen(100), NOW);
    assert_eq!(one("wechat_pay:190:43").id, one("wechat_pay:190:43").id);
    assert_ne!(one("wechat_pay:190:43").id, one("wechat_pay:190:44").id);
    assert!(!one("wechat_pay:190:43").was_held());
}
