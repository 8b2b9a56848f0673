//! One showing of a code: read twice, at two doors, ten times a second, and when nothing can be decided.

use crate::{
    access::yard::{ACCESS, DOORS, Yard, said},
    spend::shop::CHARGES,
    terminals::signer::authority,
};
use onecard::{
    base::clock::{Clock, SystemClock},
    passcode::CodePurpose,
};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{TestDb, on_each_database};

on_each_database!(
    a_number_is_decided_once,
    one_showing_read_twice_is_answered_alike,
    a_state_that_changed_is_seen_at_the_second_reading,
    a_code_is_good_once_in_a_group,
    a_door_may_ask_ten_times_a_second,
    a_payment_code_is_good_once_whatever_for,
    a_gate_whose_clock_is_a_day_off_is_told_the_time,
    wrong_codes_slow_a_door_down_and_lock_nobody_out,
    a_server_that_cannot_decide_answers_503_and_keeps_nothing,
    the_phone_is_told,
    the_log_ends_after_its_days,
);

/// With ten seconds for a second reading: a slow machine needs more than three for a test.
async fn yard(db: &TestDb) -> Yard {
    let doors = DOORS.replace("[doors]\n", "[doors]\ndouble_read_seconds = 10\n");
    let yard = Yard::open(db, &doors).await;
    yard.allocate(&["2301001,一号楼,,,", "2301002,一号楼,,,"]).await.unwrap();
    yard
}

async fn a_number_is_decided_once(db: &TestDb) {
    let yard = yard(db).await;
    let (code, seq) = (yard.identity(0), yard.shop.seq());
    let body = json!({ "seq": seq, "code": code });
    let first = yard.send("D1", ACCESS, &body).await;
    assert_eq!(said(&first), "open");
    assert_eq!(yard.send("D1", ACCESS, &body).await.text(), first.text());
    let other = json!({ "seq": seq, "code": yard.identity(1) });
    yard.send("D1", ACCESS, &other).await.problem("another body", 409, "seq_conflict");
    let wrong = json!({ "seq": yard.shop.seq(), "code": "81000000000000000000" });
    let refused = yard.send("D1", ACCESS, &wrong).await;
    assert_eq!(said(&refused), "code_invalid");
    assert_eq!(yard.send("D1", ACCESS, &wrong).await.text(), refused.text());
    for (seq, status, code) in [
        (json!(0), 422, "seq_out_of_range"),
        (json!("1"), 422, "request_invalid"),
        (Value::Null, 422, "request_invalid"),
    ] {
        let answer = yard.send("D1", ACCESS, &json!({ "seq": seq, "code": "" })).await;
        assert!([400, status].contains(&answer.status), "{code}: {}", answer.text());
    }
    // A number of a desk belongs to one act, of whatever kind.
    let (seq, phone) = (yard.shop.seq(), &yard.shop.phones[1]);
    let charge = json!({ "seq": seq, "code": phone.code(), "amount_fen": 1 });
    yard.send("DESK", CHARGES, &charge).await.body(200);
    let access = json!({ "seq": seq, "code": yard.identity(1) });
    yard.send("DESK", ACCESS, &access).await.problem("a charge's", 409, "seq_conflict");
    assert_eq!(yard.shop.world.rows.count("access_log").await, 1);
}

async fn one_showing_read_twice_is_answered_alike(db: &TestDb) {
    let yard = yard(db).await;
    let good = yard.identity(0);
    let without_right = yard.identity(2);
    for _ in 0..3 {
        assert_eq!(yard.ask("D1", &good).await, "open");
        assert_eq!(yard.ask("D1", &without_right).await, "right_missing");
    }
    assert_eq!(yard.shop.world.rows.count("access_log").await, 2, "one entry for each showing");
    // The showing is over ten seconds after its first reading, whenever it was read since.
    let back = "UPDATE access_log SET at = at - 10000000";
    yard.shop.world.rows.change(back, []).await;
    for _ in 0..2 {
        assert_eq!(yard.ask("D1", &good).await, "code_used");
        assert_eq!(yard.ask("D1", &without_right).await, "code_used");
    }
    assert_eq!(yard.shop.world.rows.count("access_log").await, 4);
}

