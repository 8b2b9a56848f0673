//! People at a browser and as JSON: found without an address that names them, listed, opened.

use super::browser::{Browser, Page, plain};
use crate::{
    identity::support::keys,
    spend::shop::fact,
    staff::{support::Member, whole_way::staff},
};
use onecard::{
    app::App,
    base::{
        clock::SystemClock,
        db::{Keyset, counting_statements},
        ids::{PersonId, SchoolId},
    },
    cards::CardStatus,
    schools::{PersonStatus, Standing, roster::RosterImport},
    staff::PeopleQuery,
    staff_accounts::{StaffClasses, StaffId, StaffMember, StaffRoles, StaffSessionId},
    wiring::Settings,
};
use serde_json::{Value, json};
use std::{fmt::Write, io::Cursor, sync::Arc, time::Instant};
use testkit::{TestDb, World, now, on_each_database};

on_each_database!(
    somebody_is_found_by_number_name_or_phone,
    a_search_is_the_searchers,
    a_list_is_filtered_and_turned,
    who_owes_is_who_owes_in_sum,
    a_state_in_sql_is_that_of_the_card,
    roles_see_what_they_may,
    an_opened_person_is_told_to_the_log,
    markup_in_a_name_is_text,
    names_of_earlier_releases_are_found_after_the_next_roster,
    a_list_of_people_costs_three_statements,
);

pub const PEOPLE: &str = "/staff/people";

const HEADER: &str = "student_no,name,id_number,phone,kind,department,class_name,valid_until\n";

/// Puts people on the roster of a school.
pub(super) async fn listed(world: &World, school: &str, rows: &str) {
    let (keys, now) = (keys(), now());
    let school = SchoolId::from_number(world.rows.school(school).await);
    let import = RosterImport { db: &world.db, keys: &keys, school, now };
    let file = format!("{HEADER}{rows}");
    let report = import.run(Cursor::new(file), |_, _| ()).await.unwrap();
    assert!(report.refused.is_empty(), "{:?}", report.refused);
}

/// The numbers of the people on a page.
fn shown(page: &Page) -> Vec<String> {
    let cells = page.html.split("data-head=\"学号或工号\"><a href=\"").skip(1);
    let number =
        |cell: &str| cell.split_once("\">").unwrap().1.split_once("</a>").unwrap().0.into();
    cells.map(number).collect()
}

