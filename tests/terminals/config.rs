//! GET /terminal/v1/config: what it says, and who is not told.

use crate::terminals::signer::{Signature, Signer, authority};
use futures_util::future::join_all;
use onecard::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        ids::SchoolId,
    },
    terminals::{
        NewMerchant, NewTerminal, TerminalId, TerminalKind, add_merchant, add_terminal, keep,
        seq::{AnswerKind, AnsweredRequest, NumberedRequest, Seq, SeqStep, StoredResponse},
    },
};
use serde_json::json;
use testkit::{Answer, Api, Redis, TestDb, World, on_each_database};
use uuid::Uuid;

const CONFIG: &str = "GET /terminal/v1/config";

/// A deployment with the till `xnec/T1`, the gate `xnec/G1`, and the till `hbkj/T1`.
pub async fn world_with_terminals(db: &TestDb) -> (World, Signer, Signer) {
    with_terminals(World::start(db).await).await
}

async fn with_terminals(world: World) -> (World, Signer, Signer) {
    let (till, gate) = (Signer::new("xnec/T1", 1), Signer::new("xnec/G1", 2));
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    let merchant =
        NewMerchant { school, code: "c1".parse().unwrap(), name: "第一食堂".parse().unwrap() };
    add_merchant(&world.db, &merchant, SystemClock.now()).await.unwrap();
    register(&world, &till, TerminalKind::Pos).await;
    register(&world, &gate, TerminalKind::Gate).await;
    register(&world, &Signer::new("hbkj/T1", 3), TerminalKind::Pos).await;
    (world, till, gate)
}

async fn register(world: &World, signer: &Signer, kind: TerminalKind) {
    let (school, code) = signer.key_id.split_once('/').unwrap();
    let pos = kind == TerminalKind::Pos && school == "xnec";
    let new = NewTerminal {
        school: SchoolId::from_number(world.rows.school(school).await),
        code: code.parse().unwrap(),
        kind,
        key: onecard::base::crypto::ed25519::Ed25519Key::from_spki_pem(
            signer.public_pem().as_bytes(),
        )
        .unwrap(),
        merchant: pos.then(|| "c1".parse().unwrap()),
        door_group: (kind == TerminalKind::Gate).then(|| "北门".parse().unwrap()),
    };
    add_terminal(&world.db, &new, false, SystemClock.now()).await.unwrap();
}

async fn terminals_learn_what_they_must_know(db: &TestDb) {
    let (world, till, gate) = world_with_terminals(db).await;
    let api = world.api();
    let first = till.ask(&api, CONFIG).await;
    let config = first.body(200);
    let time = Timestamp::parse_rfc3339(config["server_time"].as_str().unwrap()).unwrap();
    assert!(time.distance(SystemClock.now()).as_secs() < 30, "{config}");
    assert_eq!(config["terminal"], json!({"school": "xnec", "id": "T1", "kind": "pos"}));
    assert_eq!((&config["last_seq"], &config["step_seconds"]), (&json!(0), &json!(15)));
    assert_eq!(config["till"]["merchant"], json!({"code": "c1", "name": "第一食堂"}));
    assert_eq!(config["door"], json!(null));
    assert_eq!(config["versions"]["protocol"], 1);
    let other = gate.ask(&api, CONFIG).await.body(200);
    let door = json!({ "group": "北门", "accepts": ["identity", "payment"],
        "double_read_seconds": 3, "when_undecided": "stay_closed" });
    assert_eq!((&other["till"], &other["door"]), (&json!(null), &door));

    // The tag stands until something but the time changes.
    let tag = first.header("etag").unwrap().to_owned();
    let again = ask_if_not(&till, &api, &format!("\"x\", {tag}")).await;
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(tag.as_str()));
    use_number(&world, 41, "n").await;
    // A number that a release before the bound let in: the till goes on as if it were not there.
    use_number(&world, i64::MAX, "m").await;
    let changed = ask_if_not(&till, &api, &tag).await;
    assert_eq!(changed.body(200)["last_seq"], 41);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

async fn ask_if_not(till: &Signer, api: &Api, tag: &str) -> Answer {
    let nonce = Uuid::new_v4().to_string();
    let now = SystemClock.now().seconds();
    let mut signed = till.sign((CONFIG, &authority(api)), b"", (now, &nonce)).headers;
    signed.push(("If-None-Match".to_owned(), tag.to_owned()));
    api.raw(CONFIG, &signed, b"").await
}

async fn use_number(world: &World, number: i64, nonce: &str) {
    let terminal = terminal_id(world).await;
    let kept = AnsweredRequest {
        asked: NumberedRequest {
            terminal,
            school: SchoolId::from_number(world.rows.school("xnec").await),
            seq: Seq::stored(number).unwrap(),
            step: SeqStep::Act,
            kind: AnswerKind::Charge,
            nonce: nonce.to_owned(),
            signature_digest: [0; 32],
            content_digest: [0; 32],
        },
        answer: StoredResponse { status: 200, body: b"{}".to_vec() },
    };
    let now = SystemClock.now();
    world.db.in_tx(async |tx| keep(tx, std::slice::from_ref(&kept), now).await).await.unwrap();
}

