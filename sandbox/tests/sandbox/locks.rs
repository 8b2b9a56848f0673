//! The locks' adapter: what it refuses, and that a lock opens once at most.

use std::sync::Arc;

use aws_lc_rs::{digest, hmac};
use reqwest::Method;
use sandbox::faults::{RequestFault, RequestRule};
use sandbox::locks::{LOCK_OPEN, LOCK_QUERY, LockBehaviour, LockCredentials};
use serde_json::{Value, json};

use crate::support::World;

const SECRET: &str = "sandbox-secret-of-the-tests-0123456789";
const ID: &str = "01a1fd48-6077-745e-8d47-bf64b6ee838f";
const OTHER: &str = "01a1fd48-6077-745e-8d47-bf64b6ee8390";
const OPEN: &str = "/locks/v1/locks/D3-402/open";

async fn world() -> World {
    let key = LockCredentials { key_id: "k1".to_owned(), key_secret: SECRET.to_owned() };
    World::start_with(|options| Arc::get_mut(&mut options.keys).unwrap().locks = Some(key)).await
}

/// A request, and what is wrong with it.
struct Asked<'a> {
    method: Method,
    path: &'a str,
    body: String,
    time: i64,
    nonce: String,
    key_id: &'a str,
    secret: &'a str,
}

impl<'a> Asked<'a> {
    fn new(world: &World, method: Method, path: &'a str, body: String) -> Self {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let time = world.now();
        Self { method, path, body, time, nonce, key_id: "k1", secret: SECRET }
    }

    fn base(&self) -> String {
        let Self { method, path, body, time, nonce, key_id, .. } = self;
        let digest = hex::encode(digest::digest(&digest::SHA256, body.as_bytes()));
        format!("onecard-locks-v1 request\n{method}\n{path}\n{time}\n{nonce}\n{digest}\n{key_id}")
    }

    /// Status, and the body of an answer that is rightly signed; `null` for another.
    async fn send(&self, world: &World) -> (u16, Value) {
        let signature = mac(self.secret, &self.base());
        let url = format!("{}{}", world.running.base_url(), self.path);
        let mut request = world
            .http
            .request(self.method.clone(), url)
            .header("Onecard-Key", self.key_id)
            .header("Onecard-Time", self.time)
            .header("Onecard-Nonce", &self.nonce)
            .header("Onecard-Signature", &signature);
        if !self.body.is_empty() {
            request = request.header("Content-Type", "application/json").body(self.body.clone());
        }
        let Ok(answer) = request.send().await else { return (0, Value::Null) };
        let status = answer.status().as_u16();
        let told = answer.headers().get("Onecard-Signature").cloned();
        let Ok(text) = answer.text().await else { return (0, Value::Null) };
        let digest = hex::encode(digest::digest(&digest::SHA256, text.as_bytes()));
        let base = format!("onecard-locks-v1 answer\n200\n{signature}\n{digest}");
        let is_ours = told.is_some_and(|told| told == mac(SECRET, &base));
        (
            status,
            if is_ours { serde_json::from_str(&text).unwrap_or(Value::Null) } else { Value::Null },
        )
    }
}

fn mac(secret: &str, base: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, base.as_bytes()))
}

fn order(world: &World, id: &str) -> String {
    json!({ "request_id": id, "open_until": world.now() + 15 }).to_string()
}

async fn open(world: &World, path: &str, id: &str) -> (u16, Value) {
    Asked::new(world, Method::POST, path, order(world, id)).send(world).await
}

async fn query(world: &World, id: &str) -> Value {
    let path = format!("/locks/v1/opens/{id}");
    Asked::new(world, Method::GET, &path, String::new()).send(world).await.1
}

fn said(outcome: &str) -> Value {
    json!({ "request_id": ID, "outcome": outcome })
}

#[tokio::test]
async fn a_lock_opens_once_for_an_id() {
    let world = world().await;
    assert_eq!(query(&world, ID).await, said("not_received"));
    for _ in 0..3 {
        assert_eq!(open(&world, OPEN, ID).await, (200, said("opened")));
    }
    assert_eq!(query(&world, ID).await, said("opened"));
    assert_eq!(world.sandbox().locks.opened("D3-402"), 1);
    let elsewhere = open(&world, "/locks/v1/locks/D3-403/open", ID).await;
    assert_eq!(elsewhere, (409, Value::Null));
    assert_eq!(world.sandbox().locks.opened("D3-403"), 0);
}

