//! Lists of orders: by day and filter, page by page, as files.

use super::browser::{Browser, Page};
use onecard::{
    app::App,
    base::{
        clock::{SystemClock, Timestamp},
        db::{Keyset, counting_statements},
        ids::{SchoolId, uuid_at},
    },
    orders::{listing::OrderFilter, order::WholeOrder},
    wiring::Settings,
};
use std::{collections::BTreeSet, sync::Arc, time::Instant};
use testkit::{TestDb, World, now, on_each_database};
use uuid::Uuid;

on_each_database!(
    a_list_is_its_address,
    days_end_at_midnight_in_beijing,
    a_list_shows_the_state_that_its_order_has,
    a_list_is_exported_as_it_is_filtered,
    a_list_costs_three_statements,
);

const ORDERS: &str = "/staff/orders";

/// An order to be written: when, its state, and the refunds of it as amount, source and state.
pub struct Row<'a> {
    at: Timestamp,
    state: &'a str,
    refunds: &'a [(i64, &'a str, &'a str)],
}

const TABLES: [(&str, &str); 3] = [
    (
        "orders",
        "id, school_id, person_id, purpose, amount_fen, state, created_at, expires_at, paid_at",
    ),
    (
        "payment",
        "id, order_id, school_id, provider, merchant, app_id, payer, amount_fen, state, \
         transaction_id, created_at, paid_at, look_at",
    ),
    (
        "refund",
        "id, school_id, person_id, order_id, payment_id, provider, merchant_number, \
         transaction_id, refund_number, amount_fen, total_fen, why, source, state, day, \
         created_at, approved_at, ended_at, ended_by_provider, provider_refund_id",
    ),
];

/// Writes orders of ¥50 past the program: tried at WeChat Pay and, every third one, then at Alipay.
pub async fn write(world: &World, orders: &[Row<'_>]) -> Vec<Uuid> {
    let school = world.rows.school("xnec").await;
    let person = world.rows.person("xnec", "2301001").await.to_string();
    let mut ids = Vec::new();
    for some in orders.chunks(500) {
        let mut values = [const { Vec::new() }; 3];
        for order in some {
            let id = uuid_at(order.at);
            let of = Of { world, school, person: world.rows.literal(&person), id, order };
            of.write(ids.len() % 3 == 2, &mut values);
            ids.push(id);
        }
        for ((table, columns), values) in TABLES.into_iter().zip(values) {
            if !values.is_empty() {
                let values = values.join(", ");
                let sql = format!("INSERT INTO {table} ({columns}) VALUES {values}");
                world.rows.change(&sql, []).await;
            }
        }
    }
    ids
}

/// An order that is written.
struct Of<'a> {
    world: &'a World,
    school: i64,
    person: String,
    id: Uuid,
    order: &'a Row<'a>,
}

impl Of<'_> {
    /// Adds the values of its rows to those of [`TABLES`].
    fn write(&self, at_alipay: bool, [orders, payments, refunds]: &mut [Vec<String>; 3]) {
        let Self { school, person, order, .. } = self;
        let is_paid = !["awaiting_payment", "closed"].contains(&order.state);
        let (at, state) = (order.at.micros(), order.state);
        let paid_at = if is_paid { at.to_string() } else { "NULL".to_owned() };
        let id = self.literal(self.id);
        orders.push(format!(
            "({id}, {school}, {person}, 'card_top_up', 5000, '{state}', {at}, {}, {paid_at})",
            i64::MAX,
        ));
        let last = if is_paid { "paid" } else { "closed" };
        if at_alipay {
            payments.push(self.payment(uuid_at(order.at), "wechat_pay", "closed"));
        }
        let payment = uuid_at(order.at);
        let provider = if at_alipay { "alipay" } else { "wechat_pay" };
        payments.push(self.payment(payment, provider, last));
        let of_payment = order.refunds.iter().map(|refund| self.refund(payment, *refund));
        refunds.extend(of_payment);
    }

    fn payment(&self, payment: Uuid, provider: &str, state: &str) -> String {
        let (at, order) = (self.order.at.micros(), self.literal(self.id));
        let (number, paid_at) = match state {
            "paid" => (format!("'T{}'", self.id.simple()), at.to_string()),
            _ => ("NULL".to_owned(), "NULL".to_owned()),
        };
        let (payment, school) = (self.literal(payment), self.school);
        format!(
            "({payment}, {order}, {school}, '{provider}', 'm', 'a', 'p', 5000, '{state}', \
             {number}, {at}, {paid_at}, 0)"
        )
    }

    fn refund(&self, payment: Uuid, (amount, source, state): (i64, &str, &str)) -> String {
        let Self { school, person, .. } = self;
        let number = Uuid::new_v4();
        let [id, order, payment] = [number, self.id, payment].map(|id| self.literal(id));
        let ended = if ["done", "failed"].contains(&state) { "1" } else { "NULL" };
        let no = if self.world.rows.is_postgres() { "false" } else { "0" };
        format!(
            "({id}, {school}, {person}, {order}, {payment}, 'alipay', 'm', '{number}', '{number}', \
             {amount}, 5000, 'staff', '{source}', '{state}', 1, 1, 1, {ended}, {no}, '')"
        )
    }

    fn literal(&self, id: Uuid) -> String {
        self.world.rows.literal(&id.to_string())
    }
}

