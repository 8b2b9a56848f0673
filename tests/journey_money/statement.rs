//! The statement: what a student sees of the ledger, by page, by month and as a table.

use onecard::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    ledger::{
        account::{Account, CardAccount, CardId, Name, PersonAccount, SchoolAccount},
        post_all,
        transfer::{Kind, Leg, Nature, Transfer},
    },
};
use serde_json::{Value, json};
use testkit::{ELSEWHERE, PEOPLE, Student, TestDb, World, now, on_each_database};

on_each_database!(
    a_top_up_stands_on_the_statement_with_its_order,
    every_kind_of_line_has_its_words,
    pages_follow_each_other_while_money_moves,
    days_are_those_of_shanghai,
    months_add_up_to_the_balance,
    nobody_sees_the_lines_of_others,
    invalid_parameters_are_named,
    a_table_can_be_taken_along,
    a_table_of_too_many_lines_is_refused,
);

const STATEMENT: &str = "/api/v1/card/statement";

/// A bound student whose money moves without the world outside.
struct Holder {
    world: World,
    student: Student,
    school: SchoolId,
    person: PersonId,
}

/// From, to, and how much in fen.
type Legs<'a> = &'a [(&'a str, &'a str, i64)];

/// Accounts by short words.
fn account(word: &str) -> Account {
    use PersonAccount::{EAccount, Goods, Hold, Refund, Transition};
    let name = |text| Name::parse(text).unwrap();
    let card = CardId::from_uuid(uuid::Uuid::from_u128(7));
    match word {
        "e" => Account::Person(EAccount),
        "transition" => Account::Person(Transition),
        "goods" => Account::Person(Goods),
        "hold" => Account::Person(Hold),
        "refund" => Account::Person(Refund),
        "card" => Account::Card(card, CardAccount::Card),
        "writing" => Account::Card(card, CardAccount::Writing),
        "wechat" => Account::School(SchoolAccount::Clearing(name("wechat_pay"))),
        "canteen" => Account::School(SchoolAccount::Merchant(name("canteen"))),
        "opening" => Account::School(SchoolAccount::Opening),
        other => panic!("no account is called {other}"),
    }
}

impl Holder {
    async fn start(db: &TestDb) -> Self {
        let world = World::start(db).await;
        let student = world.student(0).await;
        let school = SchoolId::from_number(world.rows.school("xnec").await);
        let person = PersonId::from_uuid(world.rows.person("xnec", PEOPLE[0].0).await);
        Self { world, student, school, person }
    }

    fn transfer(&self, reference: &str, legs: Legs<'_>) -> Transfer {
        let leg = |(from, to, fen): &(&str, &str, i64)| Leg {
            from: account(from),
            to: account(to),
            amount: Fen::new(*fen).unwrap(),
        };
        Transfer {
            school: self.school,
            person: Some(self.person),
            kind: Kind::new("test"),
            reference: reference.to_owned(),
            nature: Nature::Fact,
            value_day: now().day(),
            legs: legs.iter().map(leg).collect(),
        }
    }

    /// Moves money at that time.
    async fn post(&self, at: &str, reference: &str, legs: Legs<'_>) {
        let at = Timestamp::parse_rfc3339(at).unwrap();
        let transfers = [self.transfer(reference, legs)];
        let outcomes = self.world.db.in_tx(async |tx| post_all(tx, at, &transfers).await).await;
        assert!(outcomes.unwrap().iter().all(Result::is_ok));
    }

    /// One of each: ¥100 from the old system, ¥50 topped up, ¥12.05 and ¥8 spent, and so on.
    async fn moved(&self) {
        let moves: [(&str, &str, Legs<'_>); 8] = [
            ("2026-08-31T23:59:59.999999+08:00", "a", &[("opening", "card", 10_000)]),
            ("2026-09-01T00:00:00+08:00", "b", &[("wechat", "e", 5_000)]),
            (
                "2026-09-01T12:00:00+08:00",
                "c",
                &[("e", "transition", 1_205), ("transition", "canteen", 1_205)],
            ),
            ("2026-09-01T12:00:00+08:00", "d", &[("card", "canteen", 800)]),
            ("2026-09-30T23:59:59+08:00", "e", &[("canteen", "transition", 205)]),
            ("2026-10-01T08:00:00+08:00", "f", &[("e", "transition", 100)]),
            ("2026-10-02T08:00:00+08:00", "g", &[("e", "writing", 1_000)]),
            ("2026-10-03T08:00:00+08:00", "h", &[("e", "goods", 300)]),
        ];
        for (at, reference, legs) in moves {
            self.post(at, reference, legs).await;
        }
    }

    async fn page(&self, query: &str) -> Value {
        self.student.get(&format!("{STATEMENT}{query}")).await.body(200)
    }

    async fn titles(&self, query: &str) -> Vec<String> {
        let page = self.page(query).await;
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["title"].as_str().unwrap().to_owned()).collect()
    }