#[tokio::test]
async fn what_is_not_rightly_signed_is_refused() {
    let world = world().await;
    let good = || Asked::new(&world, Method::POST, OPEN, order(&world, ID));
    let used = good();
    let used = Asked { nonce: used.nonce.clone(), ..used };
    let bad = [
        ("secret", Asked { secret: "another", ..good() }, 401),
        ("key", Asked { key_id: "k2", ..good() }, 401),
        ("too old", Asked { time: world.now() - 61, ..good() }, 401),
        ("too new", Asked { time: world.now() + 61, ..good() }, 401),
        ("short nonce", Asked { nonce: "0123456789abcde".to_owned(), ..good() }, 401),
        ("no body", Asked { body: String::new(), ..good() }, 415),
        ("not JSON", Asked { body: "{".to_owned(), ..good() }, 400),
        ("extra", Asked { body: order(&world, ID).replace('}', ",\"x\":1}"), ..good() }, 400),
        ("no id", Asked { body: "{\"open_until\":1}".to_owned(), ..good() }, 400),
        ("upper case", Asked { body: order(&world, &ID.to_uppercase()), ..good() }, 400),
        ("another path", Asked { path: "/locks/v2/locks/D3-402/open", ..good() }, 404),
    ];
    for (what, asked, status) in bad {
        assert_eq!(asked.send(&world).await, (status, Value::Null), "{what}");
    }
    assert_eq!(world.sandbox().locks.orders().len(), 0);
    assert_eq!(used.send(&world).await.0, 200);
    assert_eq!(used.send(&world).await, (401, Value::Null), "a nonce twice");
    assert_eq!(world.sandbox().locks.opened("D3-402"), 1);
}

#[tokio::test]
async fn locks_do_what_they_are_told_and_nothing_too_late() {
    let world = world().await;
    let refused = |id: &str, reason: &str| json!({ "request_id": id, "outcome": "refused", "reason": reason });
    for behaviour in ["blocked", "offline", "battery"] {
        let path = "/sandbox/api/locks/D3-402";
        let set = world.post_json(path, &json!({ "behaviour": behaviour })).await;
        assert_eq!(set.status(), 200);
        let id = uuid::Uuid::new_v4().to_string();
        assert_eq!(open(&world, OPEN, &id).await.1, refused(&id, behaviour));
    }
    let nowhere = open(&world, "/locks/v1/locks/D9-999/open", OTHER).await.1;
    assert_eq!(nowhere, refused(OTHER, "no_such_lock"));

    world.sandbox().locks.set("D3-402", LockBehaviour::Late);
    assert_eq!(open(&world, OPEN, ID).await.1, said("not_known_yet"));
    assert_eq!(query(&world, ID).await, said("not_known_yet"));
    world.clock.advance(chrono::TimeDelta::seconds(3));
    assert_eq!(query(&world, ID).await, said("opened"));

    let id = uuid::Uuid::new_v4().to_string();
    let body = json!({ "request_id": id, "open_until": world.now() - 1 }).to_string();
    let late = Asked::new(&world, Method::POST, OPEN, body).send(&world).await.1;
    assert_eq!(late, refused(&id, "too_late"));
    assert_eq!(world.sandbox().locks.opened("D3-402"), 1);
    let page = world.get("/sandbox").await.text().await.unwrap();
    assert!(page.contains("宿舍门锁") && page.contains(ID));
}

#[tokio::test]
async fn every_fault_of_an_answer_happens() {
    let world = world().await;
    for (fault, done) in [
        (RequestFault::AnswerLost, true),
        (RequestFault::Unsigned, true),
        (RequestFault::AlteredBody, true),
        (RequestFault::WrongSignature, true),
        (RequestFault::SignedGarbage, true),
        (RequestFault::SystemError, false),
        (RequestFault::TooManyRequests, false),
        (RequestFault::BadGateway, false),
        (RequestFault::Unavailable, false),
        (RequestFault::Html, false),
        (RequestFault::Garbage, false),
    ] {
        let before = world.sandbox().locks.opened("D3-402");
        let id = uuid::Uuid::new_v4().to_string();
        world.sandbox().faults.on_requests(RequestRule::new(LOCK_OPEN, fault), 1).unwrap();
        assert_eq!(open(&world, OPEN, &id).await.1, Value::Null, "{fault:?}");
        let opened = world.sandbox().locks.opened("D3-402") - before;
        assert_eq!(opened, u64::from(done), "{fault:?}");
        let known = if done { "opened" } else { "not_received" };
        assert_eq!(query(&world, &id).await["outcome"], known, "{fault:?}");
    }
    let other = RequestRule::new(LOCK_QUERY, RequestFault::OtherOrder);
    world.sandbox().faults.on_requests(other, 1).unwrap();
    assert_ne!(query(&world, ID).await["request_id"], ID);
}
