//! Decisions that are refused stay on the page of the request, with what was typed and who was first; those that
//! are made lead back to the list that one came from.

use super::browser::{Browser, Page};
use crate::{
    journey_money::refunds::spend,
    reconciliation::{
        office::{Office, noon_after},
        repairs::{Made, billed},
    },
    staff::whole_way::{staff, topped_up},
};
use onecard::reconciliation::BillSource;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{TestDb, World, now, on_each_database};

on_each_database!(
    a_refused_decision_stays_on_its_page,
    what_is_decided_about_is_on_the_page,
    one_returns_to_the_row_that_one_came_from,
    other_forms_that_are_refused_keep_what_was_typed,
);

const REASON: &str = "与收据不符";

/// A desk: a request at its page, who asked, and two who may decide.
struct Desk<'a> {
    name: &'a str,
    one: String,
    asker: &'a Browser,
    first: &'a Browser,
    second: &'a Browser,
    first_is: &'a str,
}

/// The form that asks about a person, sent with these fields; the request that follows.
async fn asked(browser: &Browser, path: &str, fields: &[(&str, &str)], list: &str) -> String {
    let mut page = browser.get(path).await.with(200);
    let id = page.field("form_id");
    let form = [fields, &[("form_id", id.as_str())]].concat();
    if path.ends_with("/adjust") {
        page = browser.submit(&page, path, &form).await.with(200);
        let seen = page.field("seen");
        let sure = [&form[..], &[("seen", seen.as_str())]].concat();
        browser.submit(&page, path, &sure).await.with(303);
    } else {
        browser.submit(&page, path, &form).await.with(303);
    }
    let found = browser.get(list).await.with(200);
    format!("{list}/{}", found.between(&format!("href=\"{list}/"), "?"))
}

async fn refund(world: &World) -> (String, Value) {
    let (_, order) = topped_up(world).await;
    let office = staff(world, "asker", "1009", "card_office").await;
    let body = json!({ "order_id": order["id"], "amount_fen": 3000, "reason": "误充" });
    let asked = office.ask("POST /api/v1/staff/refunds", "a", Some(&body)).await.body(201);
    (format!("/staff/approvals/refund/{}", asked["id"].as_str().unwrap()), order)
}

/// The request of `asker` to accept what a bill says otherwise of this order.
async fn repair(world: &World, order: &Value, asker: &Browser) -> String {
    let number = world.out_trade_no(order).await;
    let mut office = Office::open(world, noon_after(now().day())).await;
    let bill: Arc<dyn BillSource> = Arc::new(Made::of(vec![billed(world, &number, 5100)]));
    office.take_bills_from(bill);
    assert_eq!(office.compare("xnec", now().day()).await.unwrap().open_differences, 1);
    let day = world.rows.id("SELECT id FROM bill_day").await.to_string();
    let page = asker.get(&format!("/staff/reconciliation/{day}")).await.with(200);
    let to = page.between("action=\"/staff/reconciliation/differences/", "\"");
    let form_id = page.field("form_id");
    let fields = [("day", &*day), ("form_id", &*form_id), ("reason", "账单金额为准")];
    let to = format!("/staff/reconciliation/differences/{to}");
    asker.submit(&page, &to, &fields).await.with(303);
    let id = world.rows.id("SELECT id FROM approval WHERE kind = 'bill_repair'").await;
    format!("/staff/approvals/bill/{id}")
}

/// The request of an admin for another limit.
pub async fn limit(admin: &Browser) -> String {
    let form = admin.get("/staff/policy/edit").await.with(200);
    let (id, from) = (uuid::Uuid::now_v7().to_string(), now().day().to_string());
    let fields = [
        ("form_id", id.as_str()),
        ("base", "1"),
        ("from", &from),
        ("changes", "{\"limits.meal_fen\":3000}"),
        ("reason", "学校通知"),
    ];
    admin.submit(&form, "/staff/policy/propose", &fields).await.with(303).location
}