    async fn total(&self) -> i64 {
        self.student.balances().await[3]
    }
}

fn sum(items: &Value, name: &str) -> i64 {
    items.as_array().unwrap().iter().map(|item| item[name].as_i64().unwrap()).sum()
}

async fn a_top_up_stands_on_the_statement_with_its_order(db: &TestDb) {
    let Holder { world, student, .. } = Holder::start(db).await;
    assert_eq!(student.get(STATEMENT).await.body(200), json!({ "items": [], "next_cursor": null }));
    let order = student.order(5000, "first").await.body(201);
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    let page = student.get(STATEMENT).await.body(200);
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{page}");
    let item = &items[0];
    assert_eq!((&item["kind"], &item["title"]), (&json!("top_up"), &json!("微信充值")));
    assert_eq!((&item["amount_fen"], &item["order_id"]), (&json!(5000), &order["id"]));
    let at = Timestamp::parse_rfc3339(item["at"].as_str().unwrap()).unwrap();
    assert!(at.distance(now()).as_secs() < 60, "{item}");
    let month = at.day().to_string()[..7].to_owned();
    let picture = student.get(&format!("{STATEMENT}/months/{month}")).await.body(200);
    assert_eq!((&picture["in_fen"], &picture["out_fen"]), (&json!(5000), &json!(0)));
    assert_eq!(picture["days"][0]["day"], at.day().to_string());
}

async fn every_kind_of_line_has_its_words(db: &TestDb) {
    let holder = Holder::start(db).await;
    holder.moved().await;
    let page = holder.page("").await;
    let told: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| json!([item["kind"], item["title"], item["amount_fen"]]))
        .collect();
    let mut expected = vec![
        json!(["spend", "生活缴费", -300]),
        json!(["transfer", "领款", -1000]),
        json!(["refund", "消费退回", 205]),
        json!(["spend", "消费", -800]),
        json!(["spend", "消费", -1205]),
        json!(["top_up", "微信充值", 5000]),
        json!(["adjustment", "旧系统余额转入", 10000]),
    ];
    if told[3] != expected[3] {
        expected.swap(3, 4); // of one instant
    }
    assert_eq!(told, expected, "what moves between a person's own balances has no line");
    assert_eq!(sum(&page["items"], "amount_fen"), holder.total().await);

    let kinds = [
        ("top_up", vec!["微信充值"]),
        ("spend", vec!["生活缴费", "消费", "消费"]),
        ("refund", vec!["消费退回"]),
        ("transfer", vec!["领款"]),
        ("adjustment", vec!["旧系统余额转入"]),
    ];
    for (kind, titles) in kinds {
        assert_eq!(holder.titles(&format!("?kind={kind}")).await, titles, "{kind}");
    }
    assert_eq!(holder.titles("?kind=spend&to=2026-09-30&limit=1").await, ["消费"]);
}

async fn pages_follow_each_other_while_money_moves(db: &TestDb) {
    let holder = Holder::start(db).await;
    holder.moved().await;
    let whole = holder.page("?limit=100").await;
    assert_eq!(whole["next_cursor"], Value::Null);
    let mut minute = 0;
    for limit in [1, 2, 3, 6, 7] {
        let (mut items, mut query) = (Vec::new(), format!("?limit={limit}"));
        // Seven lines, and what came during the rounds before, fill no more pages than that.
        for pages in 1.. {
            assert!(pages <= 8, "page {pages} of {limit} lines each");
            let page = holder.page(&query).await;
            items.extend(page["items"].as_array().unwrap().clone());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            assert_eq!(page["items"].as_array().unwrap().len(), limit);
            query = format!("?limit={limit}&cursor={cursor}");
            // What comes meanwhile stands above, and shifts nothing.
            let reference = format!("later-{limit}-{}", items.len());
            minute += 1;
            let at = format!("2026-11-01T09:{minute:02}:00+08:00");
            holder.post(&at, &reference, &[("wechat", "e", 1)]).await;
        }
        let below = whole["items"].as_array().unwrap();
        assert!(items.ends_with(&below[1..]) || items.ends_with(below), "{limit}");
    }
    // More than a page may have: a hundred.
    assert!(holder.page("?limit=9999").await["items"].as_array().unwrap().len() <= 100);
    assert_eq!(holder.page("?limit=0").await["items"].as_array().unwrap().len(), 1);
}

