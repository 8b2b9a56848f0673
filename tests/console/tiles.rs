//! 今日待办: each number is a list that shows as many rows.

use super::{
    bill_days::{ago, of_provider},
    browser::{Browser, Page},
    rosters::sent,
};
use crate::staff::{support::Member, whole_way::staff};
use onecard::{
    app::App,
    audit::{self, AuditAct, Entry},
    base::{
        clock::{SystemClock, Timestamp},
        db::counting_statements,
        ids::SchoolId,
    },
    staff_accounts::{StaffClasses, StaffId, StaffMember, StaffRoles, StaffSessionId},
    wiring::Settings,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, World, eventually, now, on_each_database};

on_each_database!(
    a_tile_counts_what_its_list_shows,
    who_reveals_much_is_told_to_auditors,
    the_page_asks_one_statement_for_all_desks,
);

/// Follows the tile with this word: the number on it, and its list.
async fn followed(browser: &Browser, word: &str) -> (usize, Page) {
    let today = browser.get("/staff").await.with(200);
    let end = format!("\"><span>{word}</span><strong>");
    assert!(today.says(&end), "{word}: {}", today.html);
    let before = today.html.split(&end).next().unwrap();
    let path = before.rsplit("<a href=\"").next().unwrap().replace("&#38;", "&");
    let number = today.between(&end, "</strong>").parse().unwrap();
    (number, browser.get(&path).await.with(200))
}

async fn assert_counts(browser: &Browser, word: &str, expected: usize) {
    let (number, list) = followed(browser, word).await;
    let rows = list.between("<tbody", "</tbody>").matches("<tr").count();
    assert_eq!((number, rows), (expected, expected), "{word}: {}", list.html);
}

async fn new_login(by: &Member, login: &str, staff_no: &str) {
    let new =
        json!({ "login": login, "staff_no": staff_no, "roles": ["finance"], "reason": "入职" });
    by.ask("POST /api/v1/staff/staff", login, Some(&new)).await.body(201);
}

async fn propose(by: &Member) {
    let policy = by.get("/api/v1/staff/policy").await.body(200);
    let change = json!({ "changes": { "limits.meal_fen": 3000 }, "reason": "学校通知",
        "base": policy["newest_seq"] });
    by.ask("POST /api/v1/staff/policy/propose", "k1", Some(&change)).await.body(200);
}

async fn a_tile_counts_what_its_list_shows(db: &TestDb) {
    let world = World::start(db).await;
    let (finance, _) = Browser::of(&world, "f1", "2001", &["finance"]).await;
    // Yesterday differs at both providers in many rows, as an earlier day does; two bills have not come.
    for (days, provider, is_awaited) in [
        (1, "wechat_pay", false),
        (1, "alipay", false),
        (3, "alipay", false),
        (4, "alipay", true),
        (5, "alipay", true),
    ] {
        of_provider(&world, ago(days), (provider, 7), is_awaited).await;
    }
    for (word, days) in [("昨日对账有差异", 2), ("账单未平的日子", 3), ("未取到账单", 2)]
    {
        assert_counts(&finance, word, days).await;
    }
    // Of two requests one is the member's own.
    let (first, second) =
        (staff(&world, "a1", "3001", "admin").await, staff(&world, "a2", "3002", "admin").await);
    new_login(&first, "new1", "3011").await;
    new_login(&second, "new2", "3012").await;
    propose(&first).await;
    let (admin, _) = Browser::of(&world, "a3", "3002", &["admin"]).await;
    for word in ["账号申请待复核", "政策申请待复核"] {
        assert_counts(&admin, word, 1).await;
    }
    let (_, list) = followed(&admin, "账号申请待复核").await;
    let export = "/staff/staff-requests/export?state=requested&mine=no";
    let file = admin.submit(&list, export, &[("format", "csv")]).await.with(200);
    assert_eq!(file.html.trim_end().lines().count(), 2, "{}", file.html);

    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let header = "student_no,name,id_number,phone,kind,department,class_name,valid_until";
    let file = format!("{header}\nN1,新生,,,student,学院,班级,\n");
    for nth in 0..2 {
        let path = sent(&office, file.as_bytes()).await;
        eventually("it is checked", async || {
            office.get(&path).await.says(">待导入</span>").then_some(())
        })
        .await;
        if nth == 0 {
            let late = "UPDATE roster_job SET expires_at = 1";
            assert_eq!(world.rows.change(late, []).await, 1);
        }
    }
    assert_counts(&office, "花名册待导入", 1).await;
    assert_eq!(office.get("/staff/roster-imports?state=none").await.status, 422);
}