async fn a_state_that_changed_is_seen_at_the_second_reading(db: &TestDb) {
    let yard = yard(db).await;
    let codes: Vec<String> = (0..2).map(|_| yard.identity(0)).collect();
    for code in &codes {
        assert_eq!(yard.ask("D1", code).await, "open");
    }
    yard.set_person(0, "dormant_at = 1").await;
    assert_eq!(yard.ask("D1", &codes[0]).await, "account_dormant");
    yard.set_person(0, "dormant_at = NULL").await;
    assert_eq!(yard.ask("D1", &codes[0]).await, "open");
    // The right moved to another house.
    yard.allocate(&["2301001,二号楼,,,", "2301002,一号楼,,,"]).await.unwrap();
    assert_eq!(yard.ask("D1", &codes[0]).await, "right_missing");
    assert_eq!(yard.ask("D2", &codes[0]).await, "open");
    // The phone was taken out of use.
    let sql = "UPDATE device SET ended_at = 1, ended_why = 'unbound' WHERE person_id = $1";
    let person = yard.shop.phones[0].person.uuid();
    yard.shop.world.change(sql, [person.into()]).await;
    assert_eq!(yard.ask("D2", &codes[0]).await, "code_invalid");
}

async fn a_code_is_good_once_in_a_group(db: &TestDb) {
    let yard = yard(db).await;
    yard.allocate(&["2301001,二号楼,,,"]).await.unwrap();
    let code = yard.identity(0);
    assert_eq!(yard.ask("D1", &code).await, "open");
    // At another door of the group, at once and again: the first reading there did not use it.
    for _ in 0..2 {
        assert_eq!(yard.ask("D1b", &code).await, "code_used");
    }
    assert_eq!(yard.ask("D1", &code).await, "open", "still the same showing");
    assert_eq!(yard.ask("D2", &code).await, "open", "another group");
    // A code from a minute ago does not become good by being shown again.
    let ago = SystemClock.now().minus(Duration::from_mins(1));
    let old = yard.shop.phones[0].digits(CodePurpose::Id, ago, 0);
    for _ in 0..2 {
        assert_eq!(yard.ask("D1", &old).await, "code_clock_skew");
    }
}

async fn a_door_may_ask_ten_times_a_second(db: &TestDb) {
    let yard = yard(db).await;
    let code = yard.identity(0);
    let asks = (0..20).map(|_| yard.ask("D1", &code));
    let said = futures_util::future::join_all(asks).await;
    assert!(said.iter().all(|said| said == "open"), "{said:?}");
    let rows = &yard.shop.world.rows;
    assert_eq!((rows.count("access_log").await, rows.count("code_use").await), (1, 1));
    assert_eq!(rows.count("terminal_answer").await, 20);
}

async fn a_payment_code_is_good_once_whatever_for(db: &TestDb) {
    let yard = yard(db).await;
    yard.allocate(&["2301001,三号楼,,,"]).await.unwrap();
    let phone = &yard.shop.phones[0];
    let (first, second) = (phone.code(), phone.code());
    assert_eq!(yard.ask("D3", &first).await, "open");
    yard.shop.charge(&first, 100).await.problem("at a till", 409, "code_used");
    yard.shop.charge(&second, 100).await.body(200);
    for _ in 0..2 {
        assert_eq!(yard.ask("D3", &second).await, "code_used");
    }
    assert_eq!(yard.ask("D3", &first).await, "open", "the door's own second reading");
    yard.shop.is_sound().await;
}