async fn days_are_those_of_shanghai(db: &TestDb) {
    let holder = Holder::start(db).await;
    holder.moved().await;
    let cases = [
        ("?from=2026-10-03", vec!["生活缴费"]),
        ("?to=2026-08-31", vec!["旧系统余额转入"]),
        ("?from=2026-08-31&to=2026-08-31", vec!["旧系统余额转入"]),
        ("?from=2026-09-01&to=2026-09-01", vec!["消费", "消费", "微信充值"]),
        ("?from=2026-09-02&to=2026-09-29", vec![]),
        ("?from=2026-09-30&to=2026-10-02", vec!["领款", "消费退回"]),
        ("?from=2026-10-04", vec![]),
    ];
    for (query, titles) in cases {
        assert_eq!(holder.titles(query).await, titles, "{query}");
    }
}

async fn months_add_up_to_the_balance(db: &TestDb) {
    let holder = Holder::start(db).await;
    holder.moved().await;
    let (mut came, mut went, mut back) = (0, 0, 0);
    for month in ["2026-07", "2026-08", "2026-09", "2026-10", "2026-11"] {
        let picture = holder.page(&format!("/months/{month}")).await;
        assert_eq!(picture["refund_fen"].as_i64().unwrap(), sum(&picture["days"], "refund_fen"));
        back += sum(&picture["days"], "refund_fen");
        assert_eq!(picture["month"], month);
        for (all, name) in [(&mut came, "in_fen"), (&mut went, "out_fen")] {
            assert_eq!(picture[name].as_i64().unwrap(), sum(&picture["days"], name));
            *all += sum(&picture["days"], name);
        }
    }
    assert_eq!(came - went + back, holder.total().await);
    let september = holder.page("/months/2026-09").await;
    let days = json!([
        { "day": "2026-09-01", "in_fen": 5000, "out_fen": 2005, "refund_fen": 0 },
        { "day": "2026-09-30", "in_fen": 0, "out_fen": 0, "refund_fen": 205 },
    ]);
    assert_eq!(
        september,
        json!({
            "month": "2026-09", "in_fen": 5000, "out_fen": 2005, "refund_fen": 205, "days": days,
        })
    );
    let empty = json!({
        "month": "2026-07", "in_fen": 0, "out_fen": 0, "refund_fen": 0, "days": [],
    });
    assert_eq!(holder.page("/months/2026-07").await, empty);
}

async fn nobody_sees_the_lines_of_others(db: &TestDb) {
    let holder = Holder::start(db).await;
    holder.moved().await;
    let cursor = holder.page("?limit=1").await["next_cursor"].as_str().unwrap().to_owned();
    let classmate = holder.world.student(1).await;
    let elsewhere = holder.world.login(2).await;
    elsewhere.bind("hbkj", ELSEWHERE).await.body(201);
    for other in [&classmate, &elsewhere] {
        for query in ["", "?kind=spend", "?from=2026-09-01", &format!("?cursor={cursor}")] {
            let page = other.get(&format!("{STATEMENT}{query}")).await.body(200);
            assert_eq!(page, json!({ "items": [], "next_cursor": null }), "{query}");
        }
        let month = other.get(&format!("{STATEMENT}/months/2026-09")).await.body(200);
        assert_eq!(month["days"], json!([]));
        let table = other.get(&format!("{STATEMENT}.csv")).await;
        assert_eq!(table.text().lines().count(), 1, "the header alone");
    }
    let unbound = holder.world.login(3).await;
    for path in ["", ".csv", "/months/2026-09"] {
        let path = format!("{STATEMENT}{path}");
        holder.world.api().get(&path).await.problem(&path, 401, "unauthenticated");
        unbound.get(&path).await.problem(&path, 403, "not_bound");
    }
}

