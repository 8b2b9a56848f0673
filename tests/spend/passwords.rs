//! The challenge: a password beyond a limit, and at every scan where a school wants it (D3).

use crate::spend::shop::{CHARGES, D3, MONEY, Shop};
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{PEOPLE, TestDb, on_each_database};

on_each_database!(
    each_scan_asks_for_the_query_password,
    a_challenge_is_good_once,
    of_passwords_at_once_one_is_counted,
);

const LIMIT_ONLY: &str = "[limits]\nday_fen = 5_000\nover_limit = \"password\"\n";

/// The challenge that a scan is answered with.
async fn challenge(shop: &Shop, seq: i64, code: &str, fen: i64, which: &str) -> Value {
    let body = json!({ "seq": seq, "code": code, "amount_fen": fen });
    let asked = shop.send(0, CHARGES, &body).await;
    let problem = asked.problem("a scan", 409, "password_required");
    assert_eq!(problem["which"], which);
    problem["challenge"].clone()
}

fn answer(seq: i64, challenge: &Value, fen: i64, password: &str) -> Value {
    json!({ "seq": seq, "challenge": challenge, "amount_fen": fen, "password": password })
}

async fn each_scan_asks_for_the_query_password(db: &TestDb) {
    let shop = Shop::open(db, D3).await;
    let (phone, password) = (&shop.phones[0], PEOPLE[0].1);
    let seq = shop.seq();
    let code = phone.code();
    let asked = challenge(&shop, seq, &code, 1250, "query").await;
    let body = json!({ "seq": seq, "code": code, "amount_fen": 1250 });
    let again = shop.send(0, CHARGES, &body).await.body(409);
    assert_eq!(again["challenge"], asked, "a repeat asks the same");
    let used = json!({ "seq": shop.seq(), "code": code, "amount_fen": 1250 });
    shop.send(1, CHARGES, &used).await.problem("the code is used up", 409, "code_used");
    assert_eq!(shop.total(phone.person).await, MONEY, "nothing is charged yet");
    let paid = shop.send(0, CHARGES, &answer(seq, &asked, 1250, password)).await;
    let body = paid.body(200);
    assert_eq!((&body["amount_fen"], &body["balance_fen"]), (&json!(1250), &json!(MONEY - 1250)));
    let again = shop.send(0, CHARGES, &answer(seq, &asked, 1250, password)).await;
    assert_eq!((again.status, &again.bytes), (200, &paid.bytes));
    // Beyond the limit it is the other password; both begin as the school's default.
    let seq = shop.seq();
    let asked = challenge(&shop, seq, &phone.code(), 3751, "consumption").await;
    let own = "UPDATE person SET password_hash = consumption_hash WHERE id = $1";
    shop.world.change(own, [phone.person.uuid().into()]).await;
    // Under a number of its own, too.
    shop.send(0, CHARGES, &answer(shop.seq(), &asked, 3751, password)).await.body(200);
    assert_eq!(shop.total(phone.person).await, MONEY - 1250 - 3751);
    // A number that was used for that charge is used.
    let other = json!({ "seq": seq + 1, "code": phone.code(), "amount_fen": 1 });
    shop.send(0, CHARGES, &other).await.problem("a scan under it", 409, "seq_conflict");
    shop.take_back(0, seq + 1).await.body(200);
    assert_eq!(shop.total(phone.person).await, MONEY - 1250);
    shop.is_sound().await;
}

