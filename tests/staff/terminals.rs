//! Merchants and terminals as JSON: who may what, and that the pages' acts are these.

use super::whole_way::staff;
use crate::{spend::shop::Shop, terminals::signer::Signer};
use onecard::{
    app::App,
    base::{
        clock::{SystemClock, Timestamp},
        crypto::ed25519::Ed25519Key,
        db::{Keyset, counting_statements},
        ids::{SchoolId, uuid_at},
    },
    terminals::{
        NewTerminal, TerminalKind, add_terminal,
        listing::{MerchantFilter, TerminalFilter, TerminalState},
    },
    wiring::Settings,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc, time::Instant};
use testkit::{TestDb, World, now, on_each_database};

on_each_database!(
    each_role_does_what_it_may,
    the_same_acts_as_json,
    a_list_of_many_costs_three_statements,
);

const TERMINALS: &str = "/api/v1/staff/terminals";
const MERCHANTS: &str = "/api/v1/staff/merchants";

async fn id(world: &World, table: &str, code: &str) -> String {
    let sql = format!("SELECT id FROM {table} WHERE code = '{code}'");
    world.rows.id(&sql).await.to_string()
}

async fn each_role_does_what_it_may(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let world = &shop.world;
    let till = id(world, "terminal", "T1").await;
    let merchant = id(world, "merchant", "c1").await;
    let stale = "0".repeat(64);
    let key = json!({ "key_sha256": stale, "keep_old": true, "reason": "r" });
    let new = json!({ "code": "T1", "kind": "pos", "merchant": "c1", "reason": "r" });
    let merchants = json!({ "code": "c1", "name": "x", "reason": "r" });
    let why = json!({ "reason": "r" });
    // What is asked, which of read, change and stop it is, and what it is answered where one may.
    let asked: [(String, &Value, char, u16); 11] = [
        (format!("GET {TERMINALS}"), &Value::Null, 'r', 200),
        (format!("GET {TERMINALS}/{till}"), &Value::Null, 'r', 200),
        (format!("POST {TERMINALS}"), &new, 'c', 409),
        (format!("POST {TERMINALS}/{till}/rotate-key"), &key, 'c', 409),
        (format!("POST {TERMINALS}/{till}/enable"), &key, 'c', 409),
        (format!("POST {TERMINALS}/{till}/disable"), &why, 's', 200),
        (format!("GET {MERCHANTS}"), &Value::Null, 'r', 200),
        (format!("GET {MERCHANTS}/{merchant}"), &Value::Null, 'r', 200),
        (format!("POST {MERCHANTS}"), &merchants, 'c', 409),
        (format!("POST {MERCHANTS}/{merchant}/enable"), &why, 'c', 200),
        (format!("POST {MERCHANTS}/{merchant}/disable"), &why, 's', 200),
    ];
    let roles = [
        ("card_office", "rcs"),
        ("finance", "rs"),
        ("network_center", "rcs"),
        ("counsellor", ""),
        ("auditor", "r"),
        ("admin", ""),
    ];
    for (nth, (role, rights)) in roles.into_iter().enumerate() {
        let member = staff(world, &format!("m{nth}"), &format!("20{nth}"), role).await;
        for (line, body, right, status) in &asked {
            let body = (!body.is_null()).then_some(*body);
            let answer = member.ask(line, "k", body).await;
            if rights.contains(*right) {
                assert_eq!(answer.status, *status, "{role}: {line}: {answer:?}");
            } else {
                answer.problem(&format!("{role}: {line}"), 403, "staff_right_missing");
            }
        }
    }
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn the_same_acts_as_json(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let world = &shop.world;
    let office = staff(world, "office", "1001", "card_office").await;
    let merchant = json!({ "code": "shop", "name": "小卖部", "reason": "新店" });
    let added = office.post(MERCHANTS, &merchant).await.body(201);
    assert_eq!((&added["name"], &added["enabled"]), (&json!("小卖部"), &json!(true)));
    let till = json!({ "code": "S1", "kind": "pos", "merchant": "shop", "reason": "新店" });
    let issued = office.post(TERMINALS, &till).await.body(201);
    let pem = issued["private_key_pem"].as_str().unwrap();
    let signer = Signer::with_pem("xnec/S1", pem);
    let api = world.api();
    signer.ask(&api, "GET /terminal/v1/config").await.body(200);
    let path = format!("{TERMINALS}/{}", issued["terminal_id"].as_str().unwrap());
    let shown = office.get(&path).await.body(200);
    assert_eq!(
        (&shown["code"], &shown["merchant"]["code"], &shown["key_sha256"]),
        (&json!("S1"), &json!("shop"), &issued["key_sha256"])
    );
    assert!(!shown.to_string().contains("PRIVATE"), "{shown}");
    let rotate = json!({ "key_sha256": issued["key_sha256"], "keep_old": true, "reason": "定期" });
    let rotated = office.post(&format!("{path}/rotate-key"), &rotate).await.body(200);
    let until = rotated["old_key_until"].as_str().unwrap();
    let until = Timestamp::parse_rfc3339(until).unwrap();
    assert!(until.distance(now()) <= std::time::Duration::from_hours(24), "{rotated}");
    let again = office.post(&format!("{path}/rotate-key"), &rotate).await;
    again.problem("the key of before", 409, "terminal_changed");
    let stopped = office.post(&format!("{path}/disable"), &json!({})).await.body(200);
    assert_eq!((&stopped["state"], &stopped["old_key_until"]), (&json!("off"), &Value::Null));
    let off = office.get(&format!("{TERMINALS}?state=off")).await.body(200);
    assert_eq!(off["items"], json!([stopped]));
    let start = json!({ "key_sha256": rotated["key_sha256"], "reason": "找回" });
    let started = office.post(&format!("{path}/enable"), &start).await.body(200);
    assert_ne!(started["key_sha256"], rotated["key_sha256"]);
    for bad in ["state=x", "kind=x", "merchant=X"] {
        let bad = office.get(&format!("{TERMINALS}?{bad}")).await;
        bad.problem("a filter", 422, "request_invalid");
    }
    for (body, field) in [
        (json!({ "code": "S 2", "kind": "pos", "merchant": "shop", "reason": "r" }), "/code"),
        (json!({ "code": "S2", "kind": "tap", "merchant": "shop", "reason": "r" }), "/kind"),
        (json!({ "code": "S2", "kind": "pos", "reason": "r" }), "/merchant"),
        (json!({ "code": "S2", "kind": "gate", "reason": " " }), "/reason"),
    ] {
        let problem = office.post(TERMINALS, &body).await.problem(field, 422, "request_invalid");
        assert_eq!(problem["errors"][0]["pointer"], field, "{problem}");
    }
    let nowhere = uuid_at(now());
    for act in ["disable", "enable", "rotate-key"] {
        let body = json!({ "key_sha256": "0".repeat(64), "keep_old": false, "reason": "r" });
        let answer = office.post(&format!("{TERMINALS}/{nowhere}/{act}"), &body).await;
        answer.problem(act, 404, "not_found");
    }
    testkit::assert_authentic(&world.db).await;
}

/// Each of many is on one page, those that were silent the longest first.
async fn a_list_of_many_costs_three_statements(db: &TestDb) {
    let many = if std::env::var_os("ONECARD_LONG").is_some() { 5_000 } else { 300 };
    let world = World::start(db).await;
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    write(&world, school, many).await;
    let settings = world.settings("http://127.0.0.1:1");
    let settings = Settings::load(None, settings.into_iter()).unwrap();
    let app = App::build(settings, Arc::new(SystemClock)).await.unwrap();
    let (desk, now) = (&app.journeys.terminal_desk, now());
    let all = TerminalFilter::all(school, now);
    let filters = [
        ("all", all.clone()),
        ("silent", TerminalFilter { state: Some(TerminalState::Silent), ..all.clone() }),
        ("on", TerminalFilter { state: Some(TerminalState::On), ..all.clone() }),
        ("gates", TerminalFilter { kind: Some(TerminalKind::Gate), ..all.clone() }),
        ("a merchant's", TerminalFilter { merchant: "c1".parse().ok(), ..all.clone() }),
    ];
    for (name, filter) in filters {
        let page = Keyset { beyond: None, descending: true, most: 51 };
        let began = Instant::now();
        let ((), sent) = counting_statements(async {
            desk.page(&filter, page).await.unwrap();
            desk.count(&filter, 1001).await.unwrap();
        })
        .await;
        println!("{name}: {sent} statements, {:?}", began.elapsed());
        assert!(sent <= 3, "{name}: {sent}");
    }
    let (mut seen, mut beyond) = (Vec::new(), None);
    loop {
        let page = Keyset { beyond, descending: true, most: 70 };
        let found = desk.page(&all, page).await.unwrap();
        seen.extend(found.iter().map(|one| one.terminal.place()));
        let Some(last) = found.last() else { break };
        beyond = Some(last.terminal.place());
    }
    assert!(seen.is_sorted_by_key(|place| (place.seen_at, place.terminal)), "{seen:?}");
    let ids: BTreeSet<_> = seen.iter().map(|place| place.terminal).collect();
    assert_eq!((ids.len(), seen.len()), (many, many));
    let page = Keyset { beyond: None, descending: true, most: 51 };
    let filter = MerchantFilter { school, only: None, enabled: None, text: None };
    let (found, sent) = counting_statements(desk.merchants(&filter, page)).await;
    assert!(sent <= 3, "merchants: {sent}");
    let found = found.unwrap();
    assert_eq!((found.len(), found[0].terminals), (1, many / 2));
}

/// So many terminals, every other a till of one merchant, half of them heard of at some time.
async fn write(world: &World, school: SchoolId, many: usize) {
    crate::spend::shop::canteen(world, school).await;
    let pem = Signer::new("xnec/T1", 1).public_pem();
    let new = NewTerminal {
        school,
        code: "N0".parse().unwrap(),
        kind: TerminalKind::Pos,
        key: Ed25519Key::from_spki_pem(pem.as_bytes()).unwrap(),
        merchant: Some("c1".parse().unwrap()),
        door_group: None,
    };
    add_terminal(&world.db, &new, false, now()).await.unwrap();
    let first = "SELECT id FROM terminal WHERE code = 'N0'";
    let first = world.rows.literal(&world.rows.id(first).await.to_string());
    for nth in 1..many {
        let id = world.rows.literal(&uuid_at(now()).to_string());
        let (kind, merchant) = if nth % 2 == 0 { ("pos", "merchant_id") } else { ("gate", "NULL") };
        let columns = "school_id, public_key, enabled, created_at";
        let sql = format!(
            "INSERT INTO terminal (id, code, kind, merchant_id, updated_at, {columns}) \
             SELECT {id}, 'N{nth}', '{kind}', {merchant}, 1, {columns} FROM terminal WHERE id = {first}"
        );
        assert_eq!(world.rows.change(&sql, []).await, 1);
        if nth % 3 > 0 {
            let at = now().minus(std::time::Duration::from_hours(u64::try_from(nth % 50).unwrap()));
            let sql = format!("INSERT INTO terminal_contact VALUES ({id}, {})", at.micros());
            world.rows.change(&sql, []).await;
        }
    }
}