/// So many paid orders of today, a millisecond apart.
pub fn paid(count: i64, state: &str) -> Vec<Row<'_>> {
    let start = now().day().start().micros();
    let at = |nth| Timestamp::from_micros(start + nth * 1000);
    (0..count).map(|nth| Row { at: at(nth), state, refunds: &[] }).collect()
}

fn shown(page: &Page) -> Vec<String> {
    let mut rest = &*page.html;
    let mut ids = Vec::new();
    while let Some((_, after)) =
        rest.split_once("<td role=\"cell\" data-head=\"单号\"><a href=\"/staff/orders/")
    {
        ids.push(after[..36].to_owned());
        rest = after;
    }
    ids
}

fn link(page: &Page, rel: &str) -> Option<String> {
    let (before, _) = page.html.split_once(&format!("\" rel=\"{rel}\""))?;
    Some(before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&"))
}

async fn a_list_is_its_address(db: &TestDb) {
    let world = World::start(db).await;
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let empty = auditor.get(ORDERS).await.with(200);
    assert!(empty.says("今天还没有订单。") && !empty.says("导出"), "{}", empty.html);
    let mut ids = write(&world, &paid(120, "fulfilled")).await;
    write(&world, &paid(3, "closed")).await;
    ids.reverse();
    let texts: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    // Three pages there, and the same back.
    let first = auditor.get("/staff/orders?state=fulfilled").await.with(200);
    assert!(first.says("120 笔，已付款 ¥6,000.00"), "{}", first.html);
    let second = auditor.get(&link(&first, "next").unwrap()).await.with(200);
    let third = auditor.get(&link(&second, "next").unwrap()).await.with(200);
    assert_eq!([shown(&first), shown(&second), shown(&third)].concat(), texts);
    assert_eq!((link(&first, "prev"), link(&third, "next")), (None, None));
    let back = auditor.get(&link(&third, "prev").unwrap()).await.with(200);
    assert_eq!(shown(&back), shown(&second));
    let back = auditor.get(&link(&back, "prev").unwrap()).await.with(200);
    assert_eq!((shown(&back), link(&back, "prev")), (shown(&first), None));
    // The filter is told, and taken away.
    assert!(
        third.says("状态：已到账") && third.says("href=\"/staff/orders\">移除"),
        "{}",
        third.html
    );
    let all = auditor.get("/staff/orders?state=&purpose=card_top_up").await.with(200);
    assert!(all.says("123 笔") && all.says("用途：校园卡充值"), "{}", all.html);
    let oldest = auditor.get("/staff/orders?state=fulfilled&sort=oldest").await.with(200);
    assert!(oldest.says("aria-sort=\"ascending\""));
    assert_eq!(shown(&oldest), texts.iter().rev().take(50).cloned().collect::<Vec<_>>());
    // Every third was paid at Alipay, after WeChat Pay was tried: it counts where it was paid.
    let alipay = auditor.get("/staff/orders?state=fulfilled&provider=alipay").await.with(200);
    assert!(
        alipay.says("40 笔，已付款 ¥2,000.00") && alipay.says("渠道：支付宝"),
        "{}",
        alipay.html
    );
    assert!(alipay.says(">支付宝</td>") && !alipay.says(">微信支付</td>"), "{}", alipay.html);
    // From an order back to the page and row that it was on.
    let row = &shown(&second)[7];
    let order = second.between(&format!("href=\"/staff/orders/{row}?back="), "\"");
    let order = auditor.get(&format!("/staff/orders/{row}?back={order}")).await.with(200);
    let back =
        order.between("<p class=\"pages\"><a href=\"/staff/orders", "\"").replace("&#38;", "&");
    let (back, anchor) = back.split_once('#').unwrap();
    assert_eq!(shown(&auditor.get(&format!("{ORDERS}{back}")).await), shown(&second));
    assert!(second.says(&format!("id=\"{anchor}\"")), "{anchor}");
    for bad in ["state=x", "day=2026-13-01", "provider=cash", "after=x", "sort=up", "only=1"] {
        auditor.get(&format!("{ORDERS}?{bad}")).await.with(422);
    }
    let none = auditor.get("/staff/orders?state=refunding").await.with(200);
    assert!(none.says("没有符合条件的订单。") && none.says("清除筛选"), "{}", none.html);
}

async fn days_end_at_midnight_in_beijing(db: &TestDb) {
    let world = World::start(db).await;
    let (auditor, _) = Browser::of(&world, "he", "1004", &["auditor"]).await;
    let midnight = Timestamp::parse_rfc3339("2026-03-02T00:00:00+08:00").unwrap().micros();
    let orders = [-1, 0, 86_400_000_000 - 1, 86_400_000_000];
    let at = |by: i64| Timestamp::from_micros(midnight + by);
    let rows = orders.map(|by| Row { at: at(by), state: "fulfilled", refunds: &[] });
    let ids: Vec<String> = write(&world, &rows).await.iter().map(Uuid::to_string).collect();
    for (day, expected) in
        [("2026-03-01", &ids[..1]), ("2026-03-02", &ids[1..3]), ("2026-03-03", &ids[3..])]
    {
        let path = format!("{ORDERS}?day={day}");
        let page = auditor.get(&path).await.with(200);
        assert_eq!(shown(&page).into_iter().rev().collect::<Vec<_>>(), expected, "{day}");
        let sum = expected.len() * 50;
        let text = format!("{day}：{} 笔，已付款 ¥{sum}.00", expected.len());
        assert!(page.says(&text), "{text}: {}", page.html);
        let export = format!("{ORDERS}/export?day={day}");
        let file = auditor.submit(&page, &export, &[("format", "csv")]).await.with(200);
        let named = expected.iter().all(|id| file.says(&id.replace('-', "")));
        assert!(named && file.html.lines().count() == 1 + expected.len(), "{}", file.html);
        for time in file.html.lines().skip(1) {
            assert!(time.contains(&format!(",{day} ")), "{time}");
        }
    }
}

/// The state is worked out in SQL for lists and in Rust for an order: they agree, filtered or not.
async fn a_list_shows_the_state_that_its_order_has(db: &TestDb) {
    let world = World::start(db).await;
    let refunds: [&[(i64, &str, &str)]; 12] = [
        &[],
        &[(5000, "e_account", "done")],
        &[(4999, "e_account", "done")],
        &[(4999, "e_account", "done"), (1, "e_account", "done")],
        &[(4999, "e_account", "done"), (1, "e_account", "failed")],
        &[(5000, "suspense", "done")],
        &[(1, "e_account", "requested")],
        &[(1, "e_account", "sent")],
        &[(5000, "e_account", "done"), (1, "suspense", "sent")],
        &[(5000, "e_account", "failed")],
        &[(1, "e_account", "asked")],
        &[(1, "suspense", "requested")],
    ];
    let start = now().day().start();
    let states = ["awaiting_payment", "paid", "fulfilled", "closed"];
    let rows: Vec<Row<'_>> = states
        .into_iter()
        .flat_map(|state| refunds.map(|refunds| Row { at: start, state, refunds }))
        .collect();
    let ids = write(&world, &rows).await;
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    let everything = Keyset { beyond: None, descending: true, most: 101 };
    let all = OrderFilter { day: Some(start.day()), ..OrderFilter::all(school) };
    let listed = all.page(&world.db, everything).await.unwrap();
    assert_eq!(listed.len(), ids.len());
    let mut states = BTreeSet::new();
    for order in &listed {
        let whole = WholeOrder::of_school(&world.db, school, order.id).await.unwrap().unwrap();
        assert_eq!(order.state, whole.shown_state(), "{whole:?}");
        states.insert(order.state);
    }
    assert_eq!(states, BTreeSet::from(OrderFilter::STATES));
    for state in OrderFilter::STATES {
        let filter = OrderFilter { state: Some(state), ..all.clone() };
        let found = filter.page(&world.db, everything).await.unwrap();
        let expected: Vec<_> =
            listed.iter().filter(|order| order.state == state).cloned().collect();
        assert_eq!(found, expected, "{state}");
        let (count, _) = filter.total(&world.db, 1001).await.unwrap();
        assert_eq!(count, u64::try_from(expected.len()).unwrap(), "{state}");
    }
}

async fn a_list_is_exported_as_it_is_filtered(db: &TestDb) {
    let world = World::start(db).await;
    write(&world, &paid(60, "fulfilled")).await;
    write(&world, &paid(4, "closed")).await;
    let formula = "UPDATE payment SET transaction_id = '=1+1' \
                   WHERE transaction_id = (SELECT MIN(transaction_id) FROM payment)";
    world.rows.change(formula, []).await;
    let (finance, _) = Browser::of(&world, "li", "1002", &["finance"]).await;
    let page = finance.get("/staff/orders?state=fulfilled").await.with(200);
    let path = page.between("<form class=\"inline\" method=\"post\" action=\"", "\"");
    // Of the day that is shown, whatever day it is when the button is pressed.
    assert_eq!(path, format!("/staff/orders/export?state=fulfilled&#38;day={}", now().day()));
    let path = path.replace("&#38;", "&");
    let csv = finance.submit(&page, &path, &[("format", "csv")]).await.with(200);
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    let lines: Vec<&str> = csv.html.split("\r\n").collect();
    // The byte order mark in front is not part of the text.
    assert!(lines[0].starts_with("单号,时间,人,用途,金额（元）"), "{}", lines[0]);
    assert_eq!((lines.len(), lines[61]), (62, ""), "a header, sixty orders, and no others");
    assert!(csv.says(",'=1+1,") && !csv.says(",=1+1"), "{}", csv.html);
    assert!(lines[1].contains(",*") && lines[1].contains(",50.00,0.00,"), "{}", lines[1]);
    let xlsx = finance.submit(&page, &path, &[("format", "xlsx")]).await.with(200);
    assert!(xlsx.headers["content-type"].contains("spreadsheetml") && xlsx.html.starts_with("PK"));
    finance.submit(&page, &path, &[("format", "pdf")]).await.with(422);
    let told = "SELECT who || ' ' || subject || ' ' || detail FROM audit_entry \
                WHERE act = 'orders.exported' ORDER BY position";
    let today = now().day();
    let entry = |format: &str| {
        format!("staff li, no. 1002 orders of {today} {format}: 60 orders, state fulfilled")
    };
    assert_eq!(world.rows.texts(told).await, [entry("csv"), entry("xlsx")]);
}

/// One for the rows, one for the names, one for the count; among 100,000 orders with `ONECARD_LONG=1`.
async fn a_list_costs_three_statements(db: &TestDb) {
    let long = std::env::var_os("ONECARD_LONG").is_some();
    let world = World::start(db).await;
    let ids = write(&world, &paid(if long { 100_000 } else { 300 }, "fulfilled")).await;
    if world.rows.is_postgres() {
        world.rows.change("ANALYZE", []).await;
    }
    let settings = world.settings("http://127.0.0.1:1");
    let settings = Settings::load(None, settings.into_iter()).unwrap();
    let app = App::build(settings, Arc::new(SystemClock)).await.unwrap();
    let desk = &app.journeys.order_desk;
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    let number = ids[7].simple().to_string();
    let (began, search) = (Instant::now(), WholeOrder::ids_ending(&app.db, school, &number[24..]));
    let (found, sent) = counting_statements(search).await;
    println!("a number: {sent} statement, {:?}", began.elapsed());
    assert_eq!((found.unwrap()[0].uuid(), sent), (ids[7], 1));
    let today = OrderFilter { day: Some(now().day()), ..OrderFilter::all(school) };
    let provider = onecard::orders::fact::Provider::ALL[1];
    let filters = [
        ("today", today.clone()),
        ("fulfilled", OrderFilter { state: Some("fulfilled"), ..today.clone() }),
        ("closed", OrderFilter { state: Some("closed"), ..today.clone() }),
        ("refunding", OrderFilter { state: Some("refunding"), ..today.clone() }),
        ("provider", OrderFilter { provider: Some(provider), ..today.clone() }),
        ("all days", OrderFilter { day: None, ..today }),
    ];
    for (name, filter) in filters {
        let page = Keyset { beyond: None, descending: true, most: 51 };
        let began = Instant::now();
        let ((), sent) = counting_statements(async {
            desk.page(&filter, page).await.unwrap();
            desk.total(&filter, 1001).await.unwrap();
        })
        .await;
        println!("{name}: {sent} statements, {:?}", began.elapsed());
        assert!(sent <= 3, "{name}: {sent}");
    }
}
