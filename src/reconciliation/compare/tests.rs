use super::*;
use crate::{base::ids::SchoolId, reconciliation::bill::Rate};
use uuid::Uuid;

const OURS: SchoolId = SchoolId::from_number(1);

fn fen(fen: i64) -> Fen {
    Fen::new(fen).unwrap()
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn day() -> Day {
    "2025-12-31".parse().unwrap()
}

fn id() -> PaymentId {
    PaymentId::new(time("2025-12-31T09:59:00+08:00"))
}

fn payment(id: PaymentId) -> OurPayment {
    OurPayment {
        id,
        school: OURS,
        merchant: "1".to_owned(),
        amount: fen(5000),
        state: PaymentState::Paid {
            transaction_id: "T1".to_owned(),
            paid_at: time("2025-12-31T10:00:00+08:00"),
        },
        is_posted: true,
    }
}

fn row(id: PaymentId) -> BillRow {
    BillRow {
        entry: BillEntry::Payment,
        at: time("2025-12-31T10:00:00+08:00"),
        out_trade_no: id.out_trade_no(),
        transaction_id: "T1".to_owned(),
        amount: fen(5000),
        coupon: Fen::ZERO,
        fee: Fee::from_fen(30),
        rate: Some(Rate::from_millionths(6000)),
    }
}

fn refund_row(id: PaymentId) -> BillRow {
    let entry = BillEntry::Refund {
        refund_id: "R1".to_owned(),
        out_refund_no: "F1".to_owned(),
        stage: BilledRefund::Done,
    };
    BillRow { entry, amount: fen(1200), fee: Fee::from_fen(-7), ..row(id) }
}

fn known(payment: &OurPayment) -> Known<'_> {
    let payment = Some(payment);
    let (day, school) = (day(), OURS);
    let (posted, refund, flow_fee, before) = (None, None, None, None);
    Known { day, school, payment, posted, refund, corrected_fen: 0, flow_fee, before }
}