async fn invalid_parameters_are_named(db: &TestDb) {
    let holder = Holder::start(db).await;
    holder.moved().await;
    holder.world.at_rest().await;
    let before = holder.world.rows.everything().await;
    let cases = [
        ("?from=2026-9-1", "#query/from"),
        ("?from=2026-02-30", "#query/from"),
        ("?from=", "#query/from"),
        ("?from=1999-12-31", "#query/from"),
        ("?from=2026-09-01'--", "#query/from"),
        ("?to=tomorrow", "#query/to"),
        ("?to=%E4%BB%8A%E5%A4%A9", "#query/to"),
        ("?from=2026-09-02&to=2026-09-01", "#query/to"),
        ("?kind=Spend", "#query/kind"),
        ("?kind=", "#query/kind"),
        ("?kind=spend'%20OR%201=1--", "#query/kind"),
        ("?cursor=1", "#query/cursor"),
        ("?cursor=", "#query/cursor"),
        ("?limit=-1", "#query"),
        ("?limit=ten", "#query"),
        ("?limit=99999999999999999999", "#query"),
        ("?limit=1&limit=2", "#query"),
        ("?from=%FF", "#query/from"),
        ("/months/2026", "#path/month"),
        ("/months/2026-13", "#path/month"),
        ("/months/2026-9", "#path/month"),
        ("/months/2026-09-01", "#path/month"),
        ("/months/%E4%B9%9D%E6%9C%88", "#path/month"),
        ("/months/3000-01", "#path/month"),
        (".csv?from=2026-09-31", "#query/from"),
        (".csv?from=2025-09-01&to=2026-09-02", "#query/from"),
        (".csv?to=2026-09-00", "#query/to"),
        (".csv?from=2026-09-02&to=2026-09-01", "#query/to"),
        (".csv?from=2020-01-01", "#query/from"),
    ];
    for (query, pointer) in cases {
        let answer = holder.student.get(&format!("{STATEMENT}{query}")).await;
        let problem = answer.problem(query, 422, "request_invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}: {problem}");
    }
    assert_eq!(holder.world.rows.everything().await, before);
}

async fn a_table_can_be_taken_along(db: &TestDb) {
    let holder = Holder::start(db).await;
    holder.moved().await;
    let query = ".csv?from=2026-09-01&to=2026-09-30";
    let answer = holder.student.get(&format!("{STATEMENT}{query}")).await;
    let text = answer.text();
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    let name = "attachment; filename=\"statement-2026-09-01-2026-09-30.csv\"";
    assert_eq!(answer.header("content-disposition"), Some(name));
    let rows: Vec<&str> = text.trim_start_matches('\u{feff}').split_terminator("\r\n").collect();
    assert!(text.starts_with('\u{feff}') && text.ends_with("\r\n"));
    assert_eq!(rows[0], "时间,类型,说明,入账（元）,出账（元）,流水号");
    assert_eq!(rows.len(), 5);
    assert!(rows[1].starts_with("2026-09-30 23:59:59,退款,消费退回,2.05,,"), "{text}");
    assert!(rows[2..4].iter().any(|row| row.contains(",消费,消费,,12.05,")), "{text}");
    assert!(rows[4].starts_with("2026-09-01 00:00:00,充值,微信充值,50.00,,"), "{text}");
    for row in &rows {
        assert!(row.split(',').all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{row}");
    }
    let by_default = holder.student.get(&format!("{STATEMENT}.csv")).await;
    assert_eq!(by_default.status, 200, "{}", by_default.text());
    let leap = holder.student.get(&format!("{STATEMENT}.csv?from=2028-01-01&to=2028-12-31")).await;
    assert_eq!(leap.status, 200, "{}", leap.text());
}

/// An export is bounded, and says so rather than leave lines out.
async fn a_table_of_too_many_lines_is_refused(db: &TestDb) {
    let holder = Holder::start(db).await;
    let at = Timestamp::parse_rfc3339("2026-09-01T12:00:00+08:00").unwrap();
    let most = i64::try_from(onecard::overview::statement::MAX_EXPORT_LINES).unwrap();
    for chunk in 0..=(most / 1000) {
        let lines =
            (0..1000).map(|n| holder.transfer(&format!("{chunk}-{n}"), &[("wechat", "e", 1)]));
        let lines: Vec<_> = lines.take(if chunk == most / 1000 { 1 } else { 1000 }).collect();
        holder.world.db.in_tx(async |tx| post_all(tx, at, &lines).await).await.unwrap();
    }
    let all = format!("{STATEMENT}.csv?from=2026-09-01&to=2026-09-01");
    holder.student.get(&all).await.problem("one too many", 422, "export_too_large");
    let month = holder.page("/months/2026-09").await;
    assert_eq!(month["in_fen"], most + 1);
}
