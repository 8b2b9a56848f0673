//! Every list of the console: filtered, sorted, there and back, and as a file, the same rows.

use super::{
    browser::{Browser, Page},
    people::of_school,
};
use crate::staff::whole_way::{staff, topped_up};
use onecard::{
    access::{
        desk,
        rights::{DayWindow, DoorTimes},
    },
    app::App,
    approvals::{self, ApprovalKind, ApprovalQuery, NewApproval, Officer},
    base::{
        clock::{SystemClock, Timestamp},
        db::{Keyset, counting_statements},
        ids::{PersonId, SchoolId, uuid_at},
        money::Fen,
    },
    wiring::Settings,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, World, now, on_each_database};
use uuid::Uuid;

on_each_database!(
    every_list_is_the_same_there_and_back_and_as_a_file,
    the_log_of_doors_is_read_there_and_back,
    what_waits_is_the_list_that_the_tile_counts,
    lists_of_requests_cost_three_statements,
    requests_say_what_they_are_about,
);

const ADJUSTMENTS: &str = "SELECT reason FROM approval WHERE kind = 'adjust_up'";
const REFUNDS: &str = "SELECT reason FROM approval WHERE kind = 'refund'";
const RESETS: &str = "SELECT reason FROM approval WHERE kind = 'password_reset'";
const MERCHANTS: &str = "SELECT code FROM merchant WHERE code <> ''";
const STAFF: &str = "SELECT login FROM staff_member WHERE login <> ''";
const DAYS: &str = "SELECT CASE provider WHEN 'alipay' THEN '支付宝' ELSE '微信支付' END \
    || merchant_number FROM bill_day WHERE compared_at > 0";
const RIGHTS: &str = "SELECT door_group FROM door_right WHERE door_group <> ''";
const MESSAGES: &str = "SELECT subject FROM outbox WHERE state = 'refused'";

/// A list with its filter; the column that names its rows, on the page and in the file; and what it is in SQL,
/// in the order of the page.
type Row = (&'static str, &'static str, usize, &'static str, &'static str);

