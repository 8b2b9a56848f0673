//! The audit log at a browser: who reads what of it.

use super::browser::Browser;
use crate::staff::whole_way::{staff, topped_up};
use onecard::{base::clock::SystemClock, ledger::seal::seal_all};
use serde_json::json;
use testkit::{TestDb, World, eventually, on_each_database};

on_each_database!(
    each_role_reads_its_part,
    the_log_is_filtered_and_exported,
    the_ends_of_both_chains_are_shown_whole,
    refusals_are_read_as_sentences,
    a_kind_goes_before_an_act,
);

const AUDIT: &str = "/staff/audit";

async fn each_role_reads_its_part(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let office = staff(&world, "office", "1001", "card_office").await;
    let body = json!({ "order_id": order["id"], "amount_fen": 1200, "reason": "误充" });
    office.ask("POST /api/v1/staff/refunds", "a", Some(&body)).await.body(201);
    let school = world.rows.school("hbkj").await;
    crate::staff::support::add(&world.db, school, ("elsewhere", "9", &["admin"])).await;
    let (finance, _) = Browser::of(&world, "finance", "1002", &["finance"]).await;
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let (admin, _) = Browser::of(&world, "boss", "1005", &["admin"]).await;
    // Who reads it; what they read of, and what not.
    let cases: [(&Browser, &str, &[&str], &[&str]); 3] = [
        (&finance, "您自己的记录", &["finance（1002）"], &["office（1001）", "he（1004）"]),
        (
            &admin,
            "工作人员和政策的记录、拒绝的记录，以及您自己的",
            &["finance（1002）", "office（1001）", "新增账号"],
            &["申请 …", "退款 ¥12.00"],
        ),
        (
            &auditor,
            "本校的全部记录",
            &["finance（1002）", "boss（1005）", "申请", "退款 ¥12.00", "误充", "登录"],
            &[],
        ),
    ];
    for (browser, scope, read, not) in cases {
        let page = browser.get(AUDIT).await.with(200);
        assert!(page.says(scope), "{scope}: {}", page.html);
        for text in read {
            assert!(page.says(text), "{scope}: {text}: {}", page.html);
        }
        for text in not.iter().chain(&["elsewhere"]) {
            assert!(!page.says(text), "{scope}: {text}: {}", page.html);
        }
    }
    // A filter does not widen it.
    let others = finance.get("/staff/audit?who=office").await.with(200);
    assert!(others.says("没有符合条件的记录。"), "{}", others.html);
    let others = finance.get("/staff/audit?kind=approvals").await.with(200);
    assert!(others.says("没有符合条件的记录。"), "{}", others.html);
    let json = office.get("/api/v1/staff/audit").await.body(200);
    let who = |one: &serde_json::Value| one["who"] == "staff office, no. 1001";
    assert!(json["items"].as_array().unwrap().iter().all(who), "{json}");
    assert_eq!(json["items"][0]["act"], "approval.asked");
}

async fn the_log_is_filtered_and_exported(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let office = staff(&world, "office", "1001", "card_office").await;
    let reason = "=1+1<script>";
    let body = json!({ "order_id": order["id"], "amount_fen": 1200, "reason": reason });
    let asked = office.ask("POST /api/v1/staff/refunds", "a", Some(&body)).await.body(201);
    let id = asked["id"].as_str().unwrap();
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let path = format!("{AUDIT}?kind=approvals&who=office&object={id}");
    let page = auditor.get(&path).await.with(200);
    let link = format!("href=\"/staff/approvals/refund/{id}\"");
    for text in ["1 条", "类别：申请与复核", "谁：office", &link, "退款 ¥12.00", "=1+1&#60;script"]
    {
        assert!(page.says(text), "{text}: {}", page.html);
    }
    // A login is one login: its beginning is another's.
    let none = auditor.get("/staff/audit?who=offic").await.with(200);
    assert!(none.says("没有符合条件的记录。"), "{}", none.html);
    for no_wildcard in ["%25", "_", "%5C"] {
        let none = auditor.get(&format!("/staff/audit?object={no_wildcard}")).await.with(200);
        assert!(none.says("没有符合条件的记录。"), "{no_wildcard}: {}", none.html);
    }
    for bad in ["kind=x", "after=x", "sort=x"] {
        auditor.get(&format!("{AUDIT}?{bad}")).await.with(422);
    }
    let export = format!("/staff/audit/export?kind=approvals&object={id}");
    let file = auditor.submit(&page, &export, &[("format", "csv")]).await.with(200);
    assert_eq!(file.html.lines().count(), 2, "{}", file.html);
    assert!(
        file.says(",office（1001）,申请,申请 …") && file.says(",'=1+1<script>"),
        "{}",
        file.html
    );
    let told = "SELECT detail FROM audit_entry WHERE act = 'audit.exported'";
    let told = world.rows.texts(told).await;
    assert_eq!(told, [format!("csv: 1 entries, 类别：申请与复核, 对象：{id}")]);
    // Page by page, each entry once.
    let count = "SELECT COUNT(*) FROM audit_entry e JOIN school s ON s.id = e.school_id \
                 WHERE s.code = 'xnec'";
    let all = auditor.get(AUDIT).await.with(200);
    assert!(all.says(&format!("<p>{} 条</p>", world.rows.number(count).await)), "{}", all.html);
}

