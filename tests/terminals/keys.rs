//! A key that was replaced is good for a day more, by the clock.

use super::signer::Signer;
use onecard::base::ids::SchoolId;
use onecard::{
    base::{
        clock::{Clock, ManualClock, SystemClock},
        crypto::ed25519::Ed25519Key,
        http::signature::{Authorities, SignedRequest},
        kv::MemoryKv,
    },
    schools::Schools,
    terminals::{
        NewTerminal, TerminalKind, Terminals, TerminalsSetup, add_terminal,
        desk::{self, KeyChange},
    },
};
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, World, on_each_database};

on_each_database!(an_old_key_is_good_for_a_day_more);

const HOST: &str = "card.example.edu.cn";

async fn is_accepted(terminals: &Terminals, till: &Signer, clock: &ManualClock) -> bool {
    let at = (clock.now().seconds(), "n");
    let signed = till.sign(("GET /terminal/v1/config", HOST), b"", at);
    let header = |name: &str| {
        let found = signed.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        vec![found.unwrap().1.as_str()]
    };
    let request = SignedRequest {
        method: "GET",
        authority: HOST,
        path: "/terminal/v1/config",
        query: None,
        content_digest: header("content-digest"),
        signature_input: header("signature-input"),
        signature: header("signature"),
    };
    terminals.authenticate(&request).await.is_ok()
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn an_old_key_is_good_for_a_day_more(db: &TestDb) {
    let world = World::unserved(db).await;
    let school = SchoolId::from_number(world.rows.school("xnec").await);
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let key = |seed| {
        let pem = Signer::new("xnec/T1", seed).public_pem();
        Ed25519Key::from_spki_pem(pem.as_bytes()).unwrap()
    };
    let [old, new, next] = [1, 2, 3].map(|seed| Signer::new("xnec/T1", seed));
    let registered = NewTerminal {
        school,
        code: "T1".parse().unwrap(),
        kind: TerminalKind::Gate,
        key: key(1),
        merchant: None,
        door_group: None,
    };
    add_terminal(&world.db, &registered, false, clock.now()).await.unwrap();
    // A server each time, without a copy of before.
    let accepted = async || {
        let setup = TerminalsSetup {
            db: world.db.clone(),
            kv: Arc::new(MemoryKv::new(clock.clone())),
            schools: Arc::new(Schools::new(world.db.clone(), clock.clone())),
            clock: clock.clone(),
            authorities: Authorities::new(&[HOST.to_owned()], true),
        };
        let terminals = Terminals::new(setup);
        let mut accepted = Vec::new();
        for till in [&old, &new, &next] {
            accepted.push(is_accepted(&terminals, till, &clock).await);
        }
        accepted
    };
    let terminal = world.rows.id("SELECT id FROM terminal").await;
    let replace = async |from: u8, to: u8, keeps_old: bool| {
        let terminal = onecard::terminals::TerminalId::from_uuid(terminal);
        let known = key(from).fingerprint();
        let change = KeyChange { terminal, known, key: key(to), keeps_old };
        let now = clock.now();
        world.db.in_tx(async |tx| desk::replace_key(tx, school, &change, now).await).await.unwrap();
    };
    assert_eq!(accepted().await, [true, false, false]);
    replace(1, 2, true).await;
    assert_eq!(accepted().await, [true, true, false]);
    // The one in between may never have been installed.
    replace(2, 3, true).await;
    assert_eq!(accepted().await, [true, false, true]);
    clock.advance(desk::OLD_KEY_LIFE.checked_sub(Duration::from_micros(1)).unwrap());
    assert_eq!(accepted().await, [true, false, true]);
    clock.advance(Duration::from_micros(1));
    assert_eq!(accepted().await, [false, false, true], "a day is over");
    replace(3, 2, true).await;
    assert_eq!(accepted().await, [false, true, true]);
    replace(2, 1, false).await;
    assert_eq!(accepted().await, [true, false, false]);
    testkit::assert_authentic(&world.db).await;
}
