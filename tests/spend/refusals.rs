//! Every refusal, each with its code, its answer kept, and no money moved.

use crate::spend::{
    phone::Phone,
    shop::{CHARGES, D0, MONEY, Shop, send, set_policy},
};
use crate::terminals::signer::authority;
use onecard::{
    base::clock::{Clock, SystemClock},
    passcode::CodePurpose,
};
use serde_json::json;
use std::time::Duration;
use testkit::{TestDb, eventually, on_each_database};

on_each_database!(
    a_charge_takes_what_it_says,
    every_refusal_has_its_code_and_moves_nothing,
    a_slip_is_told_as_what_it_is,
    ten_rubbish_codes_at_noon,
    what_is_no_request_is_not_decided,
    a_number_out_of_range_is_refused_and_not_kept,
);

async fn a_charge_takes_what_it_says(db: &TestDb) {
    let shop = Shop::open(db, "[spend]\nshow_balance = true\n").await;
    let phone = &shop.phones[0];
    let body = shop.charge(&phone.code(), 1250).await.body(200);
    assert_eq!((&body["name_masked"], &body["amount_fen"]), (&json!("**雨"), &json!(1250)));
    assert_eq!(body["balance_fen"], MONEY - 1250);
    assert!(body["charge_id"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    assert!(body["at"].as_str().unwrap().ends_with("+08:00"));
    let balances = shop.balances(phone.person).await;
    assert_eq!((balances.e_account.get(), balances.transition.get()), (MONEY - 1250, 0));
    assert_eq!(shop.earned().await, 1250);
    // The student sees it, the merchant by name.
    let student = shop.world.student(0).await;
    let statement = student.get("/api/v1/card/statement?kind=spend").await.body(200);
    let line = &statement["items"][0];
    assert_eq!((&line["kind"], &line["amount_fen"]), (&json!("spend"), &json!(-1250)));
    assert_eq!(line["title"], "第一食堂");
    // The phone is told which of its codes it was.
    let told = shop.world.rows.texts("SELECT content FROM event").await;
    assert_eq!(told.len(), 1);
    let told: serde_json::Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!((&told["kind"], &told["merchant_name"]), (&json!("code_used"), &json!("第一食堂")));
    assert_eq!((&told["amount_fen"], &told["balance_fen"]), (&json!(1250), &json!(MONEY - 1250)));
    shop.is_sound().await;
}

/// What is wrong, the code that is shown, what is charged, status and code.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn every_refusal_has_its_code_and_moves_nothing(db: &TestDb) {
    let shop = Shop::open(db, D0).await;
    let now = || SystemClock.now();
    let old = |seconds| now().minus(Duration::from_secs(seconds));
    let phones = &shop.phones;
    let used = phones[0].code();
    shop.charge(&used, 1).await.body(200);
    let elsewhere = {
        let rows = &shop.world.rows;
        let school = onecard::base::ids::SchoolId::from_number(rows.school("hbkj").await);
        let person = rows.person("hbkj", testkit::ELSEWHERE.0).await;
        let person = onecard::base::ids::PersonId::from_uuid(person);
        Phone::of(&shop.world.db, (school, "hbkj"), person).await
    };
    let set_person = async |phone: &Phone, set: &str| {
        let sql = format!("UPDATE person SET {set} WHERE id = $1");
        shop.world.change(&sql, [phone.person.uuid().into()]).await
    };
    set_person(&phones[1], "lost_at = 1").await;
    set_person(&phones[2], "dormant_at = 1").await;
    set_person(&phones[3], "valid_until = 1").await;
    set_person(&phones[4], "status = 'closed'").await;
    shop.fact(phones[5].person, -MONEY - 1).await;
    let unknown = "80000000000000000000".to_owned();
    let good = || phones[0].code();
    let cases = [
        ("used before", used, 1, 409, "code_used"),
        ("not digits", "hello".to_owned(), 1, 422, "code_invalid"),
        ("of WeChat", "134567890123456789".to_owned(), 1, 422, "code_invalid"),
        ("19 digits", good()[..19].to_owned(), 1, 422, "code_invalid"),
        ("of nobody", unknown, 1, 422, "code_invalid"),
        ("of another school", elsewhere.code(), 1, 422, "code_invalid"),
        ("a day old", phones[0].digits(CodePurpose::Pay, old(86_400), 0), 1, 422, "code_invalid"),
        ("a minute old", phones[0].digits(CodePurpose::Pay, old(60), 0), 1, 422, "code_clock_skew"),
        ("for doors", phones[0].digits(CodePurpose::Id, now(), 0), 1, 422, "code_wrong_purpose"),
        ("a receipt", "82000000000000000000".to_owned(), 1, 422, "code_wrong_purpose"),
        ("lost", phones[1].code(), 1, 422, "account_lost"),
        ("dormant", phones[2].code(), 1, 422, "account_dormant"),
        ("expired", phones[3].code(), 1, 422, "account_expired"),
        ("closed", phones[4].code(), 1, 422, "account_closed"),
        ("in debt", phones[5].code(), 1, 422, "account_in_debt"),
        ("too little", good(), MONEY, 422, "balance_insufficient"),
        ("beyond the meal", good(), 3000, 422, "limit_meal"),
    ];
    let moved = "SELECT COUNT(*) FROM transfer";
    let before = shop.world.rows.number(moved).await;
    for (what, code, fen, status, expected) in cases {
        let body = json!({ "seq": shop.seq(), "code": code, "amount_fen": fen });
        let refused = shop.send(0, CHARGES, &body).await;
        refused.problem(what, status, expected);
        let again = shop.send(0, CHARGES, &body).await;
        assert_eq!((again.status, &again.bytes), (status, &refused.bytes), "{what}, repeated");
        // A refusal after the match uses the code up.
        if !matches!(expected, "code_invalid" | "code_wrong_purpose") {
            let other = json!({ "seq": shop.seq(), "code": code, "amount_fen": 1 });
            let used =
                if expected == "code_clock_skew" { (422, expected) } else { (409, "code_used") };
            shop.send(1, CHARGES, &other).await.problem(what, used.0, used.1);
        }
    }
    assert_eq!(shop.world.rows.number(moved).await, before, "no money moved");
    shop.charge(&good(), 2999).await.body(200);
    set_policy(&shop.world, &D0.replace("meal_fen = 3_000\n", "")).await;
    eventually("the policy is seen", async || {
        let config = shop.tills[0].ask(&shop.world.api(), "GET /terminal/v1/config").await;
        config.body(200)["till"]["limits"]["meal_fen"].is_null().then_some(())
    })
    .await;
    shop.charge(&good(), 2001).await.problem("beyond the day", 422, "limit_day");
    assert_eq!(shop.earned().await, 3000);
    shop.is_sound().await;
}

/// Whose code it is where it is another wallet's, and what was read where it is none.
async fn a_slip_is_told_as_what_it_is(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let cases = [
        ("134567890123456789", "这是微信支付的付款码，请出示校园卡付款码".into()),
        ("281234567890123456", "这是支付宝的付款码，请出示校园卡付款码".into()),
        ("hello", "读到的不是付款码，请出示校园卡付款码".into()),
        ("8053167083849306422", "读到的不是付款码，请出示校园卡付款码".into()),
        ("79255961202393657055", "读到的不是付款码，请出示校园卡付款码".into()),
        ("80000000000000000000", serde_json::Value::Null),
    ];
    for (code, detail) in cases {
        let body = json!({ "seq": shop.seq(), "code": code, "amount_fen": 1 });
        let refused = shop.send(0, CHARGES, &body).await;
        let problem = refused.problem(code, 422, "code_invalid");
        assert_eq!(problem["detail"], detail, "{code}");
        let again = shop.send(0, CHARGES, &body).await;
        assert_eq!(again.bytes, refused.bytes, "{code}, repeated");
    }
}

async fn ten_rubbish_codes_at_noon(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let mut slowed = 0;
    for n in 0..14 {
        let code = format!("80{n:018}");
        let answer = shop.charge(&code, 1).await;
        if answer.status == 422 {
            answer.problem("rubbish", 422, "code_invalid");
        } else {
            answer.problem("too much rubbish", 429, "terminal_slowed");
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=15).contains(&wait), "{wait}");
            slowed += 1;
        }
    }
    assert!(slowed >= 1, "the till is slowed");
    // It keeps serving: whoever shows a good code pays within a moment. Another till is not slowed.
    let other = json!({ "seq": 1, "code": shop.phones[1].code(), "amount_fen": 100 });
    shop.send(1, CHARGES, &other).await.body(200);
    let (seq, code) = (shop.seq(), shop.phones[0].code());
    eventually("the good code is taken", async || {
        let body = json!({ "seq": seq, "code": code, "amount_fen": 1250 });
        (shop.send(0, CHARGES, &body).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(shop.total(shop.phones[0].person).await, MONEY - 1250);
    shop.is_sound().await;
}

async fn what_is_no_request_is_not_decided(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let code = shop.phones[0].code();
    let cases = [
        ("no seq", json!({ "code": code, "amount_fen": 1 }), "/seq"),
        ("seq 1.5", json!({ "seq": 1.5, "code": code, "amount_fen": 1 }), "/seq"),
        ("no amount", json!({ "seq": 1, "code": code }), "/amount_fen"),
        ("nothing", json!({ "seq": 1, "code": code, "amount_fen": 0 }), "/amount_fen"),
        ("less", json!({ "seq": 1, "code": code, "amount_fen": -5 }), "/amount_fen"),
        ("too much", json!({ "seq": 1, "code": code, "amount_fen": 10_000_001 }), "/amount_fen"),
        ("neither", json!({ "seq": 1, "amount_fen": 1 }), "/code"),
        ("no password", json!({ "seq": 1, "amount_fen": 1, "challenge": "x" }), "/password"),
        ("no challenge", json!({ "seq": 1, "amount_fen": 1, "password": "x" }), "/challenge"),
        (
            "both",
            json!({ "seq": 1, "amount_fen": 1, "code": code, "challenge": "x", "password": "x" }),
            "/code",
        ),
    ];
    for (what, body, pointer) in cases {
        let answer = shop.send(0, CHARGES, &body).await;
        let problem = answer.problem(what, 422, "request_invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{what}");
    }
    let body = json!({ "seq": 1, "code": code, "amount_fen": 1 });
    let idle = send(&shop.world, &shop.idle, CHARGES, &body).await;
    idle.problem("nobody sells here", 403, "terminal_without_merchant");
    let gate = send(&shop.world, &shop.gate, CHARGES, &body).await;
    gate.problem("a gate", 403, "terminal_kind_refused");
    let api = shop.world.api();
    let unsigned = api.post(CHARGES, &body).await;
    unsigned.problem("unsigned", 401, "signature_invalid");
    let bytes = body.to_string();
    let line = format!("POST {CHARGES}");
    let stale = (SystemClock.now().seconds() - 90, "stale");
    let stale = shop.tills[0].sign((&line, &authority(&api)), bytes.as_bytes(), stale);
    let stale = api.deliver(CHARGES, &stale.headers, bytes.as_bytes()).await.unwrap();
    stale.problem("stale", 401, "signature_stale");
    assert_eq!(shop.world.rows.count("terminal_answer").await, 0);
    assert_eq!(shop.world.rows.count("code_use").await, 0);
    shop.send(0, CHARGES, &body).await.body(200);
    shop.is_sound().await;
}

async fn a_number_out_of_range_is_refused_and_not_kept(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let code = shop.phones[0].code();
    let past = i64::pow(2, 62);
    for seq in [json!(0), json!(-1), json!(past), json!(i64::MAX), json!(u64::MAX), json!(1e30)] {
        let body = json!({ "seq": seq, "code": code, "amount_fen": 1 });
        let answer = shop.send(0, CHARGES, &body).await;
        answer.problem(&seq.to_string(), 422, "seq_out_of_range");
    }
    for seq in [0, -1, past, i64::MAX] {
        shop.take_back(0, seq).await.problem(&seq.to_string(), 422, "seq_out_of_range");
    }
    assert_eq!(shop.world.rows.count("terminal_answer").await, 0);
    let body = json!({ "seq": past - 1, "code": code, "amount_fen": 1 });
    shop.send(0, CHARGES, &body).await.body(200);
    shop.is_sound().await;
}
