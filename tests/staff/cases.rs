//! Cases as JSON: who may do what, that one has it, and that it ends with its cause.

use super::{
    support::Member,
    whole_way::{staff, topped_up},
};
use crate::journey_money::refunds::open_cases;
use onecard::{
    app::App,
    base::{
        clock::{SystemClock, Timestamp},
        db::{Keyset, counting_statements},
        ids::{SchoolId, uuid_at},
    },
    cases::{
        self, Case, CaseAct, CaseFacts, CaseFilter, CaseId, CaseKind, CaseState, CaseWorker,
        FoundCase, IDLE,
    },
    wiring::Settings,
};
use sandbox::{callbacks::CallbackMode, wechat_pay::RefundMode};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::{TestDb, World, eventually, now, on_each_database};
use uuid::Uuid;

on_each_database!(
    who_may_do_what,
    money_needs_a_second_factor,
    a_refund_made_at_the_provider_is_checked,
    one_of_sixteen_has_it,
    after_a_day_it_is_anybodys,
    an_old_version_changes_nothing,
    lists_are_filtered,
    what_is_found_again_begins_anew,
    a_case_ends_with_its_cause,
    what_was_opened_before_is_known,
    a_list_costs_three_statements,
);

const CASES: &str = "/api/v1/staff/cases";

/// Opens cases past the program, as it words them: kind, subject, detail.
pub async fn open(world: &World, cases: &[(&str, String, &str)]) -> Vec<Uuid> {
    let school = world.rows.school("xnec").await;
    let mut ids = Vec::new();
    // An id is in the order of time to the millisecond.
    let first = now().minus(Duration::from_millis(u64::try_from(cases.len()).unwrap()));
    for some in cases.chunks(500) {
        let value = |(kind, subject, detail): &(&str, String, &str)| {
            let at = first.plus(Duration::from_millis(u64::try_from(ids.len()).unwrap()));
            let (id, at) = (uuid_at(at), at.micros());
            ids.push(id);
            let id = world.rows.literal(&id.to_string());
            format!("({id}, {school}, '{kind}', '{subject}', '{detail}', {at}, 5000)")
        };
        let values: Vec<String> = some.iter().map(value).collect();
        let columns = "id, school_id, kind, subject, detail, opened_at, amount_fen";
        let sql = format!("INSERT INTO review_case ({columns}) VALUES {}", values.join(", "));
        world.rows.change(&sql, []).await;
    }
    ids
}

/// A case of stray money and one of a platform that was not told.
pub async fn two(world: &World) -> [Uuid; 2] {
    let stray = ("payment", "no_order:wechat_pay:m:4200".to_owned(), "¥50.00 of elsewhere");
    let untold = ("shipping", "0".repeat(32), "no answer after 20 tries");
    open(world, &[stray, untold]).await.try_into().unwrap()
}

async fn act(member: &Member, id: Uuid, act: &str, body: &Value) -> testkit::Answer {
    member.post(&format!("{CASES}/{id}/{act}"), body).await
}

async fn who_may_do_what(db: &TestDb) {
    let world = World::start(db).await;
    let [money, other] = two(&world).await;
    // Role; whether it reads cases at all, those about money, and works on them.
    let table = [
        ("card_office", true, true, true),
        ("finance", true, true, true),
        ("network_center", true, false, true),
        ("auditor", true, true, false),
        ("counsellor", false, false, false),
        ("admin", false, false, false),
    ];
    for (nth, (role, reads, reads_money, works)) in table.into_iter().enumerate() {
        let member = staff(&world, &format!("m{nth}"), &format!("20{nth}"), role).await;
        let list = member.get(CASES).await;
        assert_eq!(list.status, if reads { 200 } else { 403 }, "{role}");
        if reads {
            let list = list.body(200);
            let items = list["items"].as_array().unwrap().iter();
            let ids: Vec<Value> = items.map(|one| one["id"].clone()).collect();
            let all = [json!(money), json!(other)];
            assert_eq!(ids, if reads_money { &all[..] } else { &all[1..] }, "{role}, oldest first");
        }
        for (id, readable) in [(money, reads_money), (other, reads)] {
            // What one may not read is not there.
            let seen = member.get(&format!("{CASES}/{id}")).await.status;
            let hidden = if reads { 404 } else { 403 };
            assert_eq!(seen, if readable { 200 } else { hidden }, "{role} reads {id}");
            let expected = match (works, readable) {
                (true, true) => 200,
                (true, false) => 404,
                (false, _) => 403,
            };
            let taken = act(&member, id, "take", &json!({ "version": 0 })).await;
            assert_eq!(taken.status, expected, "{role} takes {id}");
            if expected == 200 {
                assert_eq!(taken.body(200)["state"], "taken");
                let back = act(&member, id, "release", &json!({ "version": 1 })).await.body(200);
                assert_eq!((&back["state"], &back["holder"]), (&json!("free"), &Value::Null));
                // As it was before, for the next role.
                world.rows.change("UPDATE review_case SET version = 0", []).await;
            }
        }
    }
}

