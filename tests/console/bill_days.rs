//! A day of bills that finance has compared again, closes by hand, and prints.

use super::browser::Browser;
use crate::staff::whole_way::{staff, topped_up};
use onecard::base::{clock::Day, ids::uuid_at};
use serde_json::json;
use testkit::{TestDb, World, now, on_each_database, wish_by};
use uuid::Uuid;

on_each_database!(
    a_day_is_closed_by_hand_once,
    a_refund_on_its_way_explains_the_sums,
    a_bill_that_never_came_is_fetched_from_its_row,
    what_is_refused_is_said_on_its_page,
);

/// A day of the bill of the merchant of our only payment, with its refunds and so much that differs.
async fn compared(world: &World, day: Day, (refunded, open): (i64, i64)) -> Uuid {
    let (id, at) = (uuid_at(now()), now().micros());
    let place = world.rows.literal(&id.to_string());
    let state = if open == 0 { "closed" } else { "open" };
    let sql = format!(
        "INSERT INTO bill_day (id, school_id, provider, merchant_number, day, state, run, file_hash, \
         bill_rows, our_rows, paid_count, paid_fen, back_count, back_fen, billed_fen, refunded_fen, \
         fee_fen, coupon_fen, open_differences, compared_at) SELECT {place}, school_id, provider, \
         merchant, {}, '{state}', 1, 'h', 2, 2, 1, 20000, 0, 0, 20000, {refunded}, 0, 0, {open}, {at} \
         FROM payment",
        day.number()
    );
    assert_eq!(world.rows.change(&sql, []).await, 1);
    id
}

/// A day of a provider with so many differences; or one whose bill has not come.
pub(super) async fn of_provider(
    world: &World,
    day: Day,
    (provider, open): (&str, i64),
    is_awaited: bool,
) {
    let (id, at) = (uuid_at(now()), if is_awaited { 0 } else { now().micros() });
    let (id, school) = (world.rows.literal(&id.to_string()), world.rows.school("xnec").await);
    let sql = format!(
        "INSERT INTO bill_day (id, school_id, provider, merchant_number, day, state, run, file_hash, \
         bill_rows, our_rows, paid_count, paid_fen, back_count, back_fen, billed_fen, refunded_fen, \
         fee_fen, coupon_fen, open_differences, compared_at) VALUES ({id}, {school}, '{provider}', \
         'm', {}, 'open', 1, 'h', 2, 2, 1, 1, 0, 0, 1, 0, 0, 0, {open}, {at})",
        day.number()
    );
    assert_eq!(world.rows.change(&sql, []).await, 1);
}