const LISTS: &[Row] = &[
    ("/staff/adjustments?", "理由", 9, ADJUSTMENTS, "ORDER BY id DESC"),
    (
        "/staff/adjustments?state=requested",
        "理由",
        9,
        ADJUSTMENTS,
        "AND state = 'requested' AND expires_at > {now} ORDER BY id DESC",
    ),
    (
        "/staff/adjustments?state=expired",
        "理由",
        9,
        ADJUSTMENTS,
        "AND expires_at <= {now} ORDER BY id DESC",
    ),
    (
        "/staff/adjustments?mine=yes",
        "理由",
        9,
        ADJUSTMENTS,
        "AND asked_no = '1002' ORDER BY id DESC",
    ),
    (
        "/staff/adjustments?mine=no&by=wang",
        "理由",
        9,
        ADJUSTMENTS,
        "AND asked_login = 'wang' ORDER BY id DESC",
    ),
    (
        "/staff/adjustments?by=1009",
        "理由",
        9,
        ADJUSTMENTS,
        "AND asked_no = '1009' ORDER BY id DESC",
    ),
    ("/staff/approvals?desk=refund", "理由", 9, REFUNDS, "ORDER BY id DESC"),
    (
        "/staff/approvals?desk=refund&state=requested&mine=no",
        "理由",
        9,
        REFUNDS,
        "AND asked_no <> '1002' AND expires_at > {now} ORDER BY id DESC",
    ),
    ("/staff/password-resets?", "理由", 9, RESETS, "ORDER BY id DESC"),
    ("/staff/password-resets?by=li", "理由", 9, RESETS, "AND asked_login = 'li' ORDER BY id DESC"),
    ("/staff/merchants?", "编号", 0, MERCHANTS, "AND school_id = {school} ORDER BY id DESC"),
    (
        "/staff/merchants?state=off",
        "编号",
        0,
        MERCHANTS,
        "AND disabled_at IS NOT NULL ORDER BY id DESC",
    ),
    (
        "/staff/merchants?state=on&text=M-0",
        "编号",
        0,
        MERCHANTS,
        "AND disabled_at IS NULL AND code LIKE 'm-0%' ORDER BY id DESC",
    ),
    ("/staff/merchants?text=100%25", "编号", 0, MERCHANTS, "AND name = '100%' ORDER BY id DESC"),
    ("/staff/staff?", "账号", 0, STAFF, "AND school_id = {school} ORDER BY login"),
    ("/staff/staff?role=auditor", "账号", 0, STAFF, "AND roles LIKE '%auditor%' ORDER BY login"),
    ("/staff/staff?state=off", "账号", 0, STAFF, "AND NOT enabled ORDER BY login"),
    (
        "/staff/staff?by=signed_in",
        "账号",
        0,
        STAFF,
        "AND school_id = {school} ORDER BY COALESCE(signed_in_at, 0) DESC, id DESC",
    ),
    ("/staff/reconciliation?", "渠道", 2, DAYS, "ORDER BY day DESC, id DESC"),
    (
        "/staff/reconciliation?provider=alipay&state=open",
        "渠道",
        2,
        DAYS,
        "AND provider = 'alipay' AND state = 'open' ORDER BY day DESC, id DESC",
    ),
    (
        "/staff/reconciliation?state=unbilled",
        "渠道",
        2,
        DAYS,
        "AND state = 'open' AND file_hash = '' ORDER BY day DESC, id DESC",
    ),
    (
        "/staff/reconciliation?state=closed&from=2026-02-10&to=2026-02-20",
        "渠道",
        2,
        DAYS,
        "AND state = 'closed' AND day BETWEEN 20494 AND 20504 ORDER BY day DESC, id DESC",
    ),
    ("/staff/doors?", "门组", 1, RIGHTS, "ORDER BY id DESC"),
    ("/staff/doors?state=ended", "门组", 1, RIGHTS, "AND until_at <= {now} ORDER BY id DESC"),
    (
        "/staff/doors?group=g07&state=current&source=staff",
        "门组",
        1,
        RIGHTS,
        "AND door_group = 'g07' ORDER BY id DESC",
    ),
    (
        "/staff/messages/failed?kind=shipping&reason=x",
        "支付或退款单号",
        2,
        MESSAGES,
        "AND reason = 'x' ORDER BY id DESC",
    ),
];

/// The address of a list; who asked is searched for, and stands in no address.
async fn sought(browser: &Browser, path: &str) -> String {
    let Some((rest, by)) = path.split_once("by=").filter(|_| !path.contains("/staff/staff")) else {
        return path.to_owned();
    };
    let list = browser.get(rest.trim_end_matches(['?', '&'])).await.with(200);
    let mut form = vec![("by", by)];
    form.extend(rest.contains("mine=no").then_some(("mine", "no")));
    let search = format!("{}/search", rest.split_once('?').unwrap().0);
    let found = browser.submit(&list, &search, &form).await.with(303).location;
    assert!(found.contains("of=") && !found.contains(by), "{found}");
    assert_eq!(found.contains("mine=no"), rest.contains("mine=no"), "{found}");
    found
}

/// The texts of a column of a page.
fn column(page: &Page, head: &str) -> Vec<String> {
    let cell = format!("<td role=\"cell\" data-head=\"{head}\"");
    let cells = page.html.split(&cell).skip(1);
    cells.map(|cell| text(cell.split_once('>').unwrap().1.split_once("</td>").unwrap().0)).collect()
}

/// What a cell says, without its marks and what only readers of screens are told.
fn text(html: &str) -> String {
    let (mut said, mut rest) =
        (String::new(), html.split("<span class=\"unseen\">").next().unwrap());
    while let Some((before, after)) = rest.split_once('<') {
        said.push_str(before);
        rest = after.split_once('>').unwrap().1;
    }
    said.push_str(rest);
    said.replace("&#61;", "=").replace("&#39;", "'").trim().to_owned()
}