/// A case about money is ended with a second factor of the last ten minutes, another without.
async fn money_needs_a_second_factor(db: &TestDb) {
    let world = World::start(db).await;
    let [money, other] = two(&world).await;
    let finance = staff(&world, "late", "301", "finance").await;
    let old = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(old, [601_000_000_i64.into()]).await;
    for id in [money, other] {
        act(&finance, id, "take", &json!({ "version": 0 })).await.body(200);
    }
    for body in [
        json!({ "version": 1, "text": "核对无误" }),
        json!({ "version": 1, "refund_number": "50301" }),
    ] {
        eventually("the session's copy is old", async || {
            let late = act(&finance, money, "resolve", &body).await;
            (late.status == 403).then(|| late.problem("too old", 403, "second_factor_needed"))
        })
        .await;
    }
    let body = json!({ "version": 1, "text": "已在后台录入" });
    let ended = act(&finance, other, "resolve", &body).await.body(200);
    assert_eq!(ended["end"]["text"], "已在后台录入");
    let told = "SELECT who || '|' || subject || '|' || detail || '|' || why FROM audit_entry \
                WHERE act = 'case.resolved'";
    let entry = format!("staff late, no. 301|case {other}|case shipping, 5000 fen|已在后台录入");
    assert_eq!(world.rows.texts(told).await, [entry]);
}

/// Somebody gave money back in the provider's console, and its message never came: the provider's answer
/// about the refund's number posts it and ends the case.
async fn a_refund_made_at_the_provider_is_checked(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _) = topped_up(&world).await;
    world.sandbox().callbacks.set_mode(CallbackMode::Manual);
    let payment = world.rows.only_payment().await;
    let made = world.pay().refund_in_console(&payment.simple().to_string(), 1800).unwrap();
    let paid = "SELECT merchant || ':' || transaction_id FROM payment";
    let [paid] = world.rows.texts(paid).await.try_into().unwrap();
    let subject = format!("refunded_at_provider:wechat_pay:{paid}");
    let [id] = open(&world, &[("payment", subject, "")]).await.try_into().unwrap();
    world.rows.change("UPDATE review_case SET payment_id = (SELECT id FROM payment)", []).await;
    let li = staff(&world, "li", "1001", "finance").await;
    let check = |number: &str| json!({ "version": 1, "refund_number": number });
    let early = act(&li, id, "resolve", &check(&made.out_refund_no)).await;
    early.problem("not taken", 409, "case_not_taken");
    act(&li, id, "take", &json!({ "version": 0 })).await.body(200);
    let unknown = act(&li, id, "resolve", &check("console-0")).await;
    unknown.problem("not known there", 409, "case_refund_unknown");
    assert_eq!(student.balances().await[3], 5000);
    for bad in [json!({ "version": 1 }), json!({ "version": 1, "text": "a", "refund_number": "b" })]
    {
        act(&li, id, "resolve", &bad).await.problem("either", 422, "request_invalid");
    }
    let ended = act(&li, id, "resolve", &check(&made.out_refund_no)).await.body(200);
    assert_eq!((&ended["state"], &ended["end"]["by"]), (&json!("closed"), &Value::Null));
    assert_eq!(student.balances().await[3], 3200, "as the provider says");
    let told = "SELECT detail || ' ' || why FROM audit_entry WHERE act = 'case.checked'";
    let entry = |number: &str| format!("case refunded_at_provider, 5000 fen {number}");
    assert_eq!(world.rows.texts(told).await, [entry("console-0"), entry(&made.out_refund_no)]);
    world.assert_books(3200).await;
}