async fn often(world: &World, school: &str, at: Timestamp) {
    let school = Some(SchoolId::from_number(world.rows.school(school).await));
    let entry = Entry {
        act: AuditAct::ManyRevealed,
        school,
        subject: "staff li".to_owned(),
        detail: "more than 30 on a day".to_owned(),
    };
    world.db.in_tx(async |tx| audit::record(tx, &entry, at).await).await.unwrap();
}

async fn who_reveals_much_is_told_to_auditors(db: &TestDb) {
    let world = World::start(db).await;
    let (auditor, _) = Browser::of(&world, "au", "2003", &["auditor"]).await;
    assert!(!auditor.get("/staff").await.with(200).says("一天查看超过 30 人"));
    // Of some days ago, of another school, and two of now.
    often(&world, "xnec", now().minus(Duration::from_hours(72))).await;
    often(&world, "hbkj", now()).await;
    for _ in 0..2 {
        often(&world, "xnec", now()).await;
    }
    assert_counts(&auditor, "一天查看超过 30 人", 2).await;
    let (_, list) = followed(&auditor, "一天查看超过 30 人").await;
    for word in ["做了什么：一天内多次查看姓名和手机号", "移除", "从 "] {
        assert!(list.says(word), "{word}: {}", list.html);
    }
    let (admin, _) = Browser::of(&world, "a1", "3001", &["admin"]).await;
    assert_counts(&admin, "一天查看超过 30 人", 2).await;
    let (office, _) = Browser::of(&world, "co", "1001", &["card_office"]).await;
    assert!(!office.get("/staff").await.with(200).says("一天查看超过 30 人"));
    assert_eq!(auditor.get("/staff/audit?act=made.up").await.status, 422);
    let of_them = "act=person.revealed_often&since=2026-13-01";
    assert_eq!(auditor.get(&format!("/staff/audit?{of_them}")).await.status, 422);
}

/// Somebody with every role: the most that the page asks.
fn of_all_roles(school: SchoolId) -> StaffMember {
    let roles = ["card_office", "finance", "network_center", "auditor", "admin"];
    StaffMember {
        session: StaffSessionId::new(now()),
        id: StaffId::new(now()),
        school,
        login: "all".parse().unwrap(),
        staff_no: "9001".parse().unwrap(),
        roles: StaffRoles::new(roles.map(|role| role.parse().unwrap())),
        classes: StaffClasses::default(),
        factor_at: now(),
    }
}

async fn the_page_asks_one_statement_for_all_desks(db: &TestDb) {
    let world = World::start(db).await;
    let settings = Settings::load(None, world.settings("http://127.0.0.1:1").into_iter()).unwrap();
    let app = App::build(settings, Arc::new(SystemClock)).await.unwrap();
    let member = of_all_roles(SchoolId::from_number(world.rows.school("xnec").await));
    let desk = &app.journeys.console.today;
    let (today, sent) = counting_statements(Box::pin(desk.today(&member, 1001))).await;
    assert!(today.is_ok(), "{today:?}");
    assert_eq!(sent, STATEMENTS);
}

/// Requests; cases twice; bills; rosters; what was revealed; messages; terminals; the money; providers, the ledger's
/// seal and its check.
const STATEMENTS: u32 = 12;
