//! Lists as files: short ones at once, long ones as jobs.

use super::{
    browser::{Browser, Page},
    order_lists::{paid, write},
    people::listed,
};
use crate::staff::whole_way::staff;
use onecard::base::ids::uuid_at;
use serde_json::json;
use std::fmt::Write;
use testkit::{TestDb, World, eventually, now, on_each_database};

on_each_database!(
    a_long_list_is_a_job_and_its_file_is_the_askers,
    people_are_taken_away_by_the_card_office_alone,
    a_job_ends_as_what_came_of_it,
    jobs_are_bounded,
    what_a_newer_release_wrote_is_unknown_and_blocks_nothing,
);

const ORDERS: &str = "/staff/orders";
const EXPORTS: &str = "/staff/exports";

/// The page of a job when it has ended.
async fn ended(browser: &Browser, path: &str) -> Page {
    eventually("the job ends", async || {
        let page = browser.get(path).await.with(200);
        (!page.says("正在导出")).then_some(page)
    })
    .await
}

async fn a_long_list_is_a_job_and_its_file_is_the_askers(db: &TestDb) {
    let world = World::start(db).await;
    write(&world, &paid(5000, "fulfilled")).await;
    let (finance, _) = Browser::of(&world, "li", "1002", &["finance"]).await;
    let page = finance.get(ORDERS).await.with(200);
    assert!(page.says("1,000+ 笔"), "{}", page.html);
    let all = finance.submit(&page, "/staff/orders/export", &[("format", "csv")]).await.with(200);
    assert_eq!(all.html.lines().count(), 5001, "so many are one file at once");
    write(&world, &paid(1, "closed")).await;
    let told = "SELECT detail FROM audit_entry WHERE act = 'orders.exported' ORDER BY position";
    for format in ["csv", "xlsx"] {
        let sent = finance.submit(&page, "/staff/orders/export", &[("format", format)]).await;
        let path = sent.with(303).location;
        let done = ended(&finance, &path).await;
        assert!(done.says("可以下载") && done.says("<dd>5001</dd>"), "{}", done.html);
        assert!(!done.headers.contains_key("refresh"), "it looks again while the job runs alone");
        let file = finance.get(&format!("{path}/file")).await.with(200);
        if format == "csv" {
            let lines: Vec<&str> = file.html.split("\r\n").collect();
            assert!(lines[0].starts_with("单号,时间,人"), "{}", lines[0]);
            assert_eq!((lines.len(), lines[5002]), (5003, ""), "a header and all orders");
        }
        let name = file.headers["content-disposition"].clone();
        assert!(name.ends_with(&format!(".{format}\"")), "{name}");
        let (other, _) =
            Browser::of(&world, format, &format!("20-{}", format.len()), &["finance"]).await;
        for path in [path.clone(), format!("{path}/file")] {
            other.get(&path).await.with(404);
        }
        assert!(other.get(EXPORTS).await.with(200).says("还没有导出"));
    }
    let told = world.rows.texts(told).await;
    assert_eq!(told, ["csv: 5000 orders", "csv: 5001 orders", "xlsx: 5001 orders"]);
    let mine = finance.get(EXPORTS).await.with(200);
    assert!(mine.says("订单（csv）") && mine.says("订单（xlsx）"), "{}", mine.html);
}

async fn people_are_taken_away_by_the_card_office_alone(db: &TestDb) {
    let world = World::start(db).await;
    let rows = "0009001,=1+1,,,student,=系,=班,\n0009002,欧阳 木,,,temporary,,,\n";
    listed(&world, "xnec", rows).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let page = office.get("/staff/people?class=%3D%E7%8F%AD").await.with(200);
    let path = page.between("<form class=\"inline\" method=\"post\" action=\"", "\"");
    let csv = office.submit(&page, &path, &[("format", "csv")]).await.with(200);
    let lines: Vec<&str> = csv.html.split("\r\n").collect();
    assert_eq!(lines.len(), 3, "{}", csv.html);
    assert!(lines[0].starts_with("学号或工号,姓名,类别"), "{}", csv.html);
    assert!(lines[1].starts_with("0009001,") && lines[1].contains(",学生,'=系,'=班,"), "{lines:?}");
    assert!(!csv.says("=1+1"), "names are masked: {}", csv.html);
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let theirs = auditor.get("/staff/people").await.with(200);
    assert!(!theirs.says("导出 CSV"), "{}", theirs.html);
    auditor.submit(&theirs, "/staff/people/export", &[("format", "csv")]).await.with(403);
    // As JSON the same.
    let json_auditor = staff(&world, "zhao", "1005", "auditor").await;
    let people = json!({ "list": "people", "format": "csv" });
    let refused = json_auditor.post("/api/v1/staff/exports", &people).await;
    refused.problem("an auditor", 403, "staff_right_missing");
    let told = "SELECT detail FROM audit_entry WHERE act = 'people.exported'";
    assert_eq!(world.rows.texts(told).await, ["csv: 1 people, 班级：=班"]);
}

/// Writes a job as another server left it: with this query, after so many tries.
async fn left(world: &World, member: &str, of: (&str, i32)) -> String {
    left_as(world, member, of, ["orders", "csv", "running"]).await
}