fn link(page: &Page, rel: &str) -> Option<String> {
    let (before, _) = page.html.split_once(&format!("\" rel=\"{rel}\""))?;
    Some(before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&"))
}

async fn search(browser: &Browser, text: &str) -> Page {
    let page = browser.get(PEOPLE).await.with(200);
    browser.submit(&page, "/staff/people/search", &[("text", text)]).await
}

async fn search_json(member: &Member, body: Value) -> Vec<String> {
    let found = member.post("/api/v1/staff/people/search", &body).await.body(200);
    let number = |one: &Value| one["person_no"].as_str().unwrap().to_owned();
    found["items"].as_array().unwrap().iter().map(number).collect()
}

async fn somebody_is_found_by_number_name_or_phone(db: &TestDb) {
    let world = World::start(db).await;
    listed(
        &world,
        "xnec",
        "A-1,阿依古丽·买买提,,13800138001,student,西院,一班,\n\
         A-10,阿依古丽·买买提,,13800138002,student,西院,一班,\n\
         A_1,J. Smith,,,temporary,,,\n\
         13800138001,欧阳木,,,student,,,\n",
    )
    .await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let network = staff(&world, "net", "1003", "network_center").await;
    let cases: [(&str, &[&str]); 16] = [
        ("A-1", &["A-1", "A-10"]),
        (" A-10 ", &["A-10"]),
        // Neither the sign nor the blank is a wildcard.
        ("A_", &["A_1"]),
        ("A%", &[]),
        ("阿依古丽·买买提", &["A-1", "A-10"]),
        ("阿依古丽 买买提", &["A-1", "A-10"]),
        ("阿依古丽", &[]),
        ("jsmith", &["A_1"]),
        ("J. Smith", &["A_1"]),
        ("13800138002", &["A-10"]),
        ("1380013800", &["13800138001"]),
        // A phone that is somebody's number as well.
        ("13800138001", &["13800138001", "A-1"]),
        ("林晓雨", &["2301001"]),
        ("230100", &["2301001", "2301002", "2301003", "2301004", "2301005", "2301006"]),
        ("' OR 1=1 --", &[]),
        // Of another school.
        ("3301001", &[]),
    ];
    for (text, numbers) in cases {
        let sent = search(&office, text).await.with(303);
        let typed = text.trim();
        // Two characters may stand in what is sealed by chance.
        let is_hidden = typed.len() < 3 || !plain(&sent.location).contains(typed);
        assert!(is_hidden, "{typed}: {}", sent.location);
        let list = office.follow(&sent).await.with(200);
        assert_eq!(shown(&list), numbers, "{text}");
        assert_eq!(search_json(&network, json!({ "text": text })).await, numbers, "{text} as JSON");
        if numbers.is_empty() {
            assert!(list.says("没有符合条件的人。") && list.says("清除筛选"), "{}", list.html);
        }
    }
}

/// Where the search was is told on the page, and nobody else can read the address.
async fn a_search_is_the_searchers(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let network = staff(&world, "net", "1003", "network_center").await;
    let sent = search(&office, "林晓雨").await;
    assert!(office.follow(&sent).await.says("查找：林晓雨"));
    let (other, _) = Browser::of(&world, "other", "1005", &["card_office"]).await;
    let foreign = other.get(&sent.location).await.with(200);
    assert!(!foreign.says("查找：林晓雨") && shown(&foreign).len() > 1, "{}", foreign.html);
    let long = "长".repeat(61);
    let wrong = search(&office, &long).await.with(422);
    assert!(wrong.says("错误：人员") && wrong.says(&long), "{}", wrong.html);
    network.post("/api/v1/staff/people/search", &json!({ "text": long })).await.problem(
        "too long",
        422,
        "request_invalid",
    );
}

async fn a_list_is_filtered_and_turned(db: &TestDb) {
    let world = World::start(db).await;
    let mut rows = String::new();
    for nth in 0..120 {
        let class = if nth % 2 == 0 { "单班" } else { "双班" };
        writeln!(rows, "N{nth:03},人{nth},,,student,南院,{class},").unwrap();
    }
    listed(&world, "xnec", &rows).await;
    let (finance, _) = Browser::of(&world, "li", "1002", &["finance"]).await;
    let list = |query: &str| format!("{PEOPLE}?department=%E5%8D%97%E9%99%A2{query}");
    let first = finance.get(&list("")).await.with(200);
    assert!(first.says("120 人") && first.says("院系：南院"), "{}", first.html);
    let second = finance.get(&link(&first, "next").unwrap()).await.with(200);
    let third = finance.get(&link(&second, "next").unwrap()).await.with(200);
    let all: Vec<String> = (0..120).map(|nth| format!("N{nth:03}")).collect();
    assert_eq!([shown(&first), shown(&second), shown(&third)].concat(), all);
    assert_eq!((link(&first, "prev"), link(&third, "next")), (None, None));
    let next = link(&first, "next").unwrap();
    assert!(!next.contains("N0"), "a place in the list names nobody: {next}");
    let back = finance.get(&link(&third, "prev").unwrap()).await.with(200);
    assert_eq!(shown(&back), shown(&second));
    let back = finance.get(&link(&back, "prev").unwrap()).await.with(200);
    assert_eq!((shown(&back), link(&back, "prev")), (shown(&first), None));
    let odd = finance.get(&list("&class=%E5%8F%8C%E7%8F%AD")).await.with(200);
    assert!(odd.says("60 人") && odd.says("班级：双班"), "{}", odd.html);
    // From somebody back to the page and row.
    let path = second.between("data-head=\"学号或工号\"><a href=\"", "\"").replace("&#38;", "&");
    let person = finance.get(&path).await.with(200);
    let back = person.html.rsplit_once("<a href=\"").unwrap().1.split_once('"').unwrap().0;
    let (back, anchor) = back.rsplit_once('#').unwrap();
    assert_eq!(shown(&finance.get(&back.replace("&#38;", "&")).await), shown(&second));
    assert!(second.says(&format!("id=\"{anchor}\"")), "{anchor}");
    for bad in ["state=x", "debt=2", "after=x", "state=%27"] {
        finance.get(&format!("{PEOPLE}?{bad}")).await.with(422);
    }
}

async fn who_owes_is_who_owes_in_sum(db: &TestDb) {
    let world = World::start(db).await;
    listed(&world, "xnec", "N003,人,,,student,,,\nN004,人,,,student,,,\nN005,人,,,student,,,\n")
        .await;
    let (finance, _) = Browser::of(&world, "li", "1002", &["finance"]).await;
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    for (number, fen) in [("N003", -500), ("N004", 700), ("N005", -1)] {
        let person = PersonId::from_uuid(world.rows.person("xnec", number).await);
        fact(&world.db, (school, person), fen).await;
        if number == "N005" {
            fact(&world.db, (school, person), 2).await;
        }
    }
    let owing = finance.get(&format!("{PEOPLE}?debt=1")).await.with(200);
    assert_eq!(shown(&owing), ["N003"], "{}", owing.html);
    assert!(owing.says("−¥5.00") && owing.says("有欠款") && owing.says(">欠款<"), "{}", owing.html);
    let rich = finance.get(&format!("{PEOPLE}?state=normal")).await.with(200);
    assert!(rich.says("¥7.00") && rich.says("−¥5.00"), "{}", rich.html);
}

/// How a card stands is worked out in SQL for filters and in Rust for a person: they agree.
async fn a_state_in_sql_is_that_of_the_card(db: &TestDb) {
    let world = World::start(db).await;
    let today = now().day().number();
    let mut rows = String::new();
    let mut people = Vec::new();
    for status in ["active", "closed"] {
        for lost in [false, true] {
            for dormant in [false, true] {
                for last in [None, Some(today - 1), Some(today), Some(today + 1)] {
                    let number = format!("S{:02}", people.len());
                    writeln!(rows, "{number},人,,,student,州,,").unwrap();
                    people.push((number, status, lost, dormant, last));
                }
            }
        }
    }
    listed(&world, "xnec", &rows).await;
    let null = |set: bool| if set { "1" } else { "NULL" };
    for (number, status, lost, dormant, last) in &people {
        let last = last.map_or("NULL".to_owned(), |last| last.to_string());
        let sql = format!(
            "UPDATE person SET status = '{status}', lost_at = {}, dormant_at = {}, \
             valid_until = {last}, closed_at = {} WHERE student_no = '{number}'",
            null(*lost),
            null(*dormant),
            null(*status == "closed"),
        );
        world.rows.change(&sql, []).await;
    }
    let network = staff(&world, "net", "1003", "network_center").await;
    let mut found = 0;
    for (code, status) in PeopleQuery::STATES {
        let of = |(number, code, lost, dormant, last): &(String, &str, bool, bool, Option<i32>)| {
            let standing = Standing {
                status: PersonStatus::from_code(code).unwrap(),
                valid_until: last.map(onecard::base::clock::Day::from_number),
                lost: *lost,
                dormant: *dormant,
            };
            (CardStatus::of(standing, now().day()) == status).then(|| number.clone())
        };
        let expected: Vec<String> = people.iter().filter_map(of).collect();
        let body = json!({ "state": code, "department": "州" });
        assert_eq!(search_json(&network, body).await, expected, "{code}");
        found += expected.len();
    }
    assert_eq!(found, people.len(), "each is in one state");
}

async fn roles_see_what_they_may(db: &TestDb) {
    let world = World::start(db).await;
    let id = world.rows.person("xnec", "2301001").await;
    // Role: sees people, what they have, may be shown a name, may stop a card.
    let roles = [
        ("card_office", [true, true, true, true]),
        ("finance", [true, true, true, false]),
        ("network_center", [true, false, true, true]),
        ("counsellor", [true, false, false, false]),
        ("auditor", [true, true, false, false]),
        ("admin", [false; 4]),
    ];
    for (nth, (role, [sees, money, reveals, stops])) in roles.into_iter().enumerate() {
        let (login, number) = (format!("m{nth}"), format!("11{nth}"));
        let (browser, _) = Browser::of(&world, &login, &number, &[role]).await;
        // A counsellor sees the own classes alone.
        let classes = "UPDATE staff_member SET classes = (SELECT class_name FROM person \
                       WHERE student_no = '2301001') WHERE roles = 'counsellor'";
        world.change(classes, []).await;
        let nav = browser.get("/staff").await.with(200);
        assert_eq!(nav.says("href=\"/staff/people\""), sees, "{role}");
        if !sees {
            browser.get(PEOPLE).await.with(403);
            continue;
        }
        let list = browser.get(PEOPLE).await.with(200);
        assert_eq!(list.says("data-head=\"余额\""), money, "{role}");
        assert_eq!(list.says("name=\"debt\""), money, "{role}");
        let debt = browser.get(&format!("{PEOPLE}?debt=1")).await.status;
        assert_eq!(debt == 200, money, "{role}: {debt}");
        let page = browser.get(&format!("{PEOPLE}/{id}")).await.with(200);
        assert_eq!(page.says("¥0.00"), money, "{role}");
        assert_eq!(page.says("/reveal\""), reveals, "{role}");
        assert_eq!(page.says("/loss\""), stops, "{role}");
        for hidden in ["林晓雨", "12000000001", "990101200503170026"] {
            assert!(!page.says(hidden) && !list.says(hidden), "{role}: {hidden}");
        }
        assert!(page.says("**雨（2301001）") && page.says("尾号 0001"), "{}", page.html);
    }
    let net = staff(&world, "json", "1199", "network_center").await;
    let people = net.post("/api/v1/staff/people/search", &json!({ "text": "2301001" })).await;
    assert_eq!(people.body(200)["items"][0]["balance_fen"], Value::Null);
    let debt = net.post("/api/v1/staff/people/search", &json!({ "in_debt": true })).await;
    debt.problem("without money", 403, "staff_right_missing");
    let one = net.get(&format!("/api/v1/staff/people/{id}")).await.body(200);
    assert_eq!(one["person"]["name"], "**雨");
    assert_eq!((&one["phone_end"], &one["person"]["balance_fen"]), (&json!("0001"), &Value::Null));
}

async fn an_opened_person_is_told_to_the_log(db: &TestDb) {
    let world = World::start(db).await;
    let id = world.rows.person("xnec", "2301001").await;
    let other = world.rows.person("hbkj", "3301001").await;
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let page = auditor.get(&format!("{PEOPLE}/{id}")).await.with(200);
    let log = page.between("<a href=\"/staff/audit?object=", "\"");
    assert_eq!(log, id.to_string());
    let log = auditor.get(&format!("/staff/audit?object={log}")).await.with(200);
    assert!(log.says("打开人员") && log.says("he（1004）"), "{}", log.html);
    auditor.get(&format!("{PEOPLE}/{other}")).await.with(404);
    auditor.get(&format!("{PEOPLE}/2301001")).await.with(404);
    let opened = "SELECT subject FROM audit_entry WHERE act = 'person.opened'";
    assert_eq!(world.rows.texts(opened).await, [format!("person {id}")]);
}

async fn markup_in_a_name_is_text(db: &TestDb) {
    let world = World::start(db).await;
    listed(
        &world,
        "xnec",
        "X1,<b>雨</b>><,,13800138009,student,<i>系</i>,\"<script>x</script>\",\n",
    )
    .await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let list = office.follow(&search(&office, "X1").await).await.with(200);
    let id = world.rows.person("xnec", "X1").await;
    let page = office.get(&format!("{PEOPLE}/{id}")).await.with(200);
    let form = office.get(&format!("{PEOPLE}/{id}/reveal")).await.with(200);
    let path = format!("{PEOPLE}/{id}/reveal");
    let fields = [("form_id", &*form.field("form_id")), ("reason", "contact"), ("text", "<u>")];
    let name = office.submit(&form, &path, &fields).await.with(200);
    for html in [&list.html, &page.html, &name.html, &form.html] {
        for markup in ["<b>", "<i>", "<script>", "<u>"] {
            assert!(!html.contains(markup), "{markup}: {html}");
        }
    }
    assert!(name.says("&#60;b&#62;雨&#60;/b&#62;"), "{}", name.html);
    let log = office.get(&format!("/staff/audit?object={id}")).await.with(200);
    assert!(log.says("联系学生：&#60;u&#62;"), "{}", log.html);
}

async fn names_of_earlier_releases_are_found_after_the_next_roster(db: &TestDb) {
    let world = World::start(db).await;
    let row = "E1,郑成功,,,student,,,\n";
    listed(&world, "xnec", row).await;
    let network = staff(&world, "net", "1003", "network_center").await;
    let found = async || search_json(&network, json!({ "text": "郑成功" })).await;
    assert_eq!(found().await, ["E1"]);
    world.rows.change("UPDATE person SET name_index = NULL", []).await;
    assert_eq!(found().await, [""; 0]);
    listed(&world, "xnec", row).await;
    assert_eq!(found().await, ["E1"]);
    // And by the command, under the same key.
    world.rows.change("UPDATE person SET name_index = NULL", []).await;
    let step = keys().reindex(&world.db, None, now()).await.unwrap();
    assert!(step.written > 0 && step.failed.is_empty(), "{step:?}");
    assert_eq!(found().await, ["E1"]);
    assert_eq!(keys().reindex(&world.db, None, now()).await.unwrap().written, 0);
    testkit::assert_authentic(&world.db).await;
}

/// So many people, half of them with an account; a few lost, dormant, expired and in debt.
async fn crowd(world: &World, count: usize) {
    for chunk in (0..count).collect::<Vec<_>>().chunks(20_000) {
        let mut rows = String::new();
        for nth in chunk {
            let (department, class) = (nth % 40, nth % 2000);
            writeln!(
                rows,
                "C{nth:06},人{nth},,1{:010},student,第{department}院,{class}班,",
                3_000_000_000 + nth
            )
            .unwrap();
        }
        listed(world, "xnec", &rows).await;
    }
    let school = world.rows.school("xnec").await;
    let id = if world.rows.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
    for (path, fen) in [("e_account", "700"), ("transition", "-100"), ("card:1", "1200")] {
        let sql = format!(
            "INSERT INTO account (id, school_id, person_id, path, class, balance_fen) \
             SELECT {id}, {school}, id, '{path}', 1, CASE WHEN substr(student_no, 5) = '777' \
             THEN -5000 WHEN {fen} < 0 THEN 0 ELSE {fen} END FROM person \
             WHERE school_id = {school} AND student_no LIKE 'C%'"
        );
        world.rows.change(&sql, []).await;
    }
    for (column, end, value) in
        [("lost_at", "111", 1_i64), ("dormant_at", "222", 1), ("valid_until", "333", 20_000)]
    {
        let sql =
            format!("UPDATE person SET {column} = {value} WHERE substr(student_no, 5) = '{end}'");
        world.rows.change(&sql, []).await;
    }
    if world.rows.is_postgres() {
        world.rows.change("ANALYZE", []).await;
    }
}

pub fn of_school(school: i64) -> StaffMember {
    StaffMember {
        session: StaffSessionId::new(now()),
        id: StaffId::new(now()),
        school: SchoolId::from_number(school),
        login: "li".parse().unwrap(),
        staff_no: "1002".parse().unwrap(),
        roles: StaffRoles::new(["finance".parse().unwrap()]),
        classes: StaffClasses::default(),
        factor_at: now(),
    }
}

/// What is asked of the crowd.
fn asked_for() -> [(&'static str, PeopleQuery); 15] {
    let text = |text: &str| PeopleQuery { text: Some(text.into()), ..PeopleQuery::default() };
    let state = |state: &str| PeopleQuery { state: Some(state.into()), ..PeopleQuery::default() };
    let class = PeopleQuery { class: Some("7班".into()), ..PeopleQuery::default() };
    let department = PeopleQuery { department: Some("第7院".into()), ..PeopleQuery::default() };
    let debt = PeopleQuery { debt: Some("1".into()), ..PeopleQuery::default() };
    [
        ("all", PeopleQuery::default()),
        ("a beginning of all", text("C")),
        ("a beginning", text("C0017")),
        ("a number", text("C001234")),
        ("a name", text("人1234")),
        ("a phone", text("13000001234")),
        ("nobody", text("人")),
        ("normal", state("normal")),
        ("lost", state("lost")),
        ("dormant", state("dormant")),
        ("expired", state("expired")),
        ("closed", state("closed")),
        ("class", class),
        ("department", department),
        ("debt", debt),
    ]
}

/// One for the rows, one for the count, one for the departments; among 100,000 people with
/// `ONECARD_LONG=1`.
async fn a_list_of_people_costs_three_statements(db: &TestDb) {
    let long = std::env::var_os("ONECARD_LONG").is_some();
    let world = World::start(db).await;
    let count = if long { 100_000 } else { 2000 };
    crowd(&world, count).await;
    let settings = world.settings("http://127.0.0.1:1");
    let app =
        App::build(Settings::load(None, settings.into_iter()).unwrap(), Arc::new(SystemClock));
    let app = app.await.unwrap();
    let (desk, member) = (&app.journeys.people_desk, of_school(world.rows.school("xnec").await));
    let queries = asked_for();
    let middle = world.rows.person("xnec", "C001000").await;
    for (name, query) in queries {
        for beyond in [None, Some(middle)] {
            let page = Keyset { beyond, descending: false, most: 51 };
            let began = Instant::now();
            let ((), sent) = counting_statements(async {
                desk.page(&member, &query, page).await.unwrap();
                desk.count(&member, &query, 1001).await.unwrap();
                desk.departments(&member).await.unwrap();
            })
            .await;
            let place = if beyond.is_some() { ", later" } else { "" };
            println!("{name}{place}: {sent} statements, {:?}", began.elapsed());
            assert!(sent <= 3, "{name}: {sent}");
        }
    }
    assert_eq!(
        desk.departments(&member)
            .await
            .unwrap()
            .iter()
            .filter(|name| name.starts_with('第'))
            .count(),
        40
    );
    let owing = PeopleQuery { debt: Some("1".into()), ..PeopleQuery::default() };
    assert_eq!(
        desk.count(&member, &owing, 1001).await.unwrap(),
        u64::try_from(count / 1000).unwrap()
    );
}
