//! Orders of purposes that are not built: refused, and money that arrives for one all the same goes
//! to suspense.

use onecard::{ledger::account::SchoolAccount, orders::purpose::Purpose};
use serde_json::json;
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    orders_of_purposes_that_are_not_built_are_refused,
    a_paid_order_of_another_purpose_never_credits_the_e_account,
);

/// The purposes whose orders can be paid.
const BUILT: &[Purpose] = &[Purpose::CardTopUp];
/// What pays no order yet.
const UNBUILT_FUNDINGS: &[&str] = &["bank_card", "wallet", "card"];

fn others() -> impl Iterator<Item = Purpose> {
    Purpose::ALL.into_iter().filter(|purpose| !BUILT.contains(purpose))
}

async fn orders_of_purposes_that_are_not_built_are_refused(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    for purpose in others() {
        let order = json!({ "purpose": purpose, "funding": "wechat_pay", "amount_fen": 5000 });
        let answer = student.order_with(&order, purpose.code()).await.unwrap();
        answer.problem(purpose.code(), 422, "purpose_unavailable");
    }
    for funding in UNBUILT_FUNDINGS {
        let order = json!({ "purpose": "card_top_up", "funding": funding, "amount_fen": 5000 });
        let answer = student.order_with(&order, funding).await.unwrap();
        answer.problem(funding, 422, "funding_unavailable");
    }
    assert_eq!(world.rows.count("orders").await, 0);
}

/// As if a newer release had created the order.
async fn a_paid_order_of_another_purpose_never_credits_the_e_account(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let mut suspended = 0;
    for purpose in others() {
        let order = student.order(100, purpose.code()).await.body(201);
        let id = world.rows.literal(order["id"].as_str().unwrap());
        let other = format!("UPDATE orders SET purpose = '{}' WHERE id = {id}", purpose.code());
        assert_eq!(world.change(&other, []).await, 1);
        let again = student.try_again(&order, "again").await;
        again.problem(purpose.code(), 422, "purpose_unavailable");
        let payment = world.pay_order(&order).await;
        world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
        suspended += 100;
        assert_eq!(student.balances().await, [0; 4], "{purpose:?}");
        let suspense = world.school_balance("xnec", SchoolAccount::Suspense).await;
        assert_eq!(suspense, suspended, "{purpose:?}");
        let shown = student.order_again(&order).await;
        assert_eq!((&shown["state"], &shown["purpose"]), (&json!("paid"), &json!(purpose)));
    }
    let unexplained = "SELECT subject FROM review_case \
                       WHERE subject NOT LIKE 'purpose_unavailable:wechat_pay:%'";
    assert_eq!(world.rows.texts(unexplained).await, Vec::<String>::new());
    let cases = i64::try_from(others().count()).unwrap();
    assert_eq!(world.rows.count("review_case").await, cases);
    world.assert_books(suspended).await;
}
