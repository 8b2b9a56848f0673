//! An order at a browser: found by a number, where its money is, and a refund of it asked for.

use super::browser::{Browser, Page};
use crate::staff::whole_way::{staff, topped_up};
use onecard::base::ids::uuid_at;
use sandbox::wechat_pay::{RefundEnd, RefundMode};
use serde_json::{Value, json};
use testkit::{TestDb, World, eventually, now, on_each_database};

on_each_database!(
    an_order_is_found_by_any_of_its_numbers,
    two_that_end_alike_are_both_found,
    a_refund_is_asked_for_and_told_as_far_as_it_is,
    what_is_wrong_with_a_request_stands_above_it,
    the_same_as_json,
);

const ORDERS: &str = "/staff/orders";

fn plain(id: &str) -> String {
    id.replace('-', "")
}

fn fresh() -> String {
    uuid_at(now()).to_string()
}

fn end(number: &str) -> &str {
    &number[number.len() - 8..]
}

async fn search(browser: &Browser, number: &str) -> Page {
    let page = browser.get(ORDERS).await.with(200);
    browser.submit(&page, "/staff/orders/search", &[("number", number)]).await
}

/// A refund of the order, asked for and approved over HTTP.
async fn refunded(world: &World, order: &Value, amount_fen: i64) -> Value {
    let asks = staff(world, "asks", "1001", "finance").await;
    let approves = staff(world, "approves", "1002", "finance").await;
    let body = json!({ "order_id": order["id"], "amount_fen": amount_fen, "reason": "误充" });
    let asked = asks.ask("POST /api/v1/staff/refunds", "ask", Some(&body)).await.body(201);
    let approve = format!("/api/v1/staff/refunds/{}/approve", asked["id"].as_str().unwrap());
    approves.post(&approve, &json!({})).await.body(200)
}

async fn an_order_is_found_by_any_of_its_numbers(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let refund = refunded(&world, &order, 1200).await;
    let id = order["id"].as_str().unwrap().to_owned();
    let payment = plain(&world.rows.only_payment().await.to_string());
    let transaction = world.rows.texts("SELECT transaction_id FROM payment").await.remove(0);
    let refund = plain(refund["refund_id"].as_str().unwrap());
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let there = format!("{ORDERS}/{id}");
    let numbers = [
        id.clone(),
        plain(&id),
        plain(&id).to_uppercase(),
        end(&id).to_owned(),
        format!(" …{}", end(&id)),
        payment.clone(),
        end(&payment).to_owned(),
        transaction.clone(),
        end(&transaction).to_owned(),
        transaction[transaction.len() - 12..].to_owned(),
        refund.clone(),
        end(&refund).to_owned(),
    ];
    for number in numbers {
        let found = search(&auditor, &number).await.with(303);
        assert_eq!(found.location, there, "{number}");
    }
    // The first eight characters are those of every order of the same minute: nothing ends so.
    for (number, status, text) in [
        (&id[..8], 404, "没有找到这个单号"),
        ("00000000000000000000000021c08f3a", 404, "没有找到这个单号"),
        ("x1234567", 404, "没有找到这个单号"),
        (&id[29..], 422, "最后 8 位"),
        ("一二三四五六七八", 422, "最后 8 位"),
        (&*"9".repeat(65), 422, "最后 8 位"),
    ] {
        let page = search(&auditor, number).await.with(status);
        assert!(page.says(text) && page.says("<title>错误："), "{number}: {}", page.html);
        assert!(page.says(&format!("value=\"{number}\"")), "what was typed stays: {}", page.html);
    }
}

async fn two_that_end_alike_are_both_found(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let id = order["id"].as_str().unwrap().to_owned();
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let other = format!("{}{}", &fresh()[..28], end(&id));
    copy(&world, &id, &other, "xnec").await;
    let elsewhere = format!("{}{}", &fresh()[..28], end(&id));
    copy(&world, &id, &elsewhere, "hbkj").await;
    let both = search(&auditor, end(&id)).await.with(303);
    // The address has nothing but their ids.
    let ids: Vec<&str> = both.location.split_once("?only=").unwrap().1.split("%2C").collect();
    assert_eq!(ids.len(), 2, "not that of another school: {}", both.location);
    let list = auditor.follow(&both).await.with(200);
    for id in [&id, &other] {
        assert!(list.says(&format!("{ORDERS}/{id}?back=")), "{id}: {}", list.html);
    }
    assert!(list.says("单号查到的 2 笔") && list.says("清除筛选"), "{}", list.html);
    auditor.get(&format!("{ORDERS}/{elsewhere}")).await.with(404);
}