pub(super) fn link(page: &Page, rel: &str) -> Option<String> {
    let (before, _) = page.html.split_once(&format!("\" rel=\"{rel}\""))?;
    Some(before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&"))
}

/// Reads a list from its beginning to its end, and back the same pages; returns the first page and all rows.
async fn walked(browser: &Browser, path: &str, head: &str) -> (Page, Vec<String>) {
    let first = browser.get(path).await.with(200);
    assert_eq!(link(&first, "prev"), None, "{path}");
    let mut pages = vec![first.clone()];
    while let Some(next) = link(pages.last().unwrap(), "next") {
        pages.push(browser.get(&next).await.with(200));
    }
    let rows: Vec<Vec<String>> = pages.iter().map(|page| column(page, head)).collect();
    let mut at = pages.pop().unwrap();
    for before in rows.iter().rev().skip(1) {
        at = browser.get(&link(&at, "prev").unwrap()).await.with(200);
        assert_eq!(column(&at, head), *before, "{path}: back");
    }
    assert_eq!(link(&at, "prev"), None, "{path}: at the beginning again");
    (first, rows.concat())
}

/// The rows of the file of a page, by a column.
async fn exported(browser: &Browser, page: &Page, place: usize) -> Vec<String> {
    let path = page.between("<form class=\"inline\" method=\"post\" action=\"", "\"");
    let path = path.replace("&#38;", "&");
    let file = browser.submit(page, &path, &[("format", "csv")]).await.with(200);
    assert!(!file.says(",=") && !file.says("\n="), "{path}: a formula: {}", file.html);
    let cell = |line: &str| line.split(',').nth(place).unwrap().trim_start_matches('\'').to_owned();
    file.html.lines().skip(1).map(cell).collect()
}

/// Somebody who may read every list.
async fn reader(world: &World) -> Browser {
    Browser::of(world, "li", "1002", &["finance", "card_office", "auditor", "admin"]).await.0
}

async fn every_list_is_the_same_there_and_back_and_as_a_file(db: &TestDb) {
    let world = World::start(db).await;
    let browser = reader(&world).await;
    fill(&world).await;
    let school = world.rows.school("xnec").await.to_string();
    for (path, head, place, of, which) in LISTS {
        let path = &sought(&browser, path).await;
        let sql = format!("{of} {which}").replace("{now}", &now().micros().to_string());
        let mut expected = world.rows.texts(&sql.replace("{school}", &school)).await;
        assert!(!expected.is_empty(), "{path} finds nothing");
        // By login there is one order.
        let sorts: &[&str] = if which.ends_with("login") { &[""] } else { &["", "&sort=oldest"] };
        for sort in sorts {
            let (page, rows) = walked(&browser, &format!("{path}{sort}"), head).await;
            assert_eq!(rows, expected, "{path}{sort}");
            let filter = path.split_once('?').unwrap().1.replace("desk=refund", "");
            let is_filtered = !filter.is_empty() && !filter.starts_with("by=signed");
            let told = page.says("清除筛选") || page.says("付款人") || page.says("x）");
            assert!(!is_filtered || told, "{path}: the filter is told: {}", page.html);
            let file = exported(&browser, &page, *place).await;
            assert_eq!(file.len(), expected.len(), "{path}{sort}: as a file");
            for (cell, row) in file.iter().zip(&expected) {
                assert!(row.ends_with(cell.as_str()), "{path}{sort}: {cell} is not {row}");
            }
            expected.reverse();
        }
    }
    for bad in [
        "adjustments?state=x",
        "approvals?mine=x",
        "merchants?state=x",
        "staff?role=x",
        "staff?by=x",
        "reconciliation?from=x",
        "doors?source=x",
        "adjustments?after=x",
        // Who asked stands in no address, and a list is not shown as if nobody had been asked for.
        "adjustments?by=1009",
        "policy/requests?by=1009",
    ] {
        browser.get(&format!("/staff/{bad}")).await.with(422);
    }
    let told = "SELECT detail FROM audit_entry WHERE act = 'list.exported' ORDER BY position";
    let told = world.rows.texts(told).await;
    assert!(told.contains(&"csv: 70 requests".to_owned()), "{told:?}");
    assert!(told.iter().any(|one| one.contains(", 状态：已停用")), "{told:?}");
    let log = browser.get("/staff/audit").await.with(200);
    assert!(log.says("没有送达的消息") && log.says("导出"), "{}", log.html);
}

/// Rows of every list, past the program where it would refuse so many.
async fn fill(world: &World) {
    let school = world.rows.school("xnec").await;
    for nth in 0..70 {
        ask(world, nth).await;
        merchant(world, school, nth).await;
        member(world, school, nth).await;
        right(world, school, nth).await;
        message(world, school, nth).await;
    }
    for nth in 0..60 {
        day(world, school, nth).await;
    }
}

/// Requests of two persons; the first ones were never decided.
async fn ask(world: &World, nth: u32) {
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    let days = if nth < 8 { 8 } else { 0 };
    let at = now().minus(Duration::from_hours(24 * days));
    let (login, staff_no) = if nth.is_multiple_of(5) { ("wang", "1009") } else { ("li", "1002") };
    for kind in [ApprovalKind::AdjustUp, ApprovalKind::Refund, ApprovalKind::PasswordReset] {
        let new = NewApproval {
            school,
            kind,
            subject: Uuid::from_u128(u128::from(nth) + 1),
            request_digest: [0; 32],
            amount: Fen::new(100).unwrap(),
            reason: format!("{}{}{nth}", if nth == 9 { "=" } else { "" }, kind.code()),
            by: Officer {
                id: Uuid::from_u128(u128::from(nth % 5)),
                login: login.to_owned(),
                staff_no: staff_no.to_owned(),
            },
            key: format!("{}{nth}", kind.code()),
        };
        world.db.in_tx(async |tx| approvals::ask(tx, &new, at).await).await.unwrap();
    }
}

pub(super) async fn merchant(world: &World, school: i64, nth: u32) {
    let name = match nth {
        7 => "=1+1".to_owned(),
        8 => "100%".to_owned(),
        nth => format!("食堂{nth}"),
    };
    let off = (nth.is_multiple_of(3)).then_some(1_i64);
    let values: [sea_orm::Value; 5] = [
        uuid_at(now()).into(),
        school.into(),
        format!("m-{nth:02}").into(),
        name.into(),
        off.into(),
    ];
    let sql = "INSERT INTO merchant (id, school_id, code, name, created_at, disabled_at) \
               VALUES ($1, $2, $3, $4, 1, $5)";
    world.rows.change(sql, values).await;
}

pub(super) async fn member(world: &World, school: i64, nth: u32) {
    let roles = if nth.is_multiple_of(2) { "finance,auditor" } else { "card_office" };
    // Several signed in at once, some never did.
    let signed_in = (!nth.is_multiple_of(4)).then_some(i64::from(nth / 3) * 1_000_000);
    let values: [sea_orm::Value; 7] = [
        uuid_at(now()).into(),
        school.into(),
        format!("u{nth:02}").into(),
        format!("77{nth:02}").into(),
        roles.into(),
        (!nth.is_multiple_of(6)).into(),
        signed_in.into(),
    ];
    let sql = "INSERT INTO staff_member (id, school_id, login, staff_no, roles, password_hash, \
               factor_sealed, factor_printed, factor_step, enabled, created_at, updated_at, \
               signed_in_at) VALUES ($1, $2, $3, $4, $5, 'x', $8, $9, 0, $6, 1, 1, $7)";
    let rest: [sea_orm::Value; 2] = [vec![1_u8].into(), false.into()];
    world.rows.change(sql, values.into_iter().chain(rest)).await;
}

pub(super) async fn day(world: &World, school: i64, nth: u32) {
    let id = world.rows.literal(&uuid_at(now()).to_string());
    let provider = if nth.is_multiple_of(2) { "alipay" } else { "wechat_pay" };
    let state = if nth.is_multiple_of(3) { "open" } else { "closed" };
    let hash = if nth.is_multiple_of(4) { "" } else { "h" };
    // From 2026-02-01 on, two a day.
    let day = 20_485 + nth / 2;
    let sql = format!(
        "INSERT INTO bill_day (id, school_id, provider, merchant_number, day, state, run, file_hash, \
         bill_rows, our_rows, paid_count, paid_fen, back_count, back_fen, billed_fen, refunded_fen, \
         fee_fen, coupon_fen, open_differences, compared_at) VALUES ({id}, {school}, '{provider}', \
         'm{nth:02}', {day}, '{state}', 1, '{hash}', 1, 1, 1, 500, 0, 0, 100, 0, 0, 0, 0, 1)"
    );
    world.rows.change(&sql, []).await;
}

pub(super) async fn right(world: &World, school: i64, nth: u32) {
    let person = PersonId::from_uuid(world.rows.person("xnec", "2301001").await);
    let (group, at) = (format!("g{nth:02}").parse().unwrap(), now());
    let until = (nth.is_multiple_of(3)).then(|| at.minus(Duration::from_secs(1)));
    let times =
        DoorTimes { from: at.minus(Duration::from_hours(2)), until, window: DayWindow::ALL };
    let of = (SchoolId::from_number(school), person);
    let given = world.db.in_tx(async |tx| desk::give(tx, of, (&group, times), at).await).await;
    assert!(given.is_ok(), "{given:?}");
}

pub(super) async fn message(world: &World, school: i64, nth: u32) {
    let sql = "INSERT INTO outbox (id, school_id, kind, subject, day, created_at, due_at, \
               leased_until, tries, state, reason) \
               VALUES ($1, $2, 'shipping', $3, 0, 1, 1, 0, 1, 'refused', $4)";
    let subject = if nth == 3 { "=1".to_owned() } else { format!("p{nth}") };
    let reason = if nth == 4 { "y" } else { "x" };
    let values: [sea_orm::Value; 4] =
        [uuid_at(now()).into(), school.into(), subject.into(), reason.into()];
    world.rows.change(sql, values).await;
}

/// Entries of the log: a second apart, on two days.
async fn entry(world: &World, school: i64, (nth, at): (u32, Timestamp)) {
    let person = world.rows.person("xnec", "2301001").await;
    let decision = ["open", "refuse", "unknown"][usize::try_from(nth % 3).unwrap()];
    let values: [sea_orm::Value; 7] = [
        uuid_at(at).into(),
        school.into(),
        at.micros().into(),
        person.into(),
        format!("e{nth:02}").into(),
        Uuid::nil().into(),
        decision.into(),
    ];
    let sql = "INSERT INTO access_log (id, school_id, at, person_id, door_group, way, place_id, \
               decision, reason, generation, purpose, shown_at, sub) \
               VALUES ($1, $2, $3, $4, $5, 'code', $6, $7, '', 0, '', 0, 0)";
    world.rows.change(sql, values).await;
}

/// What a form asks of the log, and that in SQL.
type LogCase = (&'static [(&'static str, &'static str)], &'static str);

const LOGS: &[LogCase] = &[
    (&[], ""),
    (&[("student_no", "2301001")], ""),
    (&[("day", "2026-03-01")], "AND door_group < 'e10'"),
    (&[("day", "2026-03-02")], "AND door_group >= 'e10'"),
    (
        &[("day", "2026-03-02"), ("decision", "refuse")],
        "AND door_group >= 'e10' AND decision = 'refuse'",
    ),
    (&[("group", "e33")], "AND door_group = 'e33'"),
];

/// A part of the log from its beginning, and back from its second page; the first page and all rows.
async fn log_walked(browser: &Browser, form: &Page, asked: &[(&str, &str)]) -> (Page, Vec<String>) {
    let first = browser.submit(form, "/staff/doors/log", asked).await.with(200);
    let mut rows = column(&first, "门组");
    if let Some(after) = first.html.split("name=\"after\" value=\"").nth(1) {
        let after = after.split_once('"').unwrap().0;
        let on = [asked, &[("after", after)]].concat();
        let second = browser.submit(&first, "/staff/doors/log", &on).await.with(200);
        rows.extend(column(&second, "门组"));
        let before = second.between("name=\"before\" value=\"", "\"");
        let back = [asked, &[("before", before.as_str())]].concat();
        let back = browser.submit(&second, "/staff/doors/log", &back).await.with(200);
        assert_eq!(column(&back, "门组"), column(&first, "门组"), "{asked:?} back");
    }
    (first, rows)
}

async fn the_log_of_doors_is_read_there_and_back(db: &TestDb) {
    let world = World::start(db).await;
    let (browser, school) = (reader(&world).await, world.rows.school("xnec").await);
    let midnight = Timestamp::parse_rfc3339("2026-03-02T00:00:00+08:00").unwrap();
    for nth in 0..70 {
        entry(
            &world,
            school,
            (nth, midnight.minus(Duration::from_secs(10)).plus(Duration::from_secs(nth.into()))),
        )
        .await;
    }
    let form = browser.get("/staff/doors/log").await.with(200);
    let all = "SELECT door_group FROM access_log WHERE door_group <> ''";
    for (fields, which) in LOGS {
        let mut expected = world.rows.texts(&format!("{all} {which} ORDER BY id DESC")).await;
        for sort in ["newest", "oldest"] {
            let asked = [&[("reason", "失物"), ("sort", sort)][..], *fields].concat();
            let (first, rows) = log_walked(&browser, &form, &asked).await;
            assert_eq!(rows, expected, "{fields:?} {sort}");
            assert!(first.says(&format!("{} 条", expected.len())), "{}", first.html);
            let taken = [&asked[..], &[("format", "csv")]].concat();
            let file = browser.submit(&first, "/staff/doors/log/export", &taken).await.with(200);
            let cells =
                file.html.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().to_owned());
            assert_eq!(cells.collect::<Vec<_>>(), expected, "{fields:?} {sort} as a file");
            expected.reverse();
        }
    }
    browser.submit(&form, "/staff/doors/log/export", &[("format", "csv")]).await.with(422);
    browser.submit(&form, "/staff/doors/log", &[("reason", "x"), ("day", "x")]).await.with(422);
    let told = "SELECT detail FROM audit_entry WHERE act = 'list.exported'";
    let told = world.rows.texts(told).await;
    assert!(
        told.iter().all(|one| one.ends_with(", 原因：失物") && !one.contains("2301001")),
        "{told:?}"
    );
    let read = "SELECT detail FROM audit_entry WHERE act = 'access_log.read'";
    let read = world.rows.texts(read).await;
    assert!(read.iter().any(|one| one.contains(" of 2026-03-02, refuse: 20 entries")), "{read:?}");
}