async fn left_as(
    world: &World,
    member: &str,
    (query, tries): (&str, i32),
    [kind, format, state]: [&str; 3],
) -> String {
    let id = uuid_at(now());
    let (id_sql, member) = (world.rows.literal(&id.to_string()), world.rows.literal(member));
    let (school, at) = (world.rows.school("xnec").await, now().micros());
    let sql = format!(
        "INSERT INTO export_job (id, school_id, member_id, kind, query, format, state, row_count, \
         asked_at, expires_at, leased_until, tries) VALUES ({id_sql}, {school}, {member}, '{kind}', \
         '{query}', '{format}', '{state}', 7, {at}, {}, {}, {tries})",
        at + 60_000_000_000,
        at - 1,
    );
    world.rows.change(&sql, []).await;
    id.to_string()
}

async fn a_job_ends_as_what_came_of_it(db: &TestDb) {
    let world = World::start(db).await;
    let member = staff(&world, "li", "1002", "finance").await;
    let id = world.rows.id("SELECT id FROM staff_member WHERE login = 'li'").await.to_string();
    let state = async |id: &str| {
        eventually("the job ends", async || {
            let path = format!("/api/v1/staff/exports/{id}");
            let job = member.get(&path).await.body(200);
            (job["state"] != "running").then(|| (job["state"].clone(), job["failure"].clone()))
        })
        .await
    };
    let taken_over = left(&world, &id, ("", 1)).await;
    assert_eq!(state(&taken_over).await, (json!("done"), json!(null)), "its server died");
    let bad = left(&world, &id, ("state=nothing", 0)).await;
    assert_eq!(state(&bad).await, (json!("failed"), json!("bad_filter")));
    let file = member.get(&format!("/api/v1/staff/exports/{taken_over}/file")).await;
    assert_eq!(file.status, 200);
    member.get(&format!("/api/v1/staff/exports/{bad}/file")).await.problem(
        "no file",
        404,
        "not_found",
    );
    let other = left(&world, &uuid_at(now()).to_string(), ("", 0)).await;
    let failed =
        "SELECT state FROM export_job WHERE state NOT IN ('running', 'done', 'bad_filter')";
    let failed =
        eventually("the job of nobody ends", async || world.rows.texts(failed).await.pop());
    assert_eq!(failed.await, "no_right", "{other}");
    let again = left(&world, &id, ("state=paid", 3)).await;
    assert_eq!(state(&again).await, (json!("failed"), json!("broken")), "three servers died");
}

async fn jobs_are_bounded(db: &TestDb) {
    let world = World::start(db).await;
    let member = staff(&world, "li", "1002", "finance").await;
    let id = world.rows.id("SELECT id FROM staff_member WHERE login = 'li'").await.to_string();
    // Another server works on them.
    for query in ["state=paid", "state=closed", "state=refunded"] {
        let job = left(&world, &id, (query, 1)).await;
        let later = format!("UPDATE export_job SET leased_until = {}", i64::MAX);
        world.rows.change(&later, []).await;
        assert!(!job.is_empty());
    }
    let ask = async |query: &str| {
        let body = json!({ "list": "orders", "query": query, "format": "csv" });
        member.post("/api/v1/staff/exports", &body).await
    };
    ask("state=fulfilled").await.problem("a fourth", 429, "too_many_exports");
    let same = ask("state=closed").await.body(202);
    let listed = member.get("/api/v1/staff/exports").await.body(200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "the same one is not begun again");
    assert!(items.iter().any(|item| item["id"] == same["id"]), "{listed}");
    let mut long = String::new();
    for _ in 0..300 {
        write!(long, "state=paid&").unwrap();
    }
    for (what, body, status) in [
        ("no such list", json!({ "list": "moneys", "format": "csv" }), 404),
        ("no such format", json!({ "list": "orders", "format": "pdf" }), 422),
        (
            "no such state",
            json!({ "list": "orders", "query": "state=nothing", "format": "csv" }),
            422,
        ),
        ("a long query", json!({ "list": "orders", "query": long, "format": "csv" }), 422),
    ] {
        let refused = member.post("/api/v1/staff/exports", &body).await;
        assert_eq!(refused.status, status, "{what}");
    }
}

/// While two releases run, and after going back to the older one.
async fn what_a_newer_release_wrote_is_unknown_and_blocks_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let (finance, _) = Browser::of(&world, "li", "1002", &["finance"]).await;
    let member = world.rows.id("SELECT id FROM staff_member WHERE login = 'li'").await.to_string();
    let mut unknown = Vec::new();
    for words in
        [["moneys", "csv", "running"], ["orders", "ods", "running"], ["orders", "csv", "melted"]]
    {
        unknown.push(left_as(&world, &member, ("", 0), words).await);
    }
    let known = left(&world, &member, ("", 0)).await;
    let done = ended(&finance, &format!("{EXPORTS}/{known}")).await;
    assert!(done.says("可以下载"), "{}", done.html);
    let list = finance.get(EXPORTS).await.with(200);
    assert_eq!(list.html.matches(">未知</a>").count(), 2, "{}", list.html);
    for (id, says) in unknown.iter().zip(["正在导出", "正在导出", "原因未知"]) {
        let page = finance.get(&format!("{EXPORTS}/{id}")).await.with(200);
        assert!(page.says(says), "{}", page.html);
        finance.get(&format!("{EXPORTS}/{id}/file")).await.with(404);
    }
    let json = staff(&world, "zhao", "1005", "finance").await;
    assert_eq!(json.get("/api/v1/staff/exports").await.body(200)["items"], json!([]));
}