/// The page of the request again, with what is wrong above it and what was typed.
fn again(name: &str, page: Page, status: u16, says: &[&str]) {
    let page = page.with(status);
    assert!(page.says("<title>错误：") && page.says("class=\"wrong\""), "{name}: {}", page.html);
    assert!(page.says("<h2>经过</h2>"), "the same page, {name}: {}", page.html);
    for word in says {
        assert!(page.says(word), "{name}, {word}: {}", page.html);
    }
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn a_refused_decision_stays_on_its_page(db: &TestDb) {
    let world = World::start(db).await;
    let (refund, order) = refund(&world).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let (office2, _) = Browser::of(&world, "office2", "1004", &["card_office"]).await;
    let (office3, _) = Browser::of(&world, "office3", "1005", &["card_office"]).await;
    let (own, _) = Browser::of(&world, "own", "1009", &["finance"]).await;
    let (f1, _) = Browser::of(&world, "f1", "1002", &["finance"]).await;
    let (f2, _) = Browser::of(&world, "f2", "1003", &["finance"]).await;
    let (a1, _) = Browser::of(&world, "a1", "1011", &["admin"]).await;
    let (a2, _) = Browser::of(&world, "a2", "1012", &["admin"]).await;
    let (a3, _) = Browser::of(&world, "a3", "1013", &["admin"]).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", "2301001").await);
    let fields = [("way", "up"), ("amount", "12"), ("reason", "多扣")];
    let path = format!("{person}/adjust");
    // Who asks for it is of the desk that decides, under the same 工号.
    let adjustment = asked(&own, &path, &fields, "/staff/adjustments").await;
    let path = format!("{person}/password-reset");
    let reset = asked(&office, &path, &[("reason", "忘记")], "/staff/password-resets").await;
    let id = world.rows.id("SELECT id FROM staff_member WHERE login = 'office3'").await;
    let member = format!("/staff/staff/{id}");
    let shown = a1.get(&member).await.with(200);
    let form = shown.field("form_id");
    let fields = [("form_id", form.as_str()), ("reason", "手机丢失")];
    let factor = a1.submit(&shown, &format!("{member}/reset-factor"), &fields).await.with(303);
    let id = world.rows.id("SELECT id FROM staff_member WHERE login = 'office2'").await;
    let member = format!("/staff/staff/{id}");
    let shown = a1.get(&member).await.with(200);
    let (form, before) = (uuid::Uuid::now_v7().to_string(), shown.field("before"));
    let fields = [("form_id", &*form), ("before", &*before), ("finance", "on"), ("reason", "调岗")];
    let roles = a1.submit(&shown, &format!("{member}/roles"), &fields).await.with(303);
    let repair = Box::pin(repair(&world, &order, &own)).await;
    let limit = limit(&a1).await;
    let desk = |name, one: &str, [asker, first, second]: [&'static str; 3]| {
        let browser = |login| match login {
            "office" => &office,
            "office2" => &office2,
            "office3" => &office3,
            "own" => &own,
            "f1" => &f1,
            "f2" => &f2,
            "a1" => &a1,
            "a2" => &a2,
            _ => &a3,
        };
        let [asker, one_is, two_is] = [asker, first, second].map(browser);
        Desk { name, one: one.to_owned(), asker, first: one_is, second: two_is, first_is: first }
    };
    let desks = [
        desk("refund", &refund, ["own", "f1", "f2"]),
        desk("adjustment", &adjustment, ["own", "f1", "f2"]),
        desk("reset", &reset, ["office", "office2", "office3"]),
        desk("member", &factor.location, ["a1", "a2", "a3"]),
        desk("roles", &roles.location, ["a1", "a2", "a3"]),
        desk("repair", &repair, ["own", "f1", "f2"]),
        desk("policy", &limit, ["a1", "a2", "a3"]),
    ];
    for desk in &desks {
        refused_in_all_ways(desk).await;
    }
}

/// Own, too long, and decided meanwhile.
async fn refused_in_all_ways(desk: &Desk<'_>) {
    let Desk { name, one, asker, first, second, first_is } = desk;
    let [approve, reject] = ["approve", "reject"].map(|act| format!("{one}/{act}"));
    let own = asker.get(one).await.with(200);
    let remark = [("reason", REASON), ("seen", "5000")];
    again(name, asker.submit(&own, &approve, &remark).await, 403, &[REASON]);
    let page = second.get(one).await.with(200);
    let long = "长".repeat(201);
    for act in [&approve, &reject] {
        let refused = second.submit(&page, act, &[("reason", &*long), ("seen", "5000")]).await;
        let field = if *act == approve { "href=\"#remark\"" } else { "href=\"#why\"" };
        again(name, refused, 422, &[&format!("value=\"{long}\""), field]);
    }
    first.submit(&page_of(first, one).await, &reject, &[("reason", "不给")]).await.with(303);
    let late = second.submit(&page, &approve, &remark).await;
    let who = format!("{first_is}（工号 ");
    again(name, late, 409, &[&who, "）已驳回，", REASON, "该申请已处理或已过期"]);
    let late = asker.submit(&own, &format!("{one}/withdraw"), &[]).await;
    again(name, late, 409, &[&who]);
}

async fn page_of(browser: &Browser, path: &str) -> Page {
    browser.get(path).await.with(200)
}

async fn what_is_decided_about_is_on_the_page(db: &TestDb) {
    let world = World::start(db).await;
    let (one, _) = refund(&world).await;
    let (finance, _) = Browser::of(&world, "f1", "1002", &["finance"]).await;
    let page = finance.get(&one).await.with(200);
    for word in ["href=\"/staff/orders/", "**雨（2301001）", "渠道", "可退", "¥50.00", "现有余额"]
    {
        assert!(page.says(word), "{word}: {}", page.html);
    }
    spend(&world, 3200).await;
    let approve = format!("{one}/approve");
    let short = finance.submit(&page, &approve, &[("reason", REASON)]).await;
    let kept = format!("value=\"{REASON}\"");
    again("spent", short, 409, &["余额不足，差 ¥12.00", &kept, "¥18.00"]);
}

async fn one_returns_to_the_row_that_one_came_from(db: &TestDb) {
    let world = World::start(db).await;
    let (one, _) = refund(&world).await;
    let (finance, _) = Browser::of(&world, "f1", "1002", &["finance"]).await;
    let list = finance.get("/staff/approvals?desk=refund&state=requested&mine=no").await.with(200);
    let path = list.between("<td role=\"cell\" data-head=\"类型\"><a href=\"", "\"");
    let path = path.replace("&#38;", "&");
    assert!(path.starts_with(&format!("{one}?back=")), "{path}");
    let page = finance.get(&path).await.with(200);
    let back = page.field("back").replace("&#38;", "&");
    assert!(back.contains("state=requested") && back.contains("#a"), "{back}");
    let [approve, reject] = ["approve", "reject"].map(|act| format!("{one}/{act}"));
    // What is refused on the way keeps it.
    let refused = finance.submit(&page, &reject, &[("reason", " "), ("back", &*back)]).await;
    assert_eq!(refused.with(422).field("back").replace("&#38;", "&"), back);
    let done = finance.submit(&page, &approve, &[("back", &*back)]).await.with(303);
    assert_eq!(done.location, back);
    for elsewhere in ["https://evil.example/", "//evil.example/staff/", "/api/v1/"] {
        let done = finance.submit(&page, &approve, &[("back", elsewhere)]).await.with(303);
        assert_eq!(done.location, one, "{elsewhere}");
    }
}

async fn other_forms_that_are_refused_keep_what_was_typed(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let (admin, _) = Browser::of(&world, "a1", "1011", &["admin"]).await;
    let doors = office.get("/staff/doors").await.with(200);
    let fields = [("student_no", "2301001"), ("group", "西门"), ("until", ""), ("hours", "x")];
    let form = [&fields[..], &[("reason", REASON)]].concat();
    let page = office.submit(&doors, "/staff/doors/rights", &form).await.with(422);
    assert!(page.says("<title>错误：") && page.says("授予权限"), "{}", page.html);
    for kept in ["2301001", "西门", "x", REASON] {
        assert!(page.says(&format!("value=\"{kept}\"")), "{kept}: {}", page.html);
    }
    let id = world.rows.id("SELECT id FROM staff_member WHERE login = 'office'").await;
    let member = format!("/staff/staff/{id}");
    let shown = admin.get(&member).await.with(200);
    let long = "长".repeat(81);
    for (act, word) in [("disable", "停用 office"), ("end-sessions", "结束 office 的全部登录")]
    {
        let path = format!("{member}/{act}");
        let page = admin.submit(&shown, &path, &[("reason", &*long)]).await.with(422);
        let title = format!("<title>错误：{word}");
        assert!(page.says(&title) && page.says("href=\"#reason\""), "{}", page.html);
        assert_eq!(page.html.matches(&long).count(), 1, "{act}: {}", page.html);
    }
}