fn fields(compared: Compared) -> Vec<Differs> {
    match compared {
        Compared::Ours(found) => found.iter().map(|difference| difference.differs).collect(),
        Compared::Unmatched(found) => vec![found.differs],
        other @ (Compared::OtherProgram | Compared::OtherSchool) => {
            panic!("{other:?}")
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_field_that_differs_is_named_and_no_other() {
    type Change = fn(&mut BillRow, &mut OurPayment);
    let id = id();
    let paid = |at: &str| PaymentState::Paid { transaction_id: "T1".into(), paid_at: time(at) };
    let cases: [(&str, Change, &[Differs]); 11] = [
        ("equal", |_, _| {}, &[]),
        (
            "amount",
            |row, ours| {
                (row.amount, row.fee) = (fen(5001), Fee::from_fen(30));
                ours.amount = fen(5000);
            },
            &[Differs::Amount],
        ),
        ("open", |_, ours| ours.state = PaymentState::Open, &[Differs::State]),
        ("closed", |_, ours| ours.state = PaymentState::Closed, &[Differs::State]),
        (
            "closed and amount",
            |row, ours| {
                ours.state = PaymentState::Closed;
                (row.amount, row.fee) = (fen(10_000), Fee::from_fen(60));
            },
            &[Differs::Amount, Differs::State],
        ),
        ("fee", |row, _| row.fee = Fee::from_fen(40), &[Differs::Fee]),
        (
            "no rate, no claim about the fee",
            |row, _| {
                (row.rate, row.fee) = (None, Fee::from_fen(40));
            },
            &[],
        ),
        ("not posted", |_, ours| ours.is_posted = false, &[Differs::Ledger]),
        ("another transaction", |row, _| row.transaction_id = "T2".into(), &[Differs::TheirsOnly]),
        (
            "a coupon makes the fee smaller",
            |row, _| {
                (row.coupon, row.fee) = (fen(1000), Fee::from_fen(24));
            },
            &[],
        ),
        ("a coupon, and the fee of the whole", |row, _| row.coupon = fen(1000), &[Differs::Fee]),
    ];
    for (name, change, expected) in cases {
        let (mut row, mut ours) = (row(id), payment(id));
        change(&mut row, &mut ours);
        assert_eq!(fields(compare(&row, known(&ours))), expected, "{name}");
    }
    for (at, expected) in [
        ("2025-12-31T00:00:00+08:00", vec![]),
        ("2025-12-31T23:59:59+08:00", vec![]),
        ("2026-01-01T00:00:00+08:00", vec![]),
        ("2026-01-01T00:10:00+08:00", vec![]),
        ("2025-12-30T23:50:00+08:00", vec![]),
        ("2026-01-01T00:10:01+08:00", vec![Differs::Day]),
        ("2025-12-30T23:49:59+08:00", vec![Differs::Day]),
    ] {
        let ours = OurPayment { state: paid(at), ..payment(id) };
        assert_eq!(fields(compare(&row(id), known(&ours))), expected, "{at}");
    }
}

/// The money of a payment that credited nobody is in suspense: no balance is to be corrected.
#[test]
fn an_amount_is_corrected_where_a_person_was_credited_and_nowhere_else() {
    let (id, row) = (id(), BillRow { amount: fen(5100), rate: None, ..row(id()) });
    let row = BillRow { out_trade_no: id.out_trade_no(), ..row };
    let receipt = |school, is_credited| {
        let school = SchoolId::from_number(school);
        Some(PostedReceipt { school, amount: fen(5000), is_credited })
    };
    for (posted, state, repair) in [
        (receipt(1, true), payment(id).state, Repair::CorrectBalance),
        (receipt(1, false), payment(id).state, Repair::AskSupport),
        (receipt(2, true), payment(id).state, Repair::AskSupport),
        (None, payment(id).state, Repair::AskSupport),
        (receipt(1, false), PaymentState::Closed, Repair::AskSupport),
        (None, PaymentState::Open, Repair::AskSupport),
    ] {
        let ours = OurPayment { state, ..payment(id) };
        assert!(is_doubtful(&row, Some(&ours)), "the ledger is asked");
        let Compared::Ours(found) = compare(&row, Known { posted, ..known(&ours) }) else {
            panic!("it is ours")
        };
        let amount = found.iter().find(|one| one.differs == Differs::Amount).unwrap();
        assert_eq!((amount.repair, amount.stake_fen), (repair, 100), "{posted:?} {ours:?}");
    }
}

/// What the ledger has of a transaction that is not its payment's.
#[test]
fn a_transaction_that_was_posted_is_not_theirs_only() {
    let id = id();
    let ours = payment(id);
    let second = BillRow { transaction_id: "T2".to_owned(), ..row(id) };
    let receipt = |school, amount| {
        let school = SchoolId::from_number(school);
        Some(PostedReceipt { school, amount: fen(amount), is_credited: false })
    };
    for (posted, expected) in [
        (None, vec![Differs::TheirsOnly]),
        (receipt(1, 5000), vec![]),
        (receipt(1, 4900), vec![Differs::Amount]),
    ] {
        for payment in [Some(&ours), None] {
            let compared = compare(&second, Known { payment, posted, ..known(&ours) });
            assert_eq!(fields(compared), expected, "{posted:?}");
        }
    }
    // Of no payment, its fee is posted like any other: it must stay as it was.
    let suspended = Known { payment: None, posted: receipt(1, 5000), ..known(&ours) };
    assert_eq!(compare(&second, suspended), Compared::Ours(Vec::new()));
    assert_eq!(fields(compare(&second, Known { flow_fee: Some(31), ..suspended })), [Differs::Fee]);
    // Credited under another number: it is another payment's.
    let posted = receipt(1, 5000).map(|posted| PostedReceipt { is_credited: true, ..posted });
    for payment in [None, Some(&ours)] {
        let compared = compare(&second, Known { payment, posted, ..known(&ours) });
        assert_eq!(fields(compared), [Differs::TheirsOnly]);
    }
    let elsewhere = Known { payment: None, posted: receipt(2, 5000), ..known(&ours) };
    assert_eq!(compare(&second, elsewhere), Compared::OtherSchool);
    assert!(is_own(&row(id), &ours) && !is_own(&second, &ours) && !is_own(&refund_row(id), &ours));
    assert!(!is_doubtful(&row(id), Some(&ours)) && is_doubtful(&second, Some(&ours)));
}

#[test]
fn other_programs_and_other_schools_are_no_differences() {
    let id = id();
    let ours = payment(id);
    let random = Uuid::from_u128(0x1234_5678_9abc_4def_8000_0000_0000_0001).simple().to_string();
    for number in ["CC20251231T000000000001", "1", &random, &id.out_trade_no().to_uppercase()] {
        let row = BillRow { out_trade_no: number.to_owned(), ..row(id) };
        let unknown = Known { payment: None, ..known(&ours) };
        assert_eq!(compare(&row, unknown), Compared::OtherProgram, "{number}");
    }
    let other = OurPayment { school: SchoolId::from_number(2), amount: fen(1), ..payment(id) };
    assert_eq!(compare(&row(id), known(&other)), Compared::OtherSchool);
    let unknown = Known { payment: None, ..known(&ours) };
    assert_eq!(fields(compare(&row(id), unknown)), [Differs::TheirsOnly]);
}

#[test]
fn refunds_are_compared_by_our_number_of_them() {
    use BilledRefund::{Done, Failed, UnderWay};
    let id = id();
    let ours = payment(id);
    let refund = |amount, state: &str| OurRefund {
        out_refund_no: "F1".to_owned(),
        number: "F1".to_owned(),
        payment: id,
        amount: fen(amount),
        state: state.to_owned(),
        done_at: None,
    };
    for (refund, stage, expected) in [
        (Some(refund(1200, "done")), Done, vec![]),
        (Some(refund(1200, "done")), UnderWay, vec![]),
        (Some(refund(1200, "done")), Failed, vec![Differs::State]),
        (Some(refund(1200, "sent")), Done, vec![Differs::State]),
        (Some(refund(1200, "sent")), UnderWay, vec![]),
        (Some(refund(1200, "sent")), Failed, vec![Differs::State]),
        (Some(refund(1200, "failed")), Done, vec![Differs::State]),
        (Some(refund(1200, "failed")), UnderWay, vec![]),
        (Some(refund(1200, "failed")), Failed, vec![]),
        (Some(refund(1200, "requested")), Done, vec![Differs::State]),
        (Some(refund(1200, "requested")), UnderWay, vec![Differs::State]),
        (Some(refund(1200, "asked")), Done, vec![Differs::State]),
        (Some(refund(1100, "done")), Done, vec![Differs::Amount]),
        (Some(refund(1100, "sent")), Done, vec![Differs::Amount, Differs::State]),
        (None, Done, vec![Differs::TheirsOnly]),
        (None, UnderWay, vec![Differs::TheirsOnly]),
        (None, Failed, vec![]),
    ] {
        let known = Known { refund: refund.as_ref(), ..known(&ours) };
        let (refund_id, out_refund_no) = ("R1".to_owned(), "F1".to_owned());
        let entry = BillEntry::Refund { refund_id, out_refund_no, stage };
        let row = BillRow { entry, ..refund_row(id) };
        assert_eq!(fields(compare(&row, known)), expected, "{refund:?} {stage:?}");
    }
}

#[test]
fn a_correction_is_taken_back_where_the_bill_agrees_with_the_payment_again() {
    let id = id();
    let ours = payment(id);
    // What the bill says, what was corrected, and what is proposed.
    for (billed, corrected_fen, proposed) in [
        (5000, 0, None),
        (5000, 100, Some(("¥51.00", "¥50.00", 0))),
        (5000, -5000, Some(("¥0.00", "¥50.00", 0))),
        (5100, 100, Some(("¥50.00", "¥51.00", 100))),
    ] {
        let row = BillRow { amount: fen(billed), rate: None, ..row(id) };
        let school = OURS;
        let posted = Some(PostedReceipt { school, amount: fen(5000), is_credited: true });
        let Compared::Ours(found) = compare(&row, Known { posted, corrected_fen, ..known(&ours) })
        else {
            panic!()
        };
        let found: Vec<_> =
            found.iter().map(|one| (&*one.ours, &*one.theirs, one.stake_fen)).collect();
        assert_eq!(found, Vec::from_iter(proposed), "{billed} {corrected_fen}");
    }
}

#[test]
fn a_row_must_be_as_it_was_and_as_the_account_was_charged() {
    let (id, day) = (id(), day());
    let ours = payment(id);
    let kept = KeptRow { day, amount: fen(5000), fee_fen: 30, coupon: Fen::ZERO };
    for (kept, expected) in [
        (kept.clone(), vec![]),
        (KeptRow { fee_fen: 29, ..kept.clone() }, vec![Differs::Fee]),
        // The amount is compared with ours.
        (KeptRow { amount: fen(1), ..kept.clone() }, vec![]),
        (KeptRow { coupon: fen(1), ..kept.clone() }, vec![Differs::Amount]),
        (KeptRow { day: day.next(), ..kept.clone() }, vec![Differs::Day]),
    ] {
        let known = Known { before: Some(&kept), ..known(&ours) };
        assert_eq!(fields(compare(&row(id), known)), expected, "{kept:?}");
    }
    for (charged, expected) in [(30, vec![]), (31, vec![Differs::Fee])] {
        let known = Known { flow_fee: Some(charged), ..known(&ours) };
        assert_eq!(fields(compare(&row(id), known)), expected, "{charged}");
    }
}
