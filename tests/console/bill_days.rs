//! A day of bills that finance has compared again, closes by hand, and prints.

use super::browser::Browser;
use crate::staff::whole_way::{staff, topped_up};
use onecard::base::{clock::Day, ids::uuid_at};
use serde_json::json;
use testkit::{TestDb, World, now, on_each_database};
use uuid::Uuid;

on_each_database!(a_day_is_closed_by_hand_once, a_refund_on_its_way_explains_the_sums);

/// A day of the bill of the merchant of our only payment, with its refunds and so much that differs.
async fn compared(world: &World, day: Day, (refunded, open): (i64, i64)) -> Uuid {
    let (id, at) = (uuid_at(now()), now().micros());
    let place = world.rows.literal(&id.to_string());
    let state = if open == 0 { "closed" } else { "open" };
    let sql = format!(
        "INSERT INTO bill_day (id, school_id, provider, merchant_number, day, state, run, file_hash, \
         bill_rows, our_rows, paid_count, paid_fen, back_count, back_fen, billed_fen, refunded_fen, \
         fee_fen, coupon_fen, open_differences, compared_at) SELECT {place}, school_id, provider, \
         merchant, {}, '{state}', 1, '', 2, 2, 1, 20000, 0, 0, 20000, {refunded}, 0, 0, {open}, {at} \
         FROM payment",
        day.number()
    );
    assert_eq!(world.rows.change(&sql, []).await, 1);
    id
}

fn ago(days: i32) -> Day {
    Day::from_number(now().day().number() - days)
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn a_day_is_closed_by_hand_once(db: &TestDb) {
    let world = World::start(db).await;
    topped_up(&world).await;
    let day = ago(1);
    let id = compared(&world, day, (0, 0)).await;
    let path = format!("/staff/reconciliation/{id}");
    let (finance, _) = Browser::of(&world, "f1", "2001", &["finance"]).await;
    let list = finance.get("/staff/reconciliation").await.with(200);
    assert!(list.says(">平</span>") && list.says("取账单并核对"), "{}", list.html);
    let page = finance.get(&path).await.with(200);
    for word in ["微信支付账", "关闭这一天", "经办人签字", "打印于", "咸宁职业技术学院"]
    {
        assert!(page.says(word), "{word}: {}", page.html);
    }
    let close = format!("{path}/close");
    let ask = finance.get(&close).await.with(200);
    assert!(ask.says(&format!("关闭 {day} 微信支付账？")), "{}", ask.html);
    // A page from before it was compared again.
    finance.submit(&ask, &close, &[("seen", "1")]).await.with(409);
    let seen = ask.field("seen");
    let closed = finance.submit(&ask, &close, &[("seen", &seen)]).await.with(303);
    assert!(finance.follow(&closed).await.says("f1（2001）"));
    // A second click is the same.
    finance.submit(&ask, &close, &[("seen", &seen)]).await.with(303);
    let acts = "SELECT who FROM audit_entry WHERE act = 'bills.closed'";
    assert_eq!(world.rows.texts(acts).await, ["staff f1, no. 2001"]);
    assert!(finance.get("/staff/reconciliation").await.says("平，已关闭"));
    // What differs is not closed.
    let open = compared(&world, ago(2), (0, 2)).await;
    let page = finance.get(&format!("/staff/reconciliation/{open}")).await.with(200);
    assert!(!page.says("关闭这一天") && page.says("有差异"), "{}", page.html);
    let close = format!("/staff/reconciliation/{open}/close");
    finance.submit(&page, &close, &[("seen", &seen)]).await.with(409);
    let (auditor, _) = Browser::of(&world, "au", "2003", &["auditor"]).await;
    let read = auditor.get(&path).await.with(200);
    assert!(!read.says("/run") && !read.says("关闭这一天"), "{}", read.html);

    let json = staff(&world, "f2", "2002", "finance").await;
    compared(&world, ago(3), (0, 0)).await;
    let days = json.get("/api/v1/staff/reconciliation/days").await.body(200);
    assert_eq!(days["items"][0]["confirmed_by"], json!("staff f1, no. 2001"), "{days}");
    let of = |day: Day| format!("/api/v1/staff/reconciliation/wechat_pay/{day}");
    let seen = json!({ "compared_at": days["items"][2]["compared_at"] });
    let closed = json.post(&format!("{}/close", of(ago(3))), &seen).await.body(200);
    assert_eq!(closed["confirmed_by"], json!("staff f2, no. 2002"), "{closed}");
    let differs = json.post(&format!("{}/close", of(ago(2))), &seen).await;
    differs.problem("two differences", 409, "bill_day_differs");
    let other = json.post(&format!("{}/close", of(ago(1))), &seen).await;
    other.problem("closed by another", 409, "bill_day_changed");
    let run = |day| format!("{}/run", of(day));
    json.post(&run(ago(0)), &json!({})).await.problem("today", 409, "bill_too_early");
    json.post(&run(ago(3)), &json!({})).await.problem("just now", 429, "compared_just_now");
    let nowhere = "/api/v1/staff/reconciliation/paypal/2026-11-01/run";
    json.post(nowhere, &json!({})).await.problem("no such provider", 404, "not_found");
}

async fn a_refund_on_its_way_explains_the_sums(db: &TestDb) {
    let world = World::start(db).await;
    topped_up(&world).await;
    let (day, at) = (ago(1), now().micros());
    let id = compared(&world, day, (3000, 0)).await;
    let [refund, row] = [1, 2].map(|n| world.rows.literal(&Uuid::from_u128(n).to_string()));
    let billed = format!(
        "INSERT INTO bill_row (id, school_id, provider, merchant_number, day, entry, number, payment_id, \
         out_refund_no, stage, amount_fen, fee_fen, coupon_fen, at, kept_at) SELECT {row}, school_id, \
         provider, merchant, {}, 'refund', 'r1', id, 'r1', 'done', 3000, 0, 0, {at}, {at} FROM payment",
        day.number()
    );
    let ours = format!(
        "INSERT INTO refund (id, school_id, person_id, order_id, payment_id, provider, merchant_number, \
         transaction_id, refund_number, amount_fen, total_fen, why, source, state, day, created_at, \
         ended_by_provider, provider_refund_id) SELECT {refund}, p.school_id, o.person_id, o.id, p.id, \
         p.provider, p.merchant, p.transaction_id, 'r1', 3000, p.amount_fen, 'staff', 'e_account', \
         'sent', {}, {at}, {}, '' FROM payment p JOIN orders o ON o.id = p.order_id",
        day.number(),
        if world.rows.is_postgres() { "false" } else { "0" }
    );
    let (finance, _) = Browser::of(&world, "f1", "2001", &["finance"]).await;
    let pages = ["/staff/reconciliation".to_owned(), format!("/staff/reconciliation/{id}")];
    let on_its_way = "其中 ¥30.00 为退款在途：对方已列入账单，我们尚未入账";
    let done = format!("UPDATE refund SET state = 'done', ended_at = {at}");
    let elsewhere = "其中 ¥30.00 的退款对方记在这一天，我们记在到账的那一天";
    let steps = [(billed, ""), (ours, on_its_way), (done, elsewhere)];
    for (step, said) in steps {
        assert_eq!(world.rows.change(&step, []).await, 1, "{step}");
        for path in &pages {
            let page = finance.get(path).await.with(200);
            assert!(page.says(said) && page.says("−¥30.00"), "{path} {said}: {}", page.html);
            assert_eq!(page.says("其中"), !said.is_empty(), "{path}: {}", page.html);
        }
    }
}