async fn what_waits_is_the_list_that_the_tile_counts(db: &TestDb) {
    let world = World::start(db).await;
    let browser = reader(&world).await;
    for nth in 0..20 {
        ask(&world, nth).await;
    }
    let today = browser.get("/staff").await.with(200);
    // Of twenty, eight are overdue, and two of the others are another's.
    for (path, word) in [
        ("/staff/approvals?desk=refund", "退款待复核"),
        ("/staff/adjustments?", "调账待复核"),
        ("/staff/password-resets?", "重置密码待复核"),
    ] {
        assert!(today.says(&format!("<span>{word}</span><strong>2</strong>")), "{}", today.html);
        let path = format!("{path}&state=requested&mine=no&sort=oldest").replace("?&", "?");
        let tile = format!("<a href=\"{}\"><span>{word}", path.replace('&', "&#38;"));
        assert!(today.says(&tile), "{tile}: {}", today.html);
        let list = browser.get(&path).await.with(200);
        assert!(list.says("<p>2 项</p>") && list.says("状态：待复核"), "{}", list.html);
        assert!(list.says("aria-sort=\"ascending\""), "{}", list.html);
    }
}

async fn lists_of_requests_cost_three_statements(db: &TestDb) {
    let world = World::start(db).await;
    let printed = reader(&world).await;
    assert!(printed.get("/staff").await.status == 200);
    for nth in 0..60 {
        ask(&world, nth).await;
    }
    let settings = Settings::load(None, world.settings("http://127.0.0.1:1").into_iter()).unwrap();
    let app = App::build(settings, Arc::new(SystemClock)).await.unwrap();
    let query = ApprovalQuery { state: Some("requested".to_owned()), ..ApprovalQuery::default() };
    let member = of_school(world.rows.school("xnec").await);
    let (desk, people) = (&app.journeys.staff, &app.journeys.people_desk);
    let page = || Keyset { beyond: None, descending: false, most: 51 };
    // As the page calls them: rows, number, and what they are about.
    let ((), sent) = counting_statements(async {
        assert_eq!(desk.refunds(&member, &query, page()).await.unwrap().len(), 51);
        assert_eq!(desk.count_refunds(&member, &query, 1001).await.unwrap(), 52);
    })
    .await;
    assert_eq!(sent, 3, "refunds");
    let ((), sent) = counting_statements(async {
        let found = people.adjustments(&member, &query, page()).await.unwrap();
        people.subjects(&found).await.unwrap();
        people.count_adjustments(&member, &query, 1001).await.unwrap();
    })
    .await;
    assert_eq!(sent, 3, "adjustments");
    let ((), sent) = counting_statements(async {
        let found = desk.staff_requests(&member, &query, page()).await.unwrap();
        desk.request_logins(&member, &found).await.unwrap();
        desk.count_staff_requests(&member, &query, 1001).await.unwrap();
    })
    .await;
    assert_eq!(sent, 3, "logins");
    let ((), sent) = counting_statements(async {
        let found = desk.policy_requests(&member, &query, page()).await.unwrap();
        desk.policy_changes(&member, &found).await.unwrap();
        desk.count_policy_requests(&member, &query, 1001).await.unwrap();
    })
    .await;
    assert_eq!(sent, 3, "policies");
}