async fn one_of_sixteen_has_it(db: &TestDb) {
    let world = World::start(db).await;
    let [id, _] = two(&world).await;
    let mut members = Vec::new();
    for nth in 0..4 {
        let login = format!("m{nth}");
        members.push(staff(&world, &login, &format!("20{nth}"), "finance").await);
    }
    let version = json!({ "version": 0 });
    let all = (0..16).map(|nth| act(&members[nth % 4], id, "take", &version));
    let answers = futures_util::future::join_all(all).await;
    let holder =
        world.rows.texts("SELECT taken_login FROM review_case WHERE kind = 'payment'").await;
    let [holder] = holder.try_into().unwrap();
    for (nth, answer) in answers.into_iter().enumerate() {
        if holder == format!("m{}", nth % 4) {
            assert_eq!(answer.body(200)["holder"]["by"]["login"], holder.as_str());
        } else {
            let refused = answer.problem("another has it", 409, "case_taken");
            assert_eq!(refused["by"], holder.as_str());
        }
    }
    assert_eq!(world.rows.number("SELECT MAX(version) FROM review_case").await, 1);
    let taken = "audit_entry WHERE act = 'case.taken'";
    assert_eq!(world.rows.count(taken).await, 1);
}

/// By the clock that is an argument, to the microsecond.
async fn after_a_day_it_is_anybodys(db: &TestDb) {
    let world = World::start(db).await;
    let [id, _] = two(&world).await;
    let (id, school) = (CaseId::from_uuid(id), world.rows.school("xnec").await);
    let school = SchoolId::from_number(school);
    let worker = |login: &str| CaseWorker { login: login.to_owned(), staff_no: login.to_owned() };
    let start = now();
    let act = async |by: &str, act: CaseAct<'_>, at: Timestamp| {
        let by = worker(by);
        let done = world.db.in_tx(async |tx| {
            let found = FoundCase::lock(tx, school, id).await?.unwrap();
            let version = found.version;
            let done = found.act(tx, act, (&by, version), at).await?;
            Ok::<_, onecard::base::db::DbError>(done.map(|(case, _)| case.holder.unwrap().by.login))
        });
        done.await.unwrap().map_err(|refusal| refusal.to_string())
    };
    let just = start.plus(IDLE).minus(Duration::from_micros(1));
    assert_eq!(act("li", CaseAct::Take, start).await, Ok("li".to_owned()));
    assert_eq!(act("wang", CaseAct::Take, just).await, Err("li has the case".to_owned()));
    // Who asks for something about it is not idle.
    let touch = async |tx: &_| FoundCase::touch(tx, id, &worker("li"), just).await;
    world.db.in_tx(touch).await.unwrap();
    let (later, last) = (start.plus(IDLE), just.plus(IDLE));
    assert_eq!(act("wang", CaseAct::Take, later).await, Err("li has the case".to_owned()));
    assert_eq!(act("wang", CaseAct::Take, last).await, Ok("wang".to_owned()));
    assert_eq!(act("li", CaseAct::TakeOver, last).await, Ok("li".to_owned()));
}

