//! 异常 at a browser: the list, one case, its forms, and what is wrong with them.

use super::browser::{Browser, Page};
use crate::{
    journey_money::refunds::open_cases,
    staff::{
        cases::{open, two},
        whole_way::{staff, topped_up},
    },
};
use onecard::orders::purpose::Purpose;
use sandbox::wechat_pay::RefundMode;
use serde_json::json;
use testkit::{TestDb, World, eventually, on_each_database};

on_each_database!(
    a_case_is_found_and_taken,
    a_case_is_taken_over_and_ended,
    what_changed_meanwhile_is_said_and_the_text_kept,
    markup_in_a_case_is_text,
    a_refund_is_ended_from_its_case,
    a_refund_that_is_asked_for_leads_back_to_its_case,
    a_list_is_its_address,
    today_counts_cases,
);

const CASES: &str = "/staff/cases";

fn version(page: &Page) -> String {
    page.field("version")
}

async fn take(browser: &Browser, path: &str) -> Page {
    let page = browser.get(path).await.with(200);
    browser.submit(&page, &format!("{path}/take"), &[("version", &version(&page))]).await
}

async fn a_case_is_found_and_taken(db: &TestDb) {
    let world = World::start(db).await;
    let [id, _] = two(&world).await;
    let (li, _) = Browser::of(&world, "li", "1001", &["finance"]).await;
    let list = li.get(&format!("{CASES}?kind=no_order")).await.with(200);
    for text in
        ["没有订单的收款", "¥50.00", "未接手", "1 项，最早 0 分钟前", "种类：没有订单的收款"]
    {
        assert!(list.says(text), "{text}: {}", list.html);
    }
    let path = list.between("role=\"row\" id=\"c", "</tr>");
    let path = path.split_once("href=\"").unwrap().1.split_once('"').unwrap().0;
    let page = li.get(path).await.with(200);
    for text in
        ["接手：没有人", "商户收到一笔钱", "微信支付", "4200", "到支付平台处理", "elsewhere"]
    {
        assert!(page.says(text), "{text}: {}", page.html);
    }
    assert!(!page.says("/resolve\"") && !page.says("/release\""), "{}", page.html);
    let back = page.field("back").replace("&#38;", "&");
    let form = [("version", "0"), ("back", back.as_str())];
    let one = format!("{CASES}/{id}");
    let taken = li.submit(&page, &format!("{one}/take"), &form).await.with(303);
    // The same button twice.
    li.submit(&page, &format!("{one}/take"), &form).await.with(303);
    let page = li.follow(&taken).await.with(200);
    assert!(page.says("已接手") && page.says("接手：您 ") && page.says("处理中"), "{}", page.html);
    let form = [("version", "1"), ("back", back.as_str())];
    let released = li.submit(&page, &format!("{one}/release"), &form).await.with(303);
    assert!(released.location.starts_with(&format!("{CASES}?kind=no_order")));
    assert!(li.follow(&released).await.says("已放回"));
}

/// Another is told who has it, and may take it over with a reason.
async fn a_case_is_taken_over_and_ended(db: &TestDb) {
    let world = World::start(db).await;
    let [id, _] = two(&world).await;
    let (li, _) = Browser::of(&world, "li", "1001", &["finance"]).await;
    let (wang, _) = Browser::of(&world, "wang", "1002", &["card_office"]).await;
    let one = format!("{CASES}/{id}");
    take(&li, &one).await.with(303);
    let page = li.get(&one).await.with(200);
    let theirs = wang.get(&one).await.with(200);
    assert!(theirs.says("接手：li（1001）") && !theirs.says("/resolve\""), "{}", theirs.html);
    let late = wang.submit(&theirs, &format!("{one}/take"), &[("version", "1")]).await.with(409);
    assert!(late.says("这项异常由另一人处理中") && late.says("li（1001）处理中"), "{}", late.html);
    let empty = [("version", "1"), ("reason", " ")];
    let empty = wang.submit(&theirs, &format!("{one}/take-over"), &empty).await.with(422);
    assert!(empty.says("请填写接管的理由"), "{}", empty.html);
    let over = [("version", "1"), ("reason", "李娜请假")];
    let over = wang.submit(&theirs, &format!("{one}/take-over"), &over).await.with(303);
    let own = wang.follow(&over).await.with(200);
    assert!(own.says("接手：您") && own.says("原接手人 li（1001）：李娜请假"), "{}", own.html);
    // What li wrote meanwhile is not lost.
    let text = [("version", "1"), ("text", "已与银行核对")];
    let refused = li.submit(&page, &format!("{one}/resolve"), &text).await.with(409);
    assert!(refused.says("wang（1002）处理中") && refused.says("您填写的说明：已与银行核对"));
    let end = [("version", "2"), ("text", "与商户平台核对，已退回")];
    let ended = wang.submit(&own, &format!("{one}/resolve"), &end).await.with(303);
    assert!(wang.follow(&ended).await.with(200).says("已办结"));
    let page = li.get(&one).await.with(200);
    assert!(
        page.says("已结") && page.says("wang（1002）：与商户平台核对，已退回"),
        "{}",
        page.html
    );
    assert!(page.says("wang（1002） 办结：与商户平台核对，已退回"), "{}", page.html);
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let log = auditor.get("/staff/audit?kind=cases").await.with(200);
    for text in ["接手异常", "接管异常", "办结异常", "没有订单的收款 ¥50.00，原接手人 li（1001）"]
    {
        assert!(log.says(text), "{text}: {}", log.html);
    }
}

