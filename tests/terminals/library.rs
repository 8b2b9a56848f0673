//! Requests signed by a library of another language.

use crate::terminals::{
    config::world_with_terminals,
    python::{python, sign},
    signer::{Signer, authority},
};
use onecard::base::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use testkit::{TestDb, on_each_database};

#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn a_library_of_another_language_is_understood(db: &TestDb) {
    let Some(python) = python() else { return };
    let (world, till, _) = world_with_terminals(db).await;
    let api = world.api();
    let here = authority(&api);
    let now = SystemClock.now().seconds();
    let usual = ["@method", "@authority", "@path", "content-digest"];
    let queried = ["content-digest", "@query", "@path", "@authority", "@method"];
    let job = |nonce: &str, path: &str, covered: &[&str], change: Value| {
        let mut job = json!({
            "key": till.private_pem(), "key_id": till.key_id, "method": "GET",
            "url": format!("http://{here}{path}"), "body": "", "created": now, "nonce": nonce,
            "label": "till", "alg": true, "covered": covered,
        });
        job.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        job
    };
    let stranger = Signer::new("xnec/T1", 9).private_pem();
    let path = "/terminal/v1/config";
    let with_query = "/terminal/v1/config?v=1&x=%20a+b";
    let cases = [
        ("usual", path, job("p1", path, &usual, json!({})), 200, ""),
        ("without alg", path, job("p2", path, &usual, json!({"alg": false})), 200, ""),
        (
            "tagged",
            path,
            job("p3", path, &usual, json!({"tag": "a\\\"b", "label": "x-1"})),
            200,
            "",
        ),
        ("nonce with escapes", path, job("p\"4\\", path, &usual, json!({})), 200, ""),
        ("query", with_query, job("p5", with_query, &queried, json!({})), 200, ""),
        (
            "an old one",
            path,
            job("p6", path, &usual, json!({"created": now - 61})),
            401,
            "signature_stale",
        ),
        ("a used nonce", path, job("p1", path, &usual, json!({})), 401, "signature_invalid"),
        (
            "another body",
            path,
            job("p7", path, &usual, json!({"body": "{}"})),
            401,
            "signature_invalid",
        ),
        (
            "another path",
            path,
            job("p8", "/terminal/v1/confi", &usual, json!({})),
            401,
            "signature_invalid",
        ),
        (
            "another server",
            path,
            job("p9", path, &usual, json!({"url": format!("http://evil.example{path}")})),
            401,
            "signature_invalid",
        ),
        ("less covered", path, job("p10", path, &usual[..3], json!({})), 401, "signature_invalid"),
        (
            "another key",
            path,
            job("p11", path, &usual, json!({"key": stranger})),
            401,
            "signature_invalid",
        ),
    ];
    let jobs: Vec<Value> = cases.iter().map(|case| case.2.clone()).collect();
    let signed = sign(&python, &jobs);
    assert_eq!(signed.len(), cases.len());
    for ((what, path, _, status, code), headers) in cases.iter().zip(signed) {
        let answer = api.raw(&format!("GET {path}"), &headers, b"").await;
        if *status == 200 {
            assert_eq!(answer.body(200)["terminal"]["id"], "T1", "{what}");
        } else {
            answer.problem(what, *status, code);
        }
    }
}

on_each_database!(a_library_of_another_language_is_understood);