async fn an_old_version_changes_nothing(db: &TestDb) {
    let world = World::start(db).await;
    let [id, _] = two(&world).await;
    let li = staff(&world, "li", "1001", "finance").await;
    let wang = staff(&world, "wang", "1002", "card_office").await;
    let text = |version: i64| json!({ "version": version, "text": "核对" });
    let over = |reason: &str| json!({ "version": 1, "reason": reason });
    // Who does what to which version, in this order, and the answer.
    let table = [
        (&li, "take", json!({ "version": 0 }), "200"),
        (&li, "take", json!({ "version": 0 }), "200"),
        (&wang, "resolve", text(1), "case_taken"),
        (&wang, "take-over", over(" "), "request_invalid"),
        (&wang, "take-over", over("李娜请假"), "200"),
        (&li, "resolve", text(1), "case_taken"),
        (&wang, "resolve", text(1), "case_changed"),
        (&wang, "release", json!({ "version": 2 }), "200"),
        (&wang, "release", json!({ "version": 2 }), "200"),
        (&wang, "resolve", text(3), "case_not_taken"),
        (&wang, "take", json!({ "version": 2 }), "case_changed"),
        (&wang, "take", json!({ "version": 3 }), "200"),
        (&wang, "resolve", text(4), "200"),
        (&wang, "resolve", text(4), "200"),
        (&li, "take", json!({ "version": 5 }), "case_over"),
        (&li, "take-over", json!({ "version": 5, "reason": "a" }), "case_over"),
    ];
    for (nth, (member, what, body, expected)) in table.into_iter().enumerate() {
        let answer = act(member, id, what, &body).await;
        if expected == "200" {
            answer.body(200);
        } else {
            let body: Value = serde_json::from_str(&answer.text()).unwrap();
            assert_eq!(body["code"], expected, "{nth}: {what}: {body}");
        }
    }
    let told = "SELECT act || ' ' || detail || ' ' || why FROM audit_entry \
                WHERE act LIKE 'case.%' ORDER BY position";
    assert_eq!(
        world.rows.texts(told).await,
        [
            "case.taken case no_order, 5000 fen ",
            "case.taken_over case no_order, 5000 fen, from li, no. 1001 李娜请假",
            "case.released case no_order, 5000 fen ",
            "case.taken case no_order, 5000 fen ",
            "case.resolved case no_order, 5000 fen 核对",
        ],
        "each is done once"
    );
}

/// What was closed is nobody's when it is found again; what is open stays whose it is, and an old page of it is
/// old only if something is said anew.
async fn what_is_found_again_begins_anew(db: &TestDb) {
    let world = World::start(db).await;
    let [id, _] = two(&world).await;
    let li = staff(&world, "li", "1001", "finance").await;
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    let found = async |detail: &str| {
        let case = || Case {
            school,
            kind: CaseKind::NoOrder.family(),
            subject: "no_order:wechat_pay:m:4200".to_owned(),
            detail: detail.to_owned(),
            facts: CaseFacts::default(),
            opened_at: now(),
        };
        world.db.in_tx(async |tx| cases::reopen(tx, case()).await).await.unwrap();
    };
    let shown = async || {
        let case = li.get(&format!("{CASES}/{id}")).await.body(200);
        let state = case["state"].as_str().unwrap().to_owned();
        (state, case["version"].as_i64().unwrap(), case["detail"].clone())
    };
    act(&li, id, "take", &json!({ "version": 0 })).await.body(200);
    found("¥50.00 of elsewhere").await;
    assert_eq!(shown().await, ("taken".to_owned(), 1, json!("¥50.00 of elsewhere")));
    found("¥60.00 of elsewhere").await;
    assert_eq!(shown().await, ("taken".to_owned(), 2, json!("¥60.00 of elsewhere")));
    act(&li, id, "resolve", &json!({ "version": 2, "text": "核对" })).await.body(200);
    found("¥60.00 of elsewhere").await;
    assert_eq!(shown().await, ("free".to_owned(), 4, json!("¥60.00 of elsewhere")));
    let again = li.get(&format!("{CASES}/{id}")).await.body(200);
    assert_eq!((&again["holder"], &again["end"]), (&Value::Null, &Value::Null));
}

async fn lists_are_filtered(db: &TestDb) {
    let world = World::start(db).await;
    let [id, other] = two(&world).await;
    let li = staff(&world, "li", "1001", "finance").await;
    act(&li, id, "take", &json!({ "version": 0 })).await.body(200);
    act(&li, id, "resolve", &json!({ "version": 1, "text": "核对" })).await.body(200);
    act(&li, other, "take", &json!({ "version": 0 })).await.body(200);
    for (query, expected) in [
        ("", &[other][..]),
        ("?state=open", &[other]),
        ("?state=free", &[]),
        ("?state=taken", &[other]),
        ("?state=review", &[]),
        ("?state=closed", &[id]),
        ("?mine=yes", &[other]),
        ("?kind=shipping", &[other]),
        ("?kind=no_order", &[]),
        ("?kind=no_order&state=closed", &[id]),
    ] {
        let listed = li.get(&format!("{CASES}{query}")).await.body(200);
        let items = listed["items"].as_array().unwrap().iter();
        let ids: Vec<Value> = items.map(|one| one["id"].clone()).collect();
        let expected: Vec<Value> = expected.iter().map(|id| json!(id)).collect();
        assert_eq!(ids, expected, "{query}");
    }
    for bad in ["state=x", "kind=x", "mine=me"] {
        let bad = li.get(&format!("{CASES}?{bad}")).await;
        bad.problem("no such filter", 422, "request_invalid");
    }
}

