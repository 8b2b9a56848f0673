//! Gates and library desks: their numbers, and that nothing but a decision opens them.

use sandbox::keys::TillKey;
use serde_json::{Value, json};

use crate::support::{Desk, World};

const VECTORS: &str = include_str!("../../../docs/terminal-vectors.json");
const GATE: &str = "/sandbox/api/gates/xnec/G1";
const CODE: &str = "81255961202393657055";

async fn world(server: &Desk) -> World {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let pem = vectors["private_key"].as_str().unwrap();
    let key = TillKey::from_pem("xnec", "G1", pem).unwrap();
    let world = World::start_with(move |options| options.gates = vec![key]).await;
    world.sandbox().gates.set_server(&server.url);
    world
}

async fn scan(world: &World, fault: Option<&str>) -> Value {
    let body = json!({ "code": CODE, "fault": fault });
    world.post_json(&format!("{GATE}/scan"), &body).await.json().await.unwrap()
}

fn decided(decision: &str) -> (u16, Value) {
    (200, json!({ "decision": decision }))
}

#[tokio::test]
async fn a_gate_opens_when_it_is_told_to_and_never_otherwise() {
    let problem = |status| (status, json!({ "code": "x", "decision": "open" }));
    for (answer, open, pending) in [
        (decided("open"), true, false),
        (decided("refuse"), false, false),
        (decided("opened"), false, false),
        ((200, json!({})), false, false),
        (problem(503), false, true),
        (problem(401), false, true),
        (problem(429), false, true),
        (problem(422), false, false),
    ] {
        let server = Desk::start([answer.clone()]);
        let told = scan(&world(&server).await, None).await;
        assert_eq!(
            (&told["open"], &told["pending"]),
            (&json!(open), &json!(pending)),
            "{answer:?}"
        );
        assert_eq!(server.asked()[0].line, "POST /terminal/v1/access");
        assert_eq!(server.asked()[0].body, json!({ "seq": 42, "code": CODE }));
    }
}

#[tokio::test]
async fn a_lost_answer_keeps_the_door_closed_until_it_is_asked_for_again() {
    let server = Desk::start([decided("open"), decided("open"), decided("open")]);
    let world = world(&server).await;
    let lost = scan(&world, Some("drop_answer")).await;
    assert_eq!((&lost["open"], &lost["pending"]), (&json!(false), &json!(true)));
    let repeat = format!("{GATE}/repeat");
    let found: Value = world.post_json(&repeat, &json!({})).await.json().await.unwrap();
    assert_eq!((&found["open"], &found["seq"]), (&json!(true), &json!(42)));
    assert_eq!(world.post_json(&repeat, &json!({})).await.status(), 409);
    // Whoever comes next has the next number.
    assert_eq!(scan(&world, None).await["seq"], 43);
    let asked = server.asked();
    assert_eq!(asked[0].body, asked[1].body);
    assert_ne!(asked[0].input, asked[1].input, "signed anew");
}

#[tokio::test]
async fn a_scanner_may_read_twice() {
    let server = Desk::start([decided("open"), decided("open"), decided("open"), decided("open")]);
    let world = world(&server).await;
    let twice = scan(&world, Some("double_read")).await;
    assert_eq!((&twice["open"], &twice["second"]["status"]), (&json!(true), &json!(200)));
    let numbers: Vec<_> = server.asked().iter().map(|asked| asked.body["seq"].clone()).collect();
    assert_eq!(numbers, [42, 43], "two numbers");
    scan(&world, Some("twice")).await;
    let asked = server.asked();
    assert_eq!((&asked[2].body, &asked[2].body["seq"]), (&asked[3].body, &json!(44)));
}

#[tokio::test]
async fn its_page_is_there_for_gates_and_desks() {
    let server = Desk::start([]);
    let world = world(&server).await;
    let gates: Value = world.get("/sandbox/api/gates").await.json().await.unwrap();
    assert_eq!(gates["items"], json!([{ "school": "xnec", "id": "G1" }]));
    let config: Value = world.get(GATE).await.json().await.unwrap();
    assert_eq!(config, json!({ "config": { "last_seq": 41 }, "pending": false }));
    assert_eq!(world.get("/sandbox/api/gates/xnec/L9").await.status(), 404);
    assert!(world.get("/gate").await.text().await.unwrap().contains("xnec/G1"));
    assert_eq!(world.get("/sandbox/assets/gate.js").await.status(), 200);
    world.sandbox().gates.set_server("http://127.0.0.1:9");
    assert_eq!(world.get(GATE).await.status(), 502);
}