async fn a_gate_whose_clock_is_a_day_off_is_told_the_time(db: &TestDb) {
    let yard = yard(db).await;
    let api = yard.shop.world.api();
    let body = json!({ "seq": yard.shop.seq(), "code": yard.identity(0) }).to_string();
    let post = async |created: i64, nonce: &str| {
        let line = format!("POST {ACCESS}");
        let at = (created, nonce);
        let signature = yard.signer("D1").sign((&line, &authority(&api)), body.as_bytes(), at);
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        let headers = [signature.headers, vec![json]].concat();
        api.deliver(ACCESS, &headers, body.as_bytes()).await.unwrap()
    };
    let now = SystemClock.now().seconds();
    for (n, off) in [86_400, -86_400].into_iter().enumerate() {
        let told = post(now + off, &format!("n{n}")).await.problem("off", 401, "signature_stale");
        assert!(told["server_time"].as_str().unwrap().contains('T'), "{told}");
    }
    assert_eq!(said(&post(now, "n3").await), "open", "with the same number and code");
}

async fn wrong_codes_slow_a_door_down_and_lock_nobody_out(db: &TestDb) {
    let yard = yard(db).await;
    let mut slowed = 0;
    for n in 0..15 {
        let said = yard.ask("D1", &format!("81{n:08}0000000000")).await;
        slowed += usize::from(said == "429 terminal_slowed");
        assert!(["429 terminal_slowed", "code_invalid"].contains(&&*said), "{said}");
    }
    assert!(slowed > 0);
    // Other doors are as before, and so is the person.
    assert_eq!(yard.ask("D1b", &yard.identity(0)).await, "open");
}

/// Nothing is decided by a server without its database, and nothing opens.
async fn a_server_that_cannot_decide_answers_503_and_keeps_nothing(db: &TestDb) {
    let yard = yard(db).await;
    let (code, seq) = (yard.identity(0), yard.shop.seq());
    let body = json!({ "seq": seq, "code": code });
    let rows = &yard.shop.world.rows;
    // A door of which this server remembers nothing.
    rows.change("ALTER TABLE terminal RENAME TO terminal_away", []).await;
    yard.send("D2", ACCESS, &body).await.problem("without terminals", 503, "unavailable");
    rows.change("ALTER TABLE terminal_away RENAME TO terminal", []).await;
    rows.change("ALTER TABLE access_log RENAME TO access_log_away", []).await;
    let answer = yard.send("D1", ACCESS, &body).await;
    answer.problem("without the log", 503, "unavailable");
    rows.change("ALTER TABLE access_log_away RENAME TO access_log", []).await;
    assert_eq!((rows.count("code_use").await, rows.count("terminal_answer").await), (0, 0));
    assert_eq!(said(&yard.send("D1", ACCESS, &body).await), "open", "the same number and body");
    // A right that somebody wrote into the database opens nothing.
    let forged = "UPDATE door_right SET person_id = $1";
    rows.change(forged, [yard.shop.phones[2].person.uuid().into()]).await;
    assert_eq!(yard.ask("D1", &yard.identity(2)).await, "503 unavailable");
}

async fn the_phone_is_told(db: &TestDb) {
    let yard = yard(db).await;
    let (good, other) = (yard.identity(0), yard.identity(2));
    for code in [&good, &good, &other] {
        yard.ask("D1", code).await;
    }
    let rows = &yard.shop.world.rows;
    let told = rows.texts("SELECT content FROM event").await;
    assert_eq!(told.len(), 2, "once for each code");
    for decision in ["open", "refuse"] {
        let about = |told: &&String| told.contains("door_read") && told.contains(decision);
        assert_eq!(told.iter().filter(about).count(), 1, "{told:?}");
    }
}

async fn the_log_ends_after_its_days(db: &TestDb) {
    let yard = yard(db).await;
    yard.ask("D1", &yard.identity(0)).await;
    let (world, day) = (&yard.shop.world, Duration::from_hours(24));
    let access = onecard::access::upkeep::AccessUpkeep {
        db: world.db.clone(),
        schools: std::sync::Arc::new(onecard::schools::Schools::new(
            world.db.clone(),
            std::sync::Arc::new(SystemClock),
        )),
    };
    let now = SystemClock.now();
    access.clean(now.plus(day * 29)).await.unwrap();
    assert_eq!(world.rows.count("access_log").await, 1);
    access.clean(now.plus(day * 31)).await.unwrap();
    assert_eq!(world.rows.count("access_log").await, 0);
}