/// A refund that is refused, until two persons end it: its case is taken, shown in review, not ended by a
/// text, and closes by itself while somebody has it.
async fn a_case_ends_with_its_cause(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let asks = staff(&world, "asks", "1001", "finance").await;
    let approves = staff(&world, "approves", "1002", "finance").await;
    world.pay().set_refund_mode(RefundMode::NotEnough);
    let body = json!({ "order_id": order["id"], "amount_fen": 3000, "reason": "误充" });
    let refund = asks.ask("POST /api/v1/staff/refunds", "ask", Some(&body)).await.body(201);
    let approve = |id: &Value| format!("/api/v1/staff/refunds/{}/approve", id.as_str().unwrap());
    let refund = approves.post(&approve(&refund["id"]), &json!({})).await.body(200);
    eventually("it is refused", async || {
        open_cases(&world).await.contains(&"refund_refused".to_owned()).then_some(())
    })
    .await;
    world.rows.change("UPDATE outbox SET due_at = due_at + 3600000000", []).await;
    world.rows.change("UPDATE refund SET sent_at = sent_at - 130000000", []).await;
    // As an earlier release wrote it.
    let unknown = "UPDATE review_case SET payment_id = NULL, refund_id = NULL, amount_fen = 0";
    world.rows.change(unknown, []).await;
    for update in migration::case_facts(world.rows.is_postgres()) {
        world.rows.change(update, []).await;
    }
    let listed = asks.get(&format!("{CASES}?kind=refund_refused")).await.body(200);
    let case = &listed["items"][0];
    let id: Uuid = case["id"].as_str().unwrap().parse().unwrap();
    assert_eq!((&case["amount_fen"], &case["refund_id"]), (&json!(3000), &refund["refund_id"]));
    act(&asks, id, "take", &json!({ "version": 0 })).await.body(200);
    let shown = asks.get(&format!("{CASES}/{id}")).await.body(200);
    assert_eq!(shown["order_id"], order["id"]);
    assert_eq!(
        (&shown["proposal"], &shown["standing"], &shown["endable_fen"]),
        (&json!("end_refund"), &json!("refund_sent"), &json!(3000))
    );
    let text = json!({ "version": 1, "text": "不用管" });
    let held = act(&asks, id, "resolve", &text).await;
    held.problem("its refund holds money", 409, "case_holds_money");
    let end = format!("POST /api/v1/staff/refunds/{}/end", refund["refund_id"].as_str().unwrap());
    let ending = asks.ask(&end, "end", Some(&json!({ "reason": "余额不足" }))).await.body(201);
    for query in ["", "?state=review", "?state=taken"] {
        let listed = asks.get(&format!("{CASES}{query}")).await.body(200);
        assert_eq!(listed["items"][0]["state"], "review", "{query}: {listed}");
    }
    act(&asks, id, "resolve", &text).await.problem("it waits", 409, "case_in_review");
    approves.post(&approve(&ending["id"]), &json!({})).await.body(200);
    let over = asks.get(&format!("{CASES}/{id}")).await.body(200);
    assert_eq!((&over["state"], &over["end"]["by"]), (&json!("closed"), &Value::Null));
    assert_eq!(over["version"], 2);
    act(&asks, id, "resolve", &text).await.problem("it ended", 409, "case_over");
    assert_eq!(asks.get(&format!("{CASES}?state=review")).await.body(200)["items"], json!([]));
    world.assert_books(5000).await;
}

