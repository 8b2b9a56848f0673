//! What holds after the storm, to the fen.

use super::{Made, Storm, Tried, refunds::Staff};
use onecard::ledger::account::{Name, SchoolAccount};

/// What a provider took and gave back, in fen.
#[derive(Clone, Copy, Default)]
struct Kept {
    taken: i64,
    given_back: i64,
    payments: usize,
    refunds: usize,
}

impl Kept {
    const fn fen(self) -> i64 {
        self.taken - self.given_back
    }

    const fn and(self, more: Self) -> Self {
        Self {
            taken: self.taken + more.taken,
            given_back: self.given_back + more.given_back,
            payments: self.payments + more.payments,
            refunds: self.refunds + more.refunds,
        }
    }
}

impl Storm<'_> {
    /// As the sandbox knows the payment now.
    fn kept(&self, tried: &Tried) -> Kept {
        let number = tried.number();
        let (total, refunds): (_, Vec<i64>) = match tried {
            Tried::WechatPay(_) => {
                let payment = self.world.pay().payment(number).unwrap();
                let paid = payment.transaction_id.is_some();
                let refunds = self.world.pay().refunds_of(number).into_iter();
                let done = refunds.filter(|refund| refund.status == "SUCCESS");
                (paid.then_some(payment.total_fen), done.map(|refund| refund.amount_fen).collect())
            }
            Tried::Alipay(_) => {
                let trade = self.world.alipay().payment(number).unwrap();
                let done = trade.refunds.iter().filter(|refund| refund.state == "done");
                let refunds = done.map(|refund| refund.amount_fen).collect();
                (trade.paid_at.map(|_| trade.total_fen), refunds)
            }
        };
        let kept = Kept {
            taken: total.unwrap_or_default(),
            given_back: refunds.iter().sum(),
            payments: total.map_or(0, |_| 1),
            refunds: refunds.len(),
        };
        assert!(kept.fen() >= 0, "{number}: more went back than was paid");
        kept
    }
}

pub(super) async fn prove(storm: &Storm<'_>, made: &[Made], staff: &Staff) {
    let world = storm.world;
    let (mut of_students, mut paid_orders) = (vec![0; storm.students.len()], 0);
    let (mut wechat_pay, mut alipay) = (Kept::default(), Kept::default());
    for Made { student, tried } in made {
        let kept: Vec<Kept> = tried.iter().map(|tried| storm.kept(tried)).collect();
        for (tried, kept) in tried.iter().zip(&kept) {
            let provider =
                if matches!(tried, Tried::Alipay(_)) { &mut alipay } else { &mut wechat_pay };
            *provider = provider.and(*kept);
        }
        let left: i64 = kept.iter().map(|kept| kept.fen()).sum();
        assert!(left <= tried[0].total_fen(), "{}: credited twice", tried[0].number());
        of_students[*student] += left;
        paid_orders += usize::from(kept.iter().any(|kept| kept.payments > 0));
    }
    for (student, kept) in storm.students.iter().zip(of_students) {
        assert_eq!(student.balances().await, [0, 0, kept, kept]);
    }
    let all = wechat_pay.and(alipay);
    assert_rows(storm, all, (made.len(), paid_orders), staff).await;
    let cases = assert_cases(storm).await;
    assert_eq!(world.school_balance("xnec", SchoolAccount::Suspense).await, 0);
    let of_alipay = SchoolAccount::Clearing(Name::parse("alipay").unwrap());
    assert_eq!(world.school_balance("xnec", of_alipay).await, -alipay.fen());
    world.at_rest().await;
    world.assert_books(wechat_pay.fen()).await;
    let Kept { taken, given_back, payments, refunds } = all;
    println!("{payments} payments of {taken} fen, {refunds} refunds of {given_back} fen, {cases}");
}

/// Each order ended as it should, each payment was received once, and each refund posted once.
async fn assert_rows(storm: &Storm<'_>, all: Kept, (made, paid): (usize, usize), staff: &Staff) {
    let closed = made - paid;
    for (what, expected) in [
        ("orders WHERE state = 'fulfilled'", paid),
        ("orders WHERE state = 'closed'", closed),
        ("orders", made),
        ("transfer WHERE kind = 'received'", all.payments),
        ("transfer WHERE kind = 'refunded'", all.refunds),
        ("refund WHERE state = 'done'", all.refunds),
        ("refund WHERE state IN ('requested', 'sent')", 0),
        // Of those that were not approved some were declined.
        ("refund WHERE approved_at IS NULL AND why = 'staff'", staff.not_approved),
        ("refund WHERE approved_at IS NOT NULL AND why = 'staff'", staff.approved.len()),
    ] {
        assert_eq!(storm.world.rows.count(what).await, i64::try_from(expected).unwrap(), "{what}");
    }
    let back = "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM refund \
                WHERE state = 'done'";
    assert_eq!(storm.world.rows.number(back).await, all.given_back);
}

/// What staff must look at: lies, and refunds that were closed.
async fn assert_cases(storm: &Storm<'_>) -> String {
    let rows = &storm.world.rows;
    let kinds = [
        "amount",
        "refund_disagrees",
        "refund_closed",
        "refund_refused",
        "refund_abnormal",
        // Messages of refunds that their provider does not confirm within a day.
        "refunded_at_provider",
    ];
    let mut counts = Vec::new();
    for kind in kinds {
        let open = format!("review_case WHERE closed_at IS NULL AND subject LIKE '{kind}:%'");
        counts.push(rows.count(&open).await);
    }
    let open = rows.count("review_case WHERE closed_at IS NULL").await;
    assert_eq!(open, counts.iter().sum::<i64>(), "no other cases");
    let closed = rows.count("refund WHERE state = 'failed' AND ended_by_provider").await;
    assert_eq!(counts[2], closed, "one of each refund that was closed");
    assert!(counts[3] + counts[4] <= 2 * closed, "what is done needs no look any more");
    format!("cases {:?}", kinds.iter().zip(counts).collect::<Vec<_>>())
}