/// The cause of a case ends while somebody fills in its form; and a second factor is too old.
async fn what_changed_meanwhile_is_said_and_the_text_kept(db: &TestDb) {
    let world = World::start(db).await;
    let [id, _] = two(&world).await;
    let (li, _) = Browser::of(&world, "li", "1001", &["finance"]).await;
    let one = format!("{CASES}/{id}");
    take(&li, &one).await.with(303);
    let page = li.get(&one).await.with(200);
    let text = [("version", "1"), ("text", "已与银行核对")];
    // It was found again, with other figures.
    let again = "UPDATE review_case SET detail = '¥60.00 of elsewhere', version = version + 1 \
                 WHERE kind = 'payment'";
    world.rows.change(again, []).await;
    let old = li.submit(&page, &format!("{one}/resolve"), &text).await.with(409);
    assert!(old.says("错误：") && old.says("这项异常有了变化"), "{}", old.html);
    assert!(old.says("value=\"已与银行核对\"") && version(&old) == "2", "{}", old.html);
    let past = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(past, [601_000_000_i64.into()]).await;
    let text = [("version", "2"), ("text", "已与银行核对")];
    let late = li.submit(&old, &format!("{one}/resolve"), &text).await.with(403);
    assert!(
        late.says("value=\"已与银行核对\"") && late.says("/staff/second-factor?next=/staff/cases/")
    );
    let closed = "UPDATE review_case SET closed_at = opened_at, version = version + 1 \
                  WHERE kind = 'payment'";
    world.rows.change(closed, []).await;
    world.change(past, [(-601_000_000_i64).into()]).await;
    let over = li.submit(&old, &format!("{one}/resolve"), &text).await.with(409);
    for said in ["这项异常已结束", "系统结束", "您填写的说明：已与银行核对", "已结"]
    {
        assert!(over.says(said), "{said}: {}", over.html);
    }
    li.get(&format!("{CASES}/01931c7e-0000-7000-8000-000000000000")).await.with(404);
}

async fn markup_in_a_case_is_text(db: &TestDb) {
    let world = World::start(db).await;
    let markup = "<script>alert(1)</script>";
    let cases = [("payment", format!("no_order:wechat_pay:m:{markup}"), "¥1.00 of <b>x</b>")];
    let [id] = open(&world, &cases).await.try_into().unwrap();
    let (li, _) = Browser::of(&world, "li", "1001", &["finance"]).await;
    let one = format!("{CASES}/{id}");
    take(&li, &one).await.with(303);
    let page = li.get(&one).await.with(200);
    let long = format!("{markup}{}", "x".repeat(200));
    let text = [("version", "1"), ("text", long.as_str())];
    let wrong = li.submit(&page, &format!("{one}/resolve"), &text).await.with(422);
    let text = [("version", "1"), ("text", markup)];
    li.submit(&page, &format!("{one}/resolve"), &text).await.with(303);
    for page in [page, wrong, li.get(&one).await, li.get("/staff/audit").await] {
        assert!(!page.says("<script") && !page.says("<b>x"), "{}", page.html);
    }
    let list = li.get(&format!("{CASES}?state=closed")).await.with(200);
    let file =
        li.submit(&list, &format!("{CASES}/export?state=closed"), &[("format", "csv")]).await;
    assert!(file.with(200).says(&format!(",li,{markup}")));
}