async fn a_challenge_is_good_once(db: &TestDb) {
    let shop = Shop::open(db, LIMIT_ONLY).await;
    let (phone, password) = (&shop.phones[0], PEOPLE[0].1);
    shop.charge(&phone.code(), 5000).await.body(200);
    let ask = async || {
        let seq = shop.seq();
        (seq, challenge(&shop, seq, &phone.code(), 100, "consumption").await)
    };
    let (seq, asked) = ask().await;
    let rows: [(&str, usize, Value, &str); 5] = [
        ("of another till", 1, answer(shop.seq(), &asked, 100, password), "challenge_invalid"),
        ("another amount", 0, answer(shop.seq(), &asked, 101, password), "challenge_invalid"),
        ("none", 0, answer(shop.seq(), &json!("x"), 100, password), "challenge_invalid"),
        ("a wrong password", 0, answer(seq, &asked, 100, "000000"), "password_wrong"),
        ("used up by that", 0, answer(shop.seq(), &asked, 100, password), "challenge_invalid"),
    ];
    for (what, till, body, code) in rows {
        let refused = shop.send(till, CHARGES, &body).await;
        refused.problem(what, 422, code);
        assert_eq!(shop.send(till, CHARGES, &body).await.bytes, refused.bytes, "{what}, repeated");
    }
    let (seq, asked) = ask().await;
    shop.world.rows.change("UPDATE charge_challenge SET expires_at = 1", []).await;
    let late = shop.send(0, CHARGES, &answer(seq, &asked, 100, password)).await;
    late.problem("after ninety seconds", 422, "challenge_invalid");
    // A loss that is reported in between stops it.
    let (seq, asked) = ask().await;
    let lost = "UPDATE person SET lost_at = $2 WHERE id = $1";
    let id = phone.person.uuid();
    shop.world.change(lost, [id.into(), 1_i64.into()]).await;
    let stopped = shop.send(0, CHARGES, &answer(seq, &asked, 100, password)).await;
    stopped.problem("lost meanwhile", 422, "account_lost");
    shop.world.change("UPDATE person SET lost_at = NULL WHERE id = $1", [id.into()]).await;
    // What was taken back before its password came is not charged.
    let (seq, asked) = ask().await;
    let back = shop.take_back(0, seq).await.body(200);
    assert_eq!((&back["charge_id"], &back["amount_fen"]), (&json!(null), &json!(0)));
    let late = shop.send(0, CHARGES, &answer(seq, &asked, 100, password)).await;
    assert_eq!((late.status, &late.json()["code"]), (422, &json!("charge_reversed")));
    // Two at the same instant: one pays.
    let (seq, asked) = ask().await;
    let (one, two) =
        (answer(seq, &asked, 100, password), answer(shop.seq(), &asked, 100, password));
    let (one, two) = tokio::join!(shop.send(0, CHARGES, &one), shop.send(0, CHARGES, &two));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422], "{} {}", one.text(), two.text());
    assert_eq!(shop.total(phone.person).await, MONEY - 5100);
    shop.is_sound().await;
}

/// A password that is changed after it was compared is wrong. On PostgreSQL; SQLite lets nobody change
/// anything while a charge waits.
#[tokio::test]
async fn a_password_that_is_changed_meanwhile_pays_nothing() {
    testkit::on_postgres(the_old_password_pays_nothing).await;
}

async fn the_old_password_pays_nothing(db: &TestDb) {
    let shop = Shop::open(db, D3).await;
    let (phone, seq) = (&shop.phones[0], shop.seq());
    let asked = challenge(&shop, seq, &phone.code(), 1250, "query").await;
    let changed = format!(
        "UPDATE person SET password_hash = '$argon2id$v=19$m=19456,t=2,p=1$c29tZWJvZHlzLXNhbHQ\
         $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' WHERE id = '{}'",
        phone.person
    );
    let body = answer(seq, &asked, 1250, PEOPLE[0].1);
    let told = shop.world.rows.change_while(&changed, shop.send(0, CHARGES, &body)).await;
    told.problem("the old password", 422, "password_wrong");
    assert_eq!(shop.total(phone.person).await, MONEY);
    shop.is_sound().await;
}

/// A till that sends a challenge's password under many numbers has one try.
async fn of_passwords_at_once_one_is_counted(db: &TestDb) {
    let shop = Shop::open(db, D3).await;
    let seq = shop.seq();
    let asked = challenge(&shop, seq, &shop.phones[0].code(), 1250, "query").await;
    let tries = (0..8).map(|_| answer(shop.seq(), &asked, 1250, "000000"));
    let tries: Vec<Value> = tries.collect();
    let told = join_all(tries.iter().map(|body| shop.send(0, CHARGES, body))).await;
    let mut codes: Vec<String> =
        told.iter().map(|told| told.body(422)["code"].as_str().unwrap().to_owned()).collect();
    codes.sort_unstable();
    let wanted = [vec!["challenge_invalid"; 7], vec!["password_wrong"]].concat();
    assert_eq!(codes, wanted);
    let counted = "SELECT CAST(SUM(counted) AS BIGINT) FROM password_try";
    assert_eq!(shop.world.rows.number(counted).await, 1);
    // The right one is taken though others came at the same time.
    let seq = shop.seq();
    let asked = challenge(&shop, seq, &shop.phones[0].code(), 1250, "query").await;
    let right = answer(seq, &asked, 1250, PEOPLE[0].1);
    let first = shop.send(0, CHARGES, &right).await;
    first.body(200);
    let late = shop.send(0, CHARGES, &answer(shop.seq(), &asked, 1250, "000000")).await;
    late.problem("another number", 422, "challenge_invalid");
    assert_eq!(shop.send(0, CHARGES, &right).await.bytes, first.bytes);
    assert_eq!(shop.total(shop.phones[0].person).await, MONEY - 1250);
    shop.is_sound().await;
}