async fn the_ends_of_both_chains_are_shown_whole(db: &TestDb) {
    let world = World::start(db).await;
    topped_up(&world).await;
    seal_all(&world.db, &SystemClock).await.unwrap();
    let auditor = staff(&world, "he", "1004", "auditor").await;
    let (page, _) = Browser::of(&world, "he2", "1005", &["auditor"]).await;
    let json = auditor.get("/api/v1/staff/audit/heads").await.body(200);
    let entries = "SELECT MAX(position) FROM audit_entry";
    assert_eq!(json["log"]["position"], world.rows.number(entries).await);
    let shown = page.get("/staff/audit/heads").await.with(200);
    let sealed = json["ledger"]["hash"].as_str().unwrap();
    assert_eq!(sealed.len(), 64);
    assert!(shown.says(sealed), "{}", shown.html);
    assert!(page.get(AUDIT).await.with(200).says("href=\"/staff/audit/heads\""));
}

async fn refusals_are_read_as_sentences(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let office = staff(&world, "office", "1001", "card_office").await;
    let body = json!({ "order_id": order["id"], "amount_fen": 1200, "reason": "误充" });
    let asked = office.ask("POST /api/v1/staff/refunds", "a", Some(&body)).await.body(201);
    let refund = format!("/staff/approvals/refund/{}", asked["id"].as_str().unwrap());
    // The same person under another login, who decides; and somebody who may not look.
    let (own, _) = Browser::of(&world, "own", "1001", &["finance"]).await;
    let (admin, _) = Browser::of(&world, "boss", "1005", &["admin"]).await;
    own.get("/staff/staff").await.with(403);
    let page = own.get(&refund).await.with(200);
    // Refused on its own page: no error, and a refusal all the same.
    own.submit(&page, &format!("{refund}/approve"), &[("reason", "")]).await.with(403);
    // A form of another session is a mistake.
    own.send(&format!("{refund}/approve"), &[("csrf", "x".to_owned())]).await.with(403);
    let log = format!("{AUDIT}?kind=refusals");
    let shown = eventually("the refusals are told", async || {
        let page = admin.get(&log).await.with(200);
        (page.says("须由另一人复核") && page.says("没有此项权限")).then_some(page)
    });
    let shown = shown.await;
    for text in [
        "<p>2 条</p>",
        "类别：拒绝与登录失败",
        "own（1001）",
        "被拒绝 工作人员，查看",
        "被拒绝 退款和对账差异申请，通过",
    ] {
        assert!(shown.says(text), "{text}: {}", shown.html);
    }
    let export = "/staff/audit/export?kind=refusals";
    let file = admin.submit(&shown, export, &[("format", "csv")]).await.with(200);
    for text in ["own（1001）,被拒绝,工作人员，查看", "没有此项权限"] {
        assert!(file.says(text), "{text}: {}", file.html);
    }
    assert!(own.get(&log).await.with(200).says("<p>2 条</p>"), "their own");
}

/// What stands above the list is what the list is of.
async fn a_kind_goes_before_an_act(db: &TestDb) {
    let world = World::start(db).await;
    let (admin, _) = Browser::of(&world, "boss", "1005", &["admin"]).await;
    let act = "act=person.revealed_often";
    let one = admin.get(&format!("{AUDIT}?{act}")).await.with(200);
    assert!(one.says("做了什么：") && one.says("name=\"act\""), "{}", one.html);
    assert!(one.says("没有符合条件的记录。"), "{}", one.html);
    // The form of that page, with a kind that was chosen.
    let kind = admin.get(&format!("{AUDIT}?kind=staff&{act}")).await.with(200);
    assert!(kind.says("类别：工作人员") && kind.says("新增账号"), "{}", kind.html);
    assert!(!kind.says("做了什么：") && !kind.says("name=\"act\""), "{}", kind.html);
    admin.get(&format!("{AUDIT}?kind=staff&act=x")).await.with(422);
}