async fn terminal_id(world: &World) -> TerminalId {
    TerminalId::from_uuid(
        world
            .rows
            .id("SELECT id FROM terminal WHERE kind = 'pos' AND merchant_id IS NOT NULL")
            .await,
    )
}

/// Of many copies of a request at once one is answered, though Redis is gone.
#[tokio::test]
async fn a_nonce_is_good_once_without_redis() {
    testkit::on_postgres(one_of_many_copies_is_answered).await;
}

async fn one_of_many_copies_is_answered(db: &TestDb) {
    let mut redis = Redis::unstarted();
    redis.start().await;
    let world = World::start_with(db, &[("REDIS__URL", &redis.url())]).await;
    let (world, till, _) = with_terminals(world).await;
    let (api, now) = (world.api(), SystemClock.now().seconds());
    let copies = async |nonce: &str| {
        let signed = till.sign((CONFIG, &authority(&api)), b"", (now, nonce)).headers;
        let told = join_all((0..20).map(|_| api.raw(CONFIG, &signed, b""))).await;
        told.iter().filter(|answer| answer.status == 200).count()
    };
    assert_eq!(copies("while it is there").await, 1);
    redis.stop();
    assert_eq!(copies("while it is gone").await, 1);
}

#[expect(clippy::too_many_lines, reason = "a list of cases")]
async fn strangers_are_not_let_in(db: &TestDb) {
    let (world, till, gate) = world_with_terminals(db).await;
    let api = world.api();
    let now = SystemClock.now().seconds();
    let here = authority(&api);
    let sign = |signer: &Signer, line: &str, at: i64, nonce: &str| {
        signer.sign((line, &here), b"", (at, nonce))
    };
    let refused = async |what: &str, line: &str, signed: Signature, code: &str| {
        let answer = api.raw(line, &signed.headers, b"").await;
        assert_eq!(answer.header("www-authenticate"), None, "{what}");
        answer.problem(what, 401, code)
    };
    let good = sign(&till, CONFIG, now, "one");
    api.raw(CONFIG, &good.headers, b"").await.body(200);
    refused("a replay", CONFIG, good, "signature_invalid").await;
    let again = sign(&till, CONFIG, now - 1, "one");
    refused("its nonce", CONFIG, again, "signature_invalid").await;
    let theirs = sign(&gate, CONFIG, now, "one");
    api.raw(CONFIG, &theirs.headers, b"").await.body(200);

    let stale = sign(&till, CONFIG, now - 90, "two");
    let told = refused("stale", CONFIG, stale, "signature_stale").await;
    let time = Timestamp::parse_rfc3339(told["server_time"].as_str().unwrap()).unwrap();
    assert!(time.distance(SystemClock.now()).as_secs() < 30, "{told}");
    refused("early", CONFIG, sign(&till, CONFIG, now + 90, "3"), "signature_stale").await;

    let invalid = async |what: &str, line: &str, signed: Signature| {
        let told = refused(what, line, signed, "signature_invalid").await;
        assert_eq!(told.get("server_time"), None, "{what}");
    };
    invalid("unsigned", CONFIG, Signature { base: String::new(), headers: vec![] }).await;
    invalid("another query", "GET /terminal/v1/config?x=1", sign(&till, CONFIG, now, "4")).await;
    let elsewhere = till.sign((CONFIG, "evil.example"), b"", (now, "5"));
    invalid("for another server", CONFIG, elsewhere).await;
    let forger = Signer::new("xnec/T1", 9);
    invalid("another key", CONFIG, sign(&forger, CONFIG, now, "6")).await;
    let other_school = Signer::new("hbkj/T1", 1);
    invalid("another school's id", CONFIG, sign(&other_school, CONFIG, now, "7")).await;
    for nobody in ["xnec/T9", "none/T1", "xnecT1", "", "xnec/", "/T1", "xnec/T1/", "xnec//T1"] {
        let nobody = Signer::new(nobody, 1);
        invalid(&nobody.key_id, CONFIG, sign(&nobody, CONFIG, now, "8")).await;
    }
    let with_query = "GET /terminal/v1/config?x=1&y=%E4%B8%AD";
    api.raw(with_query, &sign(&till, with_query, now, "9").headers, b"").await.body(200);

    world.rows.change("UPDATE terminal SET enabled = FALSE", []).await;
    testkit::eventually("it is switched off", async || {
        (till.ask(&api, CONFIG).await.status == 401).then_some(())
    })
    .await;
    // Nothing of it is anybody's: other paths are as without a signature.
    let nowhere = api.raw("GET /terminal/v1/nowhere", &[], b"").await;
    nowhere.problem("no such path", 404, "not_found");
    let wrong = api.raw("POST /terminal/v1/config", &[], b"").await;
    wrong.problem("no such method", 405, "method_not_allowed");
}

on_each_database!(terminals_learn_what_they_must_know, strangers_are_not_let_in);