/// What an earlier release wrote down of a case is read out of its text, once.
async fn what_was_opened_before_is_known(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let payment = world.rows.only_payment().await;
    let number = payment.simple();
    let cases = [
        ("payment", "second_payment:wechat_pay:m:1".to_owned(), format!("¥12.30 of {number}")),
        (
            "payment",
            "refunded_at_provider:wechat_pay:m:2".to_owned(),
            format!("¥0.05 of {number} that no refund explains"),
        ),
        ("payment", "no_order:wechat_pay:m:3".to_owned(), "¥7.00 of elsewhere".to_owned()),
        ("payment", "no_order:wechat_pay:m:4".to_owned(), format!("¥7.00 of {}", "f".repeat(32))),
        ("shipping", number.to_string(), "no answer after 20 tries".to_owned()),
    ];
    let cases =
        cases.each_ref().map(|(kind, subject, detail)| (*kind, subject.clone(), detail.as_str()));
    open(&world, &cases).await;
    world.rows.change("UPDATE review_case SET amount_fen = 0, payment_id = NULL", []).await;
    for update in migration::case_facts(world.rows.is_postgres()) {
        world.rows.change(update, []).await;
    }
    let finance = staff(&world, "li", "1001", "finance").await;
    let listed = finance.get(CASES).await.body(200);
    let facts: Vec<(Value, bool)> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["amount_fen"].clone(), one["payment_id"] == json!(payment)))
        .collect();
    let unknown = Value::Null;
    assert_eq!(
        facts,
        [
            (json!(1230), true),
            (json!(5), true),
            (json!(700), false),
            (json!(700), false),
            (unknown, true)
        ]
    );
    let first = listed["items"][0]["id"].as_str().unwrap();
    let shown = finance.get(&format!("{CASES}/{first}")).await.body(200);
    assert_eq!(shown["order_id"], order["id"]);
}

fn filters(school: SchoolId) -> [(&'static str, CaseFilter); 7] {
    let all = CaseFilter {
        school,
        state: CaseState::Open,
        kind: None,
        held_by: None,
        with_money: true,
        about: None,
    };
    let mine = Some("1001".to_owned());
    [
        ("open", all.clone()),
        ("free", CaseFilter { state: CaseState::Free, ..all.clone() }),
        ("taken", CaseFilter { state: CaseState::Taken, ..all.clone() }),
        ("closed", CaseFilter { state: CaseState::Closed, ..all.clone() }),
        ("mine", CaseFilter { held_by: mine, ..all.clone() }),
        ("kind", CaseFilter { kind: Some(CaseKind::OtherAmount), ..all.clone() }),
        ("not money", CaseFilter { with_money: false, ..all }),
    ]
}

/// One for the rows, one for what waits, one for the count; among 100,000 cases with `ONECARD_LONG=1`.
async fn a_list_costs_three_statements(db: &TestDb) {
    let long = std::env::var_os("ONECARD_LONG").is_some();
    let world = World::start(db).await;
    let many = if long { 100_000 } else { 300 };
    let kinds = ["no_order", "amount", "second_payment", "refund_disagrees"];
    let subject = |nth: usize| format!("{}:wechat_pay:m:{nth}", kinds[nth % 4]);
    let cases: Vec<_> =
        (0..many).map(|nth| ("payment", subject(nth), "¥50.00 of elsewhere")).collect();
    open(&world, &cases).await;
    // Nine of ten are closed; of the rest one of three is somebody's.
    let closed = "UPDATE review_case SET closed_at = opened_at WHERE subject NOT LIKE '%7'";
    world.rows.change(closed, []).await;
    let taken = "UPDATE review_case SET taken_no = '1001', taken_login = 'li', taken_at = 1 \
                 WHERE subject LIKE '%77'";
    world.rows.change(taken, []).await;
    if world.rows.is_postgres() {
        world.rows.change("ANALYZE", []).await;
    }
    let settings = world.settings("http://127.0.0.1:1");
    let settings = Settings::load(None, settings.into_iter()).unwrap();
    let app = App::build(settings, Arc::new(SystemClock)).await.unwrap();
    let desk = &app.journeys.console.cases;
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    for (name, filter) in filters(school) {
        let list = onecard::staff::CaseList { filter, in_review: false };
        let page = Keyset { beyond: None, descending: false, most: 51 };
        let began = Instant::now();
        let ((), sent) = counting_statements(async {
            desk.page(&list, page).await.unwrap();
            desk.count(&list, 1001).await.unwrap();
        })
        .await;
        println!("{name}: {sent} statements, {:?}", began.elapsed());
        assert!(sent <= 3, "{name}: {sent}");
    }
}