/// Copies an order to another id and a school, with a payment that was not paid.
async fn copy(world: &World, from: &str, to: &str, school: &str) {
    let (rows, school) = (&world.rows, world.rows.school(school).await);
    let (from, to) = (rows.literal(from), rows.literal(to));
    let order = "person_id, purpose, amount_fen, state, created_at, expires_at, paid_at";
    let payment = "provider, merchant, app_id, payer, amount_fen, created_at";
    for sql in [
        format!(
            "INSERT INTO orders (id, school_id, {order}) SELECT {to}, {school}, {order} \
             FROM orders WHERE id = {from}"
        ),
        format!(
            "INSERT INTO payment (id, order_id, school_id, state, {payment}) \
             SELECT {to}, {to}, {school}, 'closed', {payment} FROM payment WHERE order_id = {from}"
        ),
    ] {
        assert_eq!(rows.change(&sql, []).await, 1, "{sql}");
    }
}

/// Asks for ¥12.50 of the order. A double click, and the way back: one request.
async fn ask_twice(office: &Browser, there: &str, back: &str) {
    let form = office.get(&format!("{there}/ask?back={back}")).await.with(200);
    assert!(form.says("全部 ¥50.00"), "{}", form.html);
    let fields = [
        ("form_id", form.field("form_id")),
        ("all_fen", form.field("all_fen")),
        ("back", form.field("back")),
        ("part", "some".to_owned()),
        ("amount", "12.5".to_owned()),
        ("reason", "重复支付".to_owned()),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
    let ask = format!("{there}/ask");
    for _ in 0..2 {
        let asked = office.submit(&form, &ask, &fields).await.with(303);
        let row = format!("#o{}", end(there));
        assert!(asked.location.starts_with("/staff/orders?"), "{}", asked.location);
        assert!(asked.location.ends_with(&row), "{}", asked.location);
    }
}

async fn a_refund_is_asked_for_and_told_as_far_as_it_is(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = topped_up(&world).await;
    let there = format!("{ORDERS}/{}", order["id"].as_str().unwrap());
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let list = office.get(ORDERS).await.with(200);
    for word in ["校园卡充值", "¥50.00", "已到账", "1 笔，已付款 ¥50.00", "*"] {
        assert!(list.says(word), "{word}: {}", list.html);
    }
    let path = list.between(&format!("href=\"{there}?back="), "\"");
    let shown = office.get(&format!("{there}?back={path}")).await.with(200);
    for word in
        ["支付平台已收；已记入学生账户", "可退</dt><dd>¥50.00", "下单：校园卡充值", "（2301001）"]
    {
        assert!(shown.says(word), "{word}: {}", shown.html);
    }
    let back = format!("href=\"/staff/orders?day={}#o{}\"", now().day(), end(&there));
    assert!(shown.says(&back), "{back}: {}", shown.html);
    ask_twice(&office, &there, &path).await;
    assert_eq!(world.rows.count("approval").await, 1);
    let shown = office.get(&there).await.with(200);
    for word in ["在学生账户，没有变动", "另一人复核", "office（1001）申请退款 ¥12.50：重复支付"]
    {
        assert!(shown.says(word), "{word}: {}", shown.html);
    }
    assert!(!shown.says("/ask?"), "one request at a time: {}", shown.html);
    let away = office.get(&format!("{there}/ask?back={path}")).await.with(303);
    assert_eq!(away.location, format!("{there}?back={path}"));
    assert!(office.follow(&away).await.says("现在不能申请退款"));
    assert_eq!(student.balances().await[3], 5000, "nothing is posted");
    let request =
        format!("/staff/approvals/refund/{}", shown.between("/staff/approvals/refund/", "\""));
    is_told_as_far_as_it_is(&world, &office, (&there, &request)).await;
}

/// What an order says while its refund is on its way.
async fn is_told_as_far_as_it_is(world: &World, office: &Browser, (there, request): (&str, &str)) {
    // The provider takes it and says nothing: it is not done.
    world.pay().set_refund_mode(RefundMode::ByHand);
    let (finance, _) = Browser::of(world, "finance", "1002", &["finance"]).await;
    let page = finance.get(request).await.with(200);
    finance.submit(&page, &format!("{request}/approve"), &[]).await.with(303);
    let sent = eventually("it is sent", async || {
        Some(office.get(there).await).filter(|page| page.says("支付平台还没有确认"))
    })
    .await;
    for word in ["退款中", "已发出，等支付平台确认", "系统查询结果", "可退</dt><dd>¥37.50"]
    {
        assert!(sent.says(word), "{word}: {}", sent.html);
    }
    assert!(!sent.says("成功") && !sent.says("已退到账"), "{}", sent.html);
    let number = world.rows.texts("SELECT refund_number FROM refund").await.remove(0);
    let ended = world.pay().end_refund(&number, RefundEnd::Succeed);
    ended.unwrap();
    let done = eventually("the payer has it", async || {
        Some(office.get(there).await).filter(|page| page.says("已退到账"))
    })
    .await;
    for word in
        ["一部分已原路退回付款人，其余在学生账户", "确认已退 ¥12.50", "finance（1002）已通过"]
    {
        assert!(done.says(word), "{word}: {}", done.html);
    }
    let list = office.get("/staff/orders?state=fulfilled").await.with(200);
    assert!(list.says("<small>已退 ¥12.50</small>"), "{}", list.html);
}

async fn what_is_wrong_with_a_request_stands_above_it(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let there = format!("{ORDERS}/{}", order["id"].as_str().unwrap());
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let form = office.get(&format!("{there}/ask")).await.with(200);
    let (id, all) = (form.field("form_id"), form.field("all_fen"));
    let send = async |part: &str, amount: &str, reason: &str| {
        let fields = [
            ("form_id", &*id),
            ("all_fen", &*all),
            ("back", "https://evil.example/"),
            ("part", part),
            ("amount", amount),
            ("reason", reason),
        ];
        office.submit(&form, &format!("{there}/ask"), &fields).await
    };
    let long = "长".repeat(81);
    for (part, amount, reason, status, text) in [
        ("some", "", "误充", 422, "请填写退款金额"),
        ("some", "1,0", "误充", 422, "请填写退款金额"),
        ("some", "50.01", "误充", 422, "超过可退金额"),
        ("all", "12.00", "误充", 422, "又填了部分退款的金额"),
        ("all", "", " ", 422, "请填写理由"),
        ("all", "", &*long, 422, "请填写理由"),
    ] {
        let page = send(part, amount, reason).await.with(status);
        assert!(page.says(text) && page.says("<title>错误："), "{text}: {}", page.html);
        assert!(page.says(&format!("name=\"amount\" value=\"{amount}\"")), "{}", page.html);
        assert!(page.says(&format!("name=\"reason\" value=\"{reason}\"")), "{}", page.html);
        assert_eq!(page.field("form_id"), id);
    }
    assert_eq!(world.rows.count("approval").await, 0);
    send("all", "", "误充").await.with(303);
    let other = office.get(&there).await.with(200);
    assert!(!other.says("evil.example"), "{}", other.html);
    let changed = send("some", "1", "误充").await;
    assert_eq!(changed.status, 422, "the same form is the same request: {}", changed.html);
    // Who ordered asks for no refund of their own.
    let (own, _) = Browser::of(&world, "own", "2301001", &["card_office"]).await;
    let page = own.get(&there).await.with(200);
    assert!(!page.says("/ask?"), "{}", page.html);
    // The auditor reads.
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    assert!(!auditor.get(&there).await.with(200).says("/ask?"));
    // An old second factor is asked for before the form is filled in.
    let ago = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(ago, [(11 * 60_000_000_i64).into()]).await;
    let away = office.get(&format!("{there}/ask")).await.with(303);
    assert!(away.location.starts_with("/staff/second-factor?next=/staff/orders/"));
}

async fn the_same_as_json(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let refund = refunded(&world, &order, 5000).await;
    let auditor = staff(&world, "he", "1004", "auditor").await;
    let id = order["id"].as_str().unwrap();
    let there = format!("/api/v1/staff/orders/{id}");
    let shown = eventually("the payer has it", async || {
        let shown = auditor.get(&there).await.body(200);
        (shown["standing"] == "back").then_some(shown)
    })
    .await;
    assert_eq!((&shown["state"], &shown["refundable_fen"]), (&json!("refunded"), &json!(0)));
    assert_eq!(shown["refunds"][0]["id"], refund["refund_id"]);
    assert_eq!(shown["refunds"][0]["standing"], "back");
    assert_eq!(shown["requests"][0]["state"], "approved");
    assert_eq!(shown["person_no"], "2301001");
    let list = auditor.get("/api/v1/staff/orders?state=refunded").await.body(200);
    assert_eq!(
        (&list["items"][0]["id"], &list["items"][0]["given_back_fen"]),
        (&json!(id), &json!(5000))
    );
    let name = list["items"][0]["person"].as_str().unwrap();
    assert!(name.starts_with('*') && shown["person"] == name, "{name}");
    let none = auditor.get("/api/v1/staff/orders?day=2026-01-01").await.body(200);
    assert_eq!((&none["items"], &none["next_cursor"]), (&json!([]), &Value::Null));
    let search = json!({ "number": end(id) });
    let found = auditor.post("/api/v1/staff/orders/search", &search).await.body(200);
    assert_eq!(found["items"], list["items"]);
    let short = json!({ "number": "1234567" });
    let short = auditor.post("/api/v1/staff/orders/search", &short).await;
    short.problem("too short", 422, "request_invalid");
    for filter in ["day=yesterday", "state=x", "purpose=x", "provider=x"] {
        let bad = auditor.get(&format!("/api/v1/staff/orders?{filter}")).await;
        bad.problem(filter, 422, "request_invalid");
    }
    let network = staff(&world, "net", "1003", "network_center").await;
    for path in ["/api/v1/staff/orders", &*there] {
        network.get(path).await.problem(path, 403, "staff_right_missing");
    }
    auditor.get(&format!("/api/v1/staff/orders/{}", fresh())).await.problem("", 404, "not_found");
}
