//! Numbers and codes under fire: repeats, conflicts, races, a till that counts from one.

use crate::spend::shop::{CHARGES, MONEY, Shop, send};
use crate::terminals::signer::authority;
use futures_util::future::join_all;
use onecard::base::clock::{Clock, SystemClock};
use serde_json::json;
use testkit::{TestDb, on_each_database};

on_each_database!(
    a_miss_that_is_asked_again_is_one_miss,
    a_number_is_charged_once,
    a_nonce_is_for_one_signature,
    two_tills_scan_one_code_at_the_same_instant,
    a_till_that_was_reset_counts_from_one,
    without_the_database_nothing_is_decided,
);

async fn a_number_is_charged_once(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let code = shop.phones[0].code();
    let body = json!({ "seq": 7, "code": code, "amount_fen": 1250 });
    let tries = join_all((0..8).map(|_| shop.send(0, CHARGES, &body))).await;
    let first = &tries[0];
    first.body(200);
    for again in &tries {
        assert_eq!((again.status, &again.bytes), (200, &first.bytes), "{}", again.text());
    }
    let conflicts = [
        ("another amount", json!({ "seq": 7, "code": code, "amount_fen": 1251 })),
        ("another code", json!({ "seq": 7, "code": shop.phones[1].code(), "amount_fen": 1250 })),
        ("a password", json!({ "seq": 7, "challenge": "x", "password": "1", "amount_fen": 1250 })),
    ];
    for (what, body) in conflicts {
        shop.send(0, CHARGES, &body).await.problem(what, 409, "seq_conflict");
    }
    // The other till's numbers are its own, and the code of the conflict is as good as before.
    let other = json!({ "seq": 7, "code": shop.phones[1].digits(
        onecard::passcode::CodePurpose::Pay, SystemClock.now(), 3), "amount_fen": 1 });
    shop.send(1, CHARGES, &other).await.body(200);
    assert_eq!(shop.total(shop.phones[0].person).await, MONEY - 1250);
    assert_eq!(shop.world.rows.count("charge").await, 2);
    shop.is_sound().await;
}

async fn a_nonce_is_for_one_signature(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let api = shop.world.api();
    let (line, here) = (format!("POST {CHARGES}"), authority(&api));
    let at = (SystemClock.now().seconds(), "the-nonce");
    let ask = async |seq: i64, code: String| {
        let body = json!({ "seq": seq, "code": code, "amount_fen": 1 }).to_string();
        let signed = shop.tills[0].sign((&line, &here), body.as_bytes(), at);
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        let headers = [signed.headers, vec![json]].concat();
        api.deliver(CHARGES, &headers, body.as_bytes()).await.unwrap()
    };
    let code = shop.phones[0].code();
    ask(1, code.clone()).await.body(200);
    ask(1, code).await.body(200);
    let replay = ask(2, shop.phones[1].code()).await;
    replay.problem("its nonce again", 401, "signature_invalid");
    assert_eq!(shop.total(shop.phones[1].person).await, MONEY);
    shop.is_sound().await;
}

async fn two_tills_scan_one_code_at_the_same_instant(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    for (n, phone) in shop.phones.iter().enumerate() {
        let code = phone.code();
        let body = |seq| json!({ "seq": seq, "code": code, "amount_fen": 700 });
        let (one, two) = (body(shop.seq()), body(shop.seq()));
        let (one, two) = tokio::join!(shop.send(0, CHARGES, &one), shop.send(1, CHARGES, &two));
        let (good, bad) = if one.status == 200 { (one, two) } else { (two, one) };
        good.body(200);
        bad.problem(&format!("phone {n}"), 409, "code_used");
        assert_eq!(shop.total(phone.person).await, MONEY - 700);
    }
    shop.is_sound().await;
}

async fn a_till_that_was_reset_counts_from_one(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let first = json!({ "seq": 1, "code": shop.phones[0].code(), "amount_fen": 100 });
    let before = shop.send(0, CHARGES, &first).await.body(200);
    // It has forgotten: what it charges now under one is not what it charged then.
    let anew = json!({ "seq": 1, "code": shop.phones[1].code(), "amount_fen": 200 });
    shop.send(0, CHARGES, &anew).await.problem("from one", 409, "seq_conflict");
    let config = shop.tills[0].ask(&shop.world.api(), "GET /terminal/v1/config").await.body(200);
    let next = config["last_seq"].as_i64().unwrap() + 1;
    assert_eq!(next, 2);
    let above = json!({ "seq": next, "code": anew["code"], "amount_fen": 200 });
    shop.send(0, CHARGES, &above).await.body(200);
    let again = send(&shop.world, &shop.tills[0], CHARGES, &first).await.body(200);
    assert_eq!(again, before);
    assert_eq!(shop.earned().await, 300);
    shop.is_sound().await;
}

/// One table is gone, and with it every transaction that charges or takes back.
async fn without_the_database_nothing_is_decided(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let seq = shop.seq();
    let body = json!({ "seq": seq, "code": shop.phones[0].code(), "amount_fen": 1250 });
    shop.world.rows.change("ALTER TABLE charge RENAME TO charge_gone", []).await;
    for _ in 0..2 {
        shop.send(0, CHARGES, &body).await.problem("a charge", 500, "internal");
        shop.take_back(0, seq).await.problem("a reversal", 500, "internal");
    }
    assert_eq!(shop.world.rows.count("terminal_answer").await, 0, "5xx is no answer");
    assert_eq!(shop.world.rows.count("code_use").await, 0, "the code is as good as before");
    shop.world.rows.change("ALTER TABLE charge_gone RENAME TO charge", []).await;
    shop.send(0, CHARGES, &body).await.body(200);
    assert_eq!(shop.total(shop.phones[0].person).await, MONEY - 1250);
    shop.is_sound().await;
}

/// The answer was lost, and the till asks until it has one: nobody has scanned again.
async fn a_miss_that_is_asked_again_is_one_miss(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let good = shop.phones[0].code();
    let last = good.chars().last().unwrap().to_digit(10).unwrap();
    let misread = format!("{}{}", &good[..19], (last + 1) % 10);
    let body = json!({ "seq": shop.seq(), "code": misread, "amount_fen": 1 });
    let first = shop.send(0, CHARGES, &body).await;
    first.problem("misread", 422, "code_invalid");
    for n in 0..11 {
        let again = shop.send(0, CHARGES, &body).await;
        assert_eq!((again.status, &again.bytes), (422, &first.bytes), "repeat {n}");
    }
    let other = json!({ "seq": body["seq"], "code": misread, "amount_fen": 2 });
    shop.send(0, CHARGES, &other).await.problem("something else", 409, "seq_conflict");
    shop.charge(&good, 1).await.body(200);
}