/// A request about a login and one about the policy, both decided; one about a person; one about an order.
async fn requests_say_what_they_are_about(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let office = staff(&world, "office", "1001", "card_office").await;
    let body = json!({ "order_id": order["id"], "amount_fen": 1200, "reason": "误充" });
    office.ask("POST /api/v1/staff/refunds", "a", Some(&body)).await.body(201);
    let person = world.rows.person("xnec", "2301001").await;
    let reset = format!("POST /api/v1/staff/people/{person}/password-reset");
    office.ask(&reset, "b", Some(&json!({ "reason": "忘记" }))).await.body(201);
    let (a1, _) = Browser::of(&world, "a1", "1011", &["admin", "finance", "card_office"]).await;
    let (a2, _) = Browser::of(&world, "a2", "1012", &["admin"]).await;
    let limit = super::decisions::limit(&a1).await;
    let id = world.rows.id("SELECT id FROM staff_member WHERE login = 'office'").await;
    let member = format!("/staff/staff/{id}");
    let shown = a1.get(&member).await.with(200);
    let form = shown.field("form_id");
    let fields = [("form_id", form.as_str()), ("reason", "手机丢失")];
    let factor = a1.submit(&shown, &format!("{member}/reset-factor"), &fields).await.with(303);
    for request in [&limit, &factor.location] {
        let page = a2.get(request).await.with(200);
        let path = format!("{}/reject", request.split('?').next().unwrap());
        a2.submit(&page, &path, &[("reason", "不必")]).await.with(303);
    }
    let order = order["id"].as_str().unwrap();
    let order = format!("订单 …{}", &order[order.len() - 8..]);
    for (list, object) in [
        ("/staff/approvals?desk=refund", order.as_str()),
        ("/staff/password-resets?", "**雨"),
        ("/staff/staff-requests?state=rejected", "office"),
        ("/staff/policy/requests?state=rejected", "每餐限额"),
    ] {
        let page = a1.get(list).await.with(200);
        let found = column(&page, "对象");
        assert!(found.len() == 1 && found[0].contains(object), "{list}: {found:?}");
        assert_eq!(exported(&a1, &page, 2).await, found, "{list}: as a file");
    }
    // What waits is not among what is decided, and all of it is without a filter.
    let waits = a1.get("/staff/staff-requests?state=requested").await.with(200);
    assert_eq!(column(&waits, "对象"), Vec::<String>::new());
    assert_eq!(column(&a1.get("/staff/staff-requests").await, "状态"), ["已驳回"]);
}