/// A refund of ¥30 that the provider refuses, sent two minutes ago; returns who was paid back nothing.
async fn refused(world: &World) -> testkit::Student {
    let (student, order) = topped_up(world).await;
    let asks = staff(world, "asks", "1001", "finance").await;
    let approves = staff(world, "approves", "1002", "finance").await;
    world.pay().set_refund_mode(RefundMode::NotEnough);
    let body = json!({ "order_id": order["id"], "amount_fen": 3000, "reason": "误充" });
    let asked = asks.ask("POST /api/v1/staff/refunds", "ask", Some(&body)).await.body(201);
    let approve = format!("/api/v1/staff/refunds/{}/approve", asked["id"].as_str().unwrap());
    approves.post(&approve, &json!({})).await.body(200);
    eventually("it is refused", async || {
        open_cases(world).await.contains(&"refund_refused".to_owned()).then_some(())
    })
    .await;
    world.rows.change("UPDATE outbox SET due_at = due_at + 3600000000", []).await;
    world.rows.change("UPDATE refund SET sent_at = sent_at - 130000000", []).await;
    student
}

async fn a_refund_is_ended_from_its_case(db: &TestDb) {
    let world = World::start(db).await;
    let student = refused(&world).await;
    let (office, _) = Browser::of(&world, "office", "1003", &["card_office"]).await;
    let (finance, _) = Browser::of(&world, "finance", "1004", &["finance"]).await;
    let id = world.rows.id("SELECT id FROM review_case").await;
    let one = format!("{CASES}/{id}");
    let page = office.get(&one).await.with(200);
    let end = |reason| [("form_id", "01931c7e-0000-7000-8000-000000000001"), ("reason", reason)];
    let path = format!("{one}/end-refund");
    let early = office.submit(&page, &path, &end("余额不足")).await.with(409);
    assert!(early.says("请先接手这项异常"), "{}", early.html);
    take(&office, &one).await.with(303);
    let page = office.get(&one).await.with(200);
    for text in
        ["支付平台拒绝退款", "申请终止退款 ¥30.00？", "学生账户已扣，在退款户", "/staff/orders/"]
    {
        assert!(page.says(text), "{text}: {}", page.html);
    }
    assert!(page.says("退款的钱还没有着落") && !page.says("/resolve\""), "{}", page.html);
    let empty = office.submit(&page, &path, &end(" ")).await.with(422);
    assert!(empty.leads_to_its_fields(), "{}", empty.html);
    let asked = office.submit(&page, &path, &end("余额不足")).await.with(303);
    office.submit(&page, &path, &end("余额不足")).await.with(303);
    let page = office.follow(&asked).await.with(200);
    assert!(page.says("待复核") && page.says("office（1003） 申请终止退款 ¥30.00：余额不足"));
    assert_eq!(world.rows.count("approval WHERE kind = 'refund_end'").await, 1);
    assert!(office.get(&format!("{CASES}?state=review")).await.with(200).says("支付平台拒绝退款"));
    let request = page.between("<ul class=\"lines\"><li><a href=\"", "\"");
    let last = page.html.rsplit("/staff/approvals/refund/").next().unwrap();
    let last = format!("/staff/approvals/refund/{}", last.split('"').next().unwrap());
    assert!(request.starts_with("/staff/approvals/refund/"));
    let decide = finance.get(&last).await.with(200);
    finance.submit(&decide, &format!("{last}/approve"), &[]).await.with(303);
    let page = office.get(&one).await.with(200);
    assert!(page.says("已结") && page.says("系统结束：所涉的事已经了结"), "{}", page.html);
    assert_eq!(student.balances().await[3], 5000);
    world.assert_books(5000).await;
}

/// An order was paid that nobody can fulfil: its case proposes a refund.
async fn a_refund_that_is_asked_for_leads_back_to_its_case(db: &TestDb) {
    let world = World::start(db).await;
    let order = world.student(0).await.order(5000, "first").await.body(201);
    let id = world.rows.literal(order["id"].as_str().unwrap());
    let other = Purpose::ALL.into_iter().find(|one| *one != Purpose::CardTopUp).unwrap();
    let other = format!("UPDATE orders SET purpose = '{}' WHERE id = {id}", other.code());
    assert_eq!(world.change(&other, []).await, 1);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    let (office, _) = Browser::of(&world, "office", "1003", &["card_office"]).await;
    let one = format!("{CASES}/{}", world.rows.id("SELECT id FROM review_case").await);
    take(&office, &one).await.with(303);
    let page = office.get(&one).await.with(200);
    let way = page.between("<a class=\"act\" href=\"", "\"");
    let form = office.get(&way).await.with(200);
    let [form_id, all, back] = ["form_id", "all_fen", "back"].map(|name| form.field(name));
    let fields =
        [("form_id", &*form_id), ("all_fen", &*all), ("back", &*back), ("reason", "不能办理")];
    let ask = way.split('?').next().unwrap();
    let asked = office.submit(&form, ask, &fields).await.with(303);
    assert_eq!(asked.location, format!("{one}?back={CASES}"));
    assert!(office.follow(&asked).await.with(200).says("待复核"));
}

