//! Every kind of code at every kind of door.

use crate::{
    access::yard::{DOORS, Yard},
    spend::{phone::Phone, shop::CHARGES},
};
use onecard::{
    base::{
        clock::{Clock, SystemClock},
        ids::{PersonId, SchoolId},
    },
    passcode::CodePurpose,
};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{TestDb, on_each_database};

on_each_database!(
    every_kind_of_code_at_every_kind_of_door,
    every_standing_at_a_door,
    a_desk_knows_a_reader_and_no_number,
    a_desk_charges_for_a_lost_book,
    doors_learn_what_they_must_know,
);

/// A phone of another school.
async fn elsewhere(yard: &Yard) -> Phone {
    let rows = &yard.shop.world.rows;
    let school = SchoolId::from_number(rows.school("hbkj").await);
    let person = rows.person("hbkj", testkit::ELSEWHERE.0).await;
    Phone::of(&yard.shop.world.db, (school, "hbkj"), PersonId::from_uuid(person)).await
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn every_kind_of_code_at_every_kind_of_door(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    yard.allocate(&["2301001,一号楼,,,", "2301001,三号楼,,,"]).await.unwrap();
    let other = elsewhere(&yard).await;
    let phone = &yard.shop.phones[0];
    let ago = |seconds: u64| SystemClock.now().minus(Duration::from_secs(seconds));
    let kinds =
        ["identity", "payment", "no right", "of an hour ago", "of a minute ago", "other school"];
    // A gate for people with a right; one whose group is nobody's; one that payment codes open; one
    // for everybody; one without a group; desks with and without a group; a till; a water meter.
    let doors = ["D1", "D2", "D3", "MAIN", "ALONE", "DESK", "DESK0", "T1", "WATER"];
    let (open, skew, other_purpose) = ("open", "code_clock_skew", "code_wrong_purpose");
    let (invalid, missing, kind) = ("code_invalid", "right_missing", "403 terminal_kind_refused");
    let expected = [
        [open, missing, open, open, missing, open, open, kind, kind],
        [
            other_purpose,
            other_purpose,
            open,
            other_purpose,
            other_purpose,
            other_purpose,
            other_purpose,
            kind,
            kind,
        ],
        [missing, missing, missing, open, missing, open, open, kind, kind],
        [invalid, invalid, invalid, invalid, invalid, invalid, invalid, kind, kind],
        [skew, skew, skew, skew, skew, skew, skew, kind, kind],
        [invalid, invalid, invalid, invalid, invalid, invalid, invalid, kind, kind],
    ];
    let one = yard.identity(0);
    let none = yard.identity(1);
    let minute = phone.digits(CodePurpose::Id, ago(60), 0);
    for (n, what) in kinds.into_iter().enumerate() {
        for (m, door) in doors.into_iter().enumerate() {
            let code = match n {
                // One identity code is good once at each group.
                0 => one.clone(),
                1 => phone.code(),
                2 => none.clone(),
                3 => phone.digits(CodePurpose::Id, ago(3600), 0),
                4 => minute.clone(),
                _ => crate::access::yard::identity(&other, 0),
            };
            assert_eq!(yard.ask(door, &code).await, expected[n][m], "{what} at {door}");
        }
    }
    for (what, code, reason) in [
        ("of WeChat", "134567890123456789", invalid),
        ("a text", "hello", invalid),
        ("nothing", "", invalid),
        ("a receipt", "82000000000000000000", other_purpose),
    ] {
        assert_eq!(yard.ask("MAIN", code).await, reason, "{what}");
    }
    yard.shop.is_sound().await;
}

async fn every_standing_at_a_door(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    yard.set_person(1, "lost_at = 1").await;
    yard.set_person(2, "dormant_at = 1").await;
    yard.set_person(3, "valid_until = 1").await;
    yard.set_person(4, "status = 'closed'").await;
    let standings =
        ["open", "account_lost", "account_dormant", "account_expired", "account_closed"];
    for (nth, expected) in standings.into_iter().enumerate() {
        for door in ["MAIN", "DESK"] {
            assert_eq!(yard.ask(door, &yard.identity(nth)).await, expected, "{door}");
        }
    }
    // Debts are no door's business.
    yard.shop.fact(yard.shop.phones[0].person, -99_999).await;
    assert_eq!(yard.ask("MAIN", &yard.identity(0)).await, "open");
    let log = yard.shop.world.rows.texts("SELECT reason FROM access_log WHERE decision = 'refuse'");
    assert_eq!(log.await.len(), 8);
}

async fn a_desk_knows_a_reader_and_no_number(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    let readers = async |nth: usize| {
        let answer = yard.show("DESK", &yard.identity(nth)).await;
        assert!(!answer.text().contains("230100"), "{}", answer.text());
        answer.body(200)["reader"].as_str().unwrap().to_owned()
    };
    let (one, again, other) = (readers(0).await, readers(0).await, readers(1).await);
    assert_eq!(one, again);
    assert_ne!(one, other);
    assert!(one.len() == 21 && one.starts_with('R'), "{one}");
    let gate = yard.show("MAIN", &yard.identity(0)).await.body(200);
    assert_eq!(gate["reader"], Value::Null);
    assert!(gate["name_masked"].as_str().unwrap().starts_with("**"), "{gate}");
    let refused = yard.show("D2", &yard.identity(0)).await.body(200);
    assert_eq!(refused["name_masked"], Value::Null);
}

/// 图书馆丢失图书扣费: by payment code, at a desk that has a merchant.
async fn a_desk_charges_for_a_lost_book(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    let phone = &yard.shop.phones[0];
    let body = |code: String| json!({ "seq": yard.shop.seq(), "code": code, "amount_fen": 3_500 });
    yard.send("DESK", CHARGES, &body(phone.code())).await.body(200);
    assert_eq!(yard.shop.total(phone.person).await, 6_500);
    let without = yard.send("DESK0", CHARGES, &body(phone.code())).await;
    without.problem("no merchant", 403, "terminal_kind_refused");
    let at_gate = yard.send("D1", CHARGES, &body(phone.code())).await;
    at_gate.problem("a gate", 403, "terminal_kind_refused");
    yard.send("DESK", CHARGES, &body(yard.identity(0))).await.problem(
        "id",
        422,
        "code_wrong_purpose",
    );
    yard.shop.is_sound().await;
}

async fn doors_learn_what_they_must_know(db: &TestDb) {
    let doors = DOORS.replace("[doors]\n", "[doors]\nwhen_undecided = \"call_guard\"\n");
    let yard = Yard::open(db, &doors).await;
    let api = yard.shop.world.api();
    let line = "GET /terminal/v1/config";
    let door = |group: Value, accepts: Value| {
        json!({ "group": group, "accepts": accepts, "double_read_seconds": 3,
            "when_undecided": "call_guard" })
    };
    for (code, group, accepts) in [
        ("D1", json!("一号楼"), json!(["identity"])),
        ("D3", json!("三号楼"), json!(["identity", "payment"])),
        ("ALONE", Value::Null, json!(["identity"])),
        ("DESK", json!("图书馆"), json!(["identity"])),
    ] {
        let answer = yard.signer(code).ask(&api, line).await;
        let tag = answer.header("etag").unwrap().to_owned();
        assert_eq!(answer.body(200)["door"], door(group, accepts), "{code}");
        assert!(tag.starts_with("W/"));
    }
    let desk = yard.signer("DESK").ask(&api, line).await.body(200);
    assert_eq!(desk["till"]["merchant"]["code"], "lib");
    assert_eq!(yard.signer("DESK0").ask(&api, line).await.body(200)["till"], Value::Null);
    assert_eq!(yard.signer("T1").ask(&api, line).await.body(200)["door"], Value::Null);
    // Another policy is another tag.
    let tag = |answer: &testkit::Answer| answer.header("etag").unwrap().to_owned();
    let before = tag(&yard.signer("D1").ask(&api, line).await);
    crate::access::yard::set_doors(&yard.shop.world, DOORS).await;
    testkit::eventually("the policy is seen", async || {
        (tag(&yard.signer("D1").ask(&api, line).await) != before).then_some(())
    })
    .await;
}
