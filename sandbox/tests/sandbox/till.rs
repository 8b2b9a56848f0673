//! The till: its numbers, what it sends again, and what it asks for.

use chrono::{DateTime, TimeDelta, Utc};
use sandbox::clock::{Clock, SystemClock};
use sandbox::keys::TillKey;
use serde_json::{Value, json};

use crate::support::{Asked, Desk, World};

const VECTORS: &str = include_str!("../../../docs/terminal-vectors.json");
const TILL: &str = "/sandbox/api/tills/xnec/T1";
const CODE: &str = "80531670838493064229";

async fn world(desk: &Desk) -> World {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let pem = vectors["private_key"].as_str().unwrap();
    let key = TillKey::from_pem("xnec", "T1", pem).unwrap();
    let world = World::start_with(move |options| options.tills = vec![key]).await;
    world.sandbox().tills.set_server(&desk.url);
    world
}

async fn tell(world: &World, act: &str, body: Value) -> Value {
    let answer = world.post_json(&format!("{TILL}/{act}"), &body).await;
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    assert!(status < 500, "{text}");
    json!({ "status": status, "body": body })
}

async fn charge(world: &World, fault: Option<&str>) -> Value {
    tell(world, "charge", json!({ "code": CODE, "amount_fen": 1250, "fault": fault })).await
}

fn paid() -> (u16, Value) {
    (200, json!({ "charge_id": "c", "name_masked": "**雨", "amount_fen": 1250 }))
}

fn created(asked: &Asked) -> DateTime<Utc> {
    let seconds = asked.input.split(";created=").nth(1).unwrap().split(';').next().unwrap();
    DateTime::from_timestamp(seconds.parse().unwrap(), 0).unwrap()
}

#[tokio::test]
async fn numbers_rise_from_the_last_and_a_lost_answer_is_asked_for_again() {
    let desk = Desk::start([paid(), paid(), paid(), paid()]);
    let world = world(&desk).await;
    let first = charge(&world, None).await;
    assert_eq!(first["body"]["answer"]["body"], paid().1);
    assert_eq!((&first["body"]["seq"], &first["body"]["pending"]), (&json!(42), &json!(false)));

    let lost = charge(&world, Some("drop_answer")).await;
    assert_eq!((&lost["body"]["seq"], &lost["body"]["pending"]), (&json!(43), &json!(true)));
    assert_eq!(lost["body"]["answer"], Value::Null);
    assert_eq!(charge(&world, None).await["status"], 409, "an answer is missing");
    let found = tell(&world, "repeat", json!({})).await;
    assert_eq!((&found["body"]["seq"], &found["body"]["pending"]), (&json!(43), &json!(false)));
    assert_eq!(tell(&world, "repeat", json!({})).await["status"], 409);
    charge(&world, None).await;

    let asked = desk.asked();
    let numbers: Vec<_> = asked.iter().map(|asked| asked.body["seq"].clone()).collect();
    assert_eq!(numbers, [42, 43, 43, 44]);
    assert_eq!(asked[1].body, json!({ "seq": 43, "code": CODE, "amount_fen": 1250 }));
    assert_eq!(asked[1].body, asked[2].body);
    assert_ne!(asked[1].input, asked[2].input, "signed anew");
    assert!(asked.iter().all(|asked| asked.line == "POST /terminal/v1/charges"));
}

#[tokio::test]
async fn what_is_no_answer_stays_to_be_sent_until_it_is_given_up() {
    for status in [401, 429, 500, 503] {
        let desk = Desk::start([(status, json!({ "code": "x" })), paid()]);
        let world = world(&desk).await;
        let tried = charge(&world, None).await;
        assert_eq!(tried["body"]["answer"]["status"], status);
        assert_eq!(tried["body"]["pending"], true, "{status}");
        let forgotten = world.post_json(&format!("{TILL}/forget"), &json!({})).await;
        assert_eq!(forgotten.status(), 204);
        assert_eq!(charge(&world, None).await["body"]["seq"], 43, "its number stays used");
    }
    for status in [409, 422] {
        let desk = Desk::start([(status, json!({ "code": "code_used" }))]);
        let world = world(&desk).await;
        assert_eq!(charge(&world, None).await["body"]["pending"], false, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_for_its_time_sets_the_clock() {
    let ahead = SystemClock.now() + TimeDelta::seconds(500);
    let stale = json!({ "code": "signature_stale", "server_time": ahead.to_rfc3339() });
    let desk = Desk::start([(401, stale), paid()]);
    let world = world(&desk).await;
    charge(&world, Some("stale")).await;
    tell(&world, "repeat", json!({})).await;
    let asked = desk.asked();
    let now = SystemClock.now();
    assert!(created(&asked[0]) < now - TimeDelta::seconds(100), "{asked:?}");
    assert!((created(&asked[1]) - ahead).abs() < TimeDelta::seconds(60), "{asked:?}");
}

#[tokio::test]
async fn a_charge_is_sent_twice_confirmed_by_password_and_taken_back() {
    let ask = json!({ "code": "password_required", "challenge": "k", "which": "query" });
    let gone = (200, json!({ "amount_fen": 1250 }));
    let desk = Desk::start([paid(), paid(), (409, ask), paid(), gone]);
    let world = world(&desk).await;
    let twice = charge(&world, Some("twice")).await;
    assert_eq!(twice["body"]["answer"], twice["body"]["second"]);
    assert_eq!(tell(&world, "password", json!({ "password": "1" })).await["status"], 409);

    let asks = charge(&world, None).await;
    assert_eq!(asks["body"]["answer"]["body"]["which"], "query");
    assert_eq!(asks["body"]["pending"], false);
    let confirmed = tell(&world, "password", json!({ "password": "170026" })).await;
    assert_eq!(confirmed["body"]["what"], "password");
    let reversed = tell(&world, "reverse", json!({})).await;
    assert_eq!(reversed["body"]["answer"]["status"], 200);
    assert_eq!(tell(&world, "reverse", json!({})).await["status"], 409, "nothing is left");

    let asked = desk.asked();
    assert_eq!(asked[0].body, asked[1].body);
    assert_ne!(asked[0].input, asked[1].input);
    let with_password =
        json!({ "seq": 43, "challenge": "k", "amount_fen": 1250, "password": "170026" });
    assert_eq!(asked[3].body, with_password);
    assert_eq!(asked[4].line, "POST /terminal/v1/charges/43/reversal");
    assert_eq!(asked[4].body, json!({}));
}

#[tokio::test]
async fn a_till_says_when_it_cannot_work_and_its_page_is_there() {
    let desk = Desk::start([]);
    let world = world(&desk).await;
    let nobody = world.get("/sandbox/api/tills/xnec/T9").await;
    assert_eq!(nobody.status(), 404);
    let tills: Value = world.get("/sandbox/api/tills").await.json().await.unwrap();
    assert_eq!(tills["items"], json!([{ "school": "xnec", "id": "T1" }]));
    let config: Value = world.get(TILL).await.json().await.unwrap();
    assert_eq!(config, json!({ "config": { "last_seq": 41 }, "pending": false }));
    let page = world.get("/till").await;
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("xnec/T1"));
    for asset in
        ["/sandbox/assets/till.js", "/sandbox/assets/terminal.js", "/sandbox/assets/till.css"]
    {
        assert_eq!(world.get(asset).await.status(), 200);
    }
    world.sandbox().tills.set_server("http://127.0.0.1:9");
    assert_eq!(world.get(TILL).await.status(), 502);
}
