//! Charges and reversals signed by a library of another language.

use crate::spend::shop::{CHARGES, MONEY, Shop};
use crate::terminals::{
    python::{python, sign},
    signer::authority,
};
use onecard::base::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use testkit::{TestDb, on_each_database};

on_each_database!(a_library_of_another_language_charges);

async fn a_library_of_another_language_charges(db: &TestDb) {
    let Some(python) = python() else { return };
    let shop = Shop::open(db, "").await;
    let api = shop.world.api();
    let till = &shop.tills[0];
    let charge =
        |fen: i64, code: &str| json!({ "seq": 41, "code": code, "amount_fen": fen }).to_string();
    let (first, second) = (shop.phones[0].code(), shop.phones[1].code());
    let reversal = format!("{CHARGES}/41/reversal");
    // What is signed, the body that is sent, and what it is told.
    let (good, other) = (charge(1250, &first), charge(1251, &second));
    let cases = [
        ("a charge", CHARGES, good.clone(), good.clone(), 200, ""),
        ("again", CHARGES, good.clone(), good.clone(), 200, ""),
        ("another body behind it", CHARGES, good.clone(), other.clone(), 401, "signature_invalid"),
        ("another charge", CHARGES, other.clone(), other, 409, "seq_conflict"),
        ("its reversal", &reversal, "{}".to_owned(), "{}".to_owned(), 200, ""),
        ("again", &reversal, "{}".to_owned(), "{}".to_owned(), 200, ""),
    ];
    let job = |(n, case): (usize, &(&str, &str, String, String, u16, &str))| -> Value {
        json!({
            "key": till.private_pem(), "key_id": till.key_id, "method": "POST",
            "url": format!("http://{}{}", authority(&api), case.1), "body": case.2,
            "created": SystemClock.now().seconds(), "nonce": format!("n{n}"), "label": "till",
            "alg": true, "covered": ["@method", "@authority", "@path", "content-digest"],
        })
    };
    let jobs: Vec<Value> = cases.iter().enumerate().map(job).collect();
    for ((what, path, _, body, status, code), fields) in cases.iter().zip(sign(&python, &jobs)) {
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        let headers = [fields, vec![json]].concat();
        let answer = api.deliver(path, &headers, body.as_bytes()).await.unwrap();
        if *status == 200 {
            assert_eq!(answer.body(200)["amount_fen"], 1250, "{what}");
        } else {
            answer.problem(what, *status, code);
        }
    }
    assert_eq!(shop.total(shop.phones[0].person).await, MONEY);
    shop.is_sound().await;
}