async fn a_list_is_its_address(db: &TestDb) {
    let world = World::start(db).await;
    let cases: Vec<_> = (0..120)
        .map(|nth| ("payment", format!("no_order:wechat_pay:m:{nth}"), "¥50.00 of elsewhere"))
        .collect();
    let ids = open(&world, &cases).await;
    let ends: Vec<String> = ids.iter().map(|id| id.simple().to_string()[24..].to_owned()).collect();
    let (he, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let shown = |page: &Page| -> Vec<String> {
        let rows = page.html.split("role=\"row\" id=\"c").skip(1);
        rows.map(|row| row.split('"').next().unwrap().to_owned()).collect()
    };
    let way = |page: &Page, rel: &str| {
        let before = page.html.split(&format!("\" rel=\"{rel}\"")).next().unwrap();
        before.rsplit("href=\"").next().unwrap().replace("&#38;", "&")
    };
    let first = he.get(&format!("{CASES}?state=free")).await.with(200);
    assert_eq!(shown(&first), ends[..50]);
    assert!(first.says("120 项") && !first.says("rel=\"prev\""), "{}", first.html);
    let second = he.get(&way(&first, "next")).await.with(200);
    assert_eq!(shown(&second), ends[50..100]);
    let third = he.get(&way(&second, "next")).await.with(200);
    assert_eq!(shown(&third), ends[100..]);
    let back = he.get(&way(&third, "prev")).await.with(200);
    assert_eq!(shown(&back), ends[50..100]);
    // From a case back to the page and row that it was on; an auditor is offered nothing.
    let path = second.between(&format!("id=\"c{}\"", ends[60]), "</tr>");
    let path = path.split_once("href=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let one = he.get(&path).await.with(200);
    let back = one.html.rsplit("<p class=\"pages\"><a href=\"").next().unwrap();
    let back = back.split('"').next().unwrap().replace("&#38;", "&");
    let (list, anchor) = back.split_once('#').unwrap();
    assert_eq!(shown(&he.get(list).await), ends[50..100]);
    assert_eq!(anchor, format!("c{}", ends[60]));
    assert!(!one.says("/take\"") && !one.says("/resolve\""), "{}", one.html);
    for bad in ["state=x", "kind=x", "mine=me", "after=x"] {
        he.get(&format!("{CASES}?{bad}")).await.with(422);
    }
    let file = he.submit(&first, &format!("{CASES}/export?state=free"), &[("format", "csv")]).await;
    let file = file.with(200);
    assert_eq!(file.html.lines().count(), 121);
    assert!(file.says(",没有订单的收款,50.00,未接手,"), "{}", file.html);
    let told = "SELECT subject || ' ' || detail FROM audit_entry WHERE act = 'cases.exported'";
    assert_eq!(world.rows.texts(told).await, ["cases csv: 120 cases, state free"]);
}

async fn today_counts_cases(db: &TestDb) {
    let world = World::start(db).await;
    let cases: Vec<_> = (0..1001)
        .map(|nth| ("payment", format!("no_order:wechat_pay:m:{nth}"), "¥50.00 of elsewhere"))
        .collect();
    let ids = open(&world, &cases).await;
    let (li, _) = Browser::of(&world, "li", "1001", &["finance"]).await;
    let (network, _) = Browser::of(&world, "net", "1002", &["network_center"]).await;
    let today = li.get("/staff").await.with(200);
    assert!(today.says("异常未接手") && today.says("<strong>1,000+</strong>"), "{}", today.html);
    assert!(!today.says("异常您接手") && network.get("/staff").await.says("现在没有等您处理的事"));
    take(&li, &format!("{CASES}/{}", ids[3])).await.with(303);
    let hours = "UPDATE review_case SET opened_at = opened_at - 7200000000";
    world.rows.change(hours, []).await;
    let today = li.get("/staff").await.with(200);
    assert!(today.says("<strong>1,000</strong><small>最早 2 小时前</small>"), "{}", today.html);
    let tile = today.between("href=\"/staff/cases?mine=yes\"", "</li>");
    assert!(tile.contains("异常您接手") && tile.contains("<strong>1</strong>"), "{tile}");
    let mine = li.get(&format!("{CASES}?mine=yes")).await.with(200);
    assert!(mine.says("1 项") && mine.says("您接手的") && mine.says("处理中"), "{}", mine.html);
}