pub(super) fn ago(days: i32) -> Day {
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

async fn what_is_refused_is_said_on_its_page(db: &TestDb) {
    const CLOSED: &str = "/staff/reconciliation?state=closed";
    let world = World::start(db).await;
    topped_up(&world).await;
    let (finance, _) = Browser::of(&world, "f1", "2001", &["finance"]).await;
    let path = format!("/staff/reconciliation/{}", compared(&world, ago(1), (0, 0)).await);
    let page = finance.get(&path).await.with(200);
    let run = finance.submit(&page, &format!("{path}/run"), &[("back", CLOSED)]).await.with(429);
    let stale = [("seen", "1"), ("back", CLOSED)];
    let close = finance.submit(&page, &format!("{path}/close"), &stale).await.with(409);
    let way = format!("href=\"{CLOSED}\"");
    for (again, said) in [(run, "刚刚核对过"), (close, "请看清现在的数字再提交")] {
        for text in [said, "关闭这一天", &*way] {
            assert!(again.says(text), "{text}: {}", again.html);
        }
    }
    let list = finance.get("/staff/reconciliation").await.with(200);
    let (today, path) = (ago(0).to_string(), "/staff/reconciliation/run");
    let cases = [
        ("wechat_pay", &*today, 409, "次日 10:00"),
        ("alipay", "soon", 422, "value=\"alipay\" selected"),
    ];
    for (provider, date, status, said) in cases {
        let form = [("provider", provider), ("date", date)];
        let again = finance.submit(&list, path, &form).await.with(status);
        let typed = format!("value=\"{date}\"");
        for text in [said, "取账单并核对", &*typed] {
            assert!(again.says(text), "{text}: {}", again.html);
        }
    }
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

/// A day of the merchant of our only payment whose bill has not come.
async fn awaited(world: &World, day: Day) -> Uuid {
    let id = compared(world, day, (0, 2)).await;
    let sql = format!(
        "UPDATE bill_day SET compared_at = 0, run = 0, file_hash = '', billed_fen = 0, our_rows = 0, \
         open_differences = 0 WHERE day = {}",
        day.number()
    );
    assert_eq!(world.rows.change(&sql, []).await, 1);
    id
}

/// A payment that the provider has as of two days ago, and of which we were not told.
async fn paid_long_ago(world: &World) {
    let student = world.student(0).await;
    let order = student.order_with(&wish_by("wechat_pay", 20000), "first").await.unwrap().body(201);
    let number = world.out_trade_no(&order).await;
    world.pay().drop_callbacks(&number).unwrap();
    world.sandbox_clock().set_offset(chrono::TimeDelta::days(-2));
    world.pay().pay(&number).unwrap();
    world.sandbox_clock().set_offset(chrono::TimeDelta::zero());
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn a_bill_that_never_came_is_fetched_from_its_row(db: &TestDb) {
    const LIST: &str = "/staff/reconciliation";
    let world = World::start(db).await;
    paid_long_ago(&world).await;
    let (two, three) = (awaited(&world, ago(2)).await, awaited(&world, ago(3)).await);
    compared(&world, ago(4), (0, 1)).await;
    let (finance, _) = Browser::of(&world, "f1", "2001", &["finance"]).await;
    let list = finance.get(LIST).await.with(200);
    for word in ["未取到账单</span>", "现在取<span", "3 天", "有差异</span>", "—"] {
        assert!(list.says(word), "{word}: {}", list.html);
    }
    for (state, days, says) in
        [("awaited", "2 天", "未取到账单</span>"), ("open", "1 天", "有差异</span>")]
    {
        let page = finance.get(&format!("{LIST}?state={state}")).await.with(200);
        assert!(page.says(days) && page.says(says), "{state}: {}", page.html);
        assert_eq!(page.says("现在取<span"), state == "awaited", "{}", page.html);
    }
    let today = finance.get("/staff").await.with(200);
    assert!(today.says("未取到账单"), "{}", today.html);
    // Whoever only reads is not offered it, and cannot.
    let (auditor, _) = Browser::of(&world, "au", "2003", &["auditor"]).await;
    assert!(!auditor.get(LIST).await.with(200).says("现在取<span"));
    // Nothing was compared, so nothing is closed.
    let page = finance.get(&format!("{LIST}/{two}")).await.with(200);
    assert!(page.says("未取到账单") && page.says("现在取账单并核对"), "{}", page.html);
    assert!(!page.says("关闭这一天"), "{}", page.html);
    let json = staff(&world, "f2", "2002", "finance").await;
    let days = json.get("/api/v1/staff/reconciliation/days?state=awaited").await.body(200);
    let [first, rest] = [0, 1].map(|nth| days["items"][nth].clone());
    assert_eq!([&first["state"], &rest["state"]], ["awaited", "awaited"], "{days}");
    assert!(first["compared_at"].is_null(), "{days}");

    let run = format!("{LIST}/{two}/run");
    let done = finance.submit(&list, &run, &[]).await.with(303);
    let day = finance.follow(&done).await.with(200);
    for word in ["已重新取账单并核对", "<dd>平</dd>", "收 ¥200.00", "关闭这一天"] {
        assert!(day.says(word), "{word}: {}", day.html);
    }
    // What we had not heard of is credited.
    assert_eq!(world.rows.count("payment WHERE state = 'paid'").await, 1);
    let of = format!("/api/v1/staff/reconciliation/wechat_pay/{}/run", ago(3));
    let compared = json.post(&of, &json!({})).await.body(200);
    assert_eq!(compared["state"], "closed", "{compared}");
    assert_eq!(compared["id"], json!(three), "{compared}");
    assert!(compared["compared_at"].is_string(), "{compared}");
    let list = finance.get(&format!("{LIST}?state=awaited")).await.with(200);
    assert!(list.says("没有符合条件的日子"), "{}", list.html);
    assert!(finance.get(&format!("{LIST}?state=closed")).await.says("2 天"));

    // A merchant that was taken out of the settings has no bills to be fetched.
    let gone = awaited(&world, ago(5)).await;
    let other =
        format!("UPDATE bill_day SET merchant_number = 'old' WHERE day = {}", ago(5).number());
    assert_eq!(world.rows.change(&other, []).await, 1);
    let page = finance.get(&format!("{LIST}/{gone}")).await.with(200);
    assert!(page.says("未取到账单") && !page.says("现在取"), "{}", page.html);
    finance.submit(&page, &format!("{LIST}/{gone}/run"), &[]).await.with(404);
}
