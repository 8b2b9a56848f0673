//! `merchant add` and `terminal add`, as an operator types them.

use crate::terminals::signer::Signer;
use std::time::Duration;
use testkit::{Program, TestDb, World, eventually_within, on_each_database};

const CONFIG: &str = "GET /terminal/v1/config";

/// X25519.
const X25519: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n";

#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn operators_register_and_repeat(db: &TestDb) {
    let world = World::start(db).await;
    let program = Program::of(&world, crate::ONECARD);
    let file = |name: &str, text: &str| {
        let path = world.path(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (one, two) = (Signer::new("xnec/T1", 1), Signer::new("xnec/T1", 2));
    let (first, second) = (file("1.pem", &one.public_pem()), file("2.pem", &two.public_pem()));
    let private = file("1.key", &one.private_pem());
    let (x25519, empty) = (file("x.pem", X25519), file("empty.pem", ""));
    let missing = world.path("missing.pem");

    let merchant =
        |code, name| ["merchant", "add", "--school", "xnec", "--code", code, "--name", name];
    let till = |pem| {
        ["terminal", "add", "--school", "xnec", "--id", "T1", "--kind", "pos", "--public-key", pem]
    };
    let with = |pem, more: &[&'static str]| [&till(pem)[..], more].concat();
    let elsewhere = |pem| {
        ["terminal", "add", "--school", "none", "--id", "T1", "--kind", "pos", "--public-key", pem]
    };
    let named = |id, pem| {
        ["terminal", "add", "--school", "xnec", "--id", id, "--kind", "gate", "--public-key", pem]
    };
    let switched = |state, id| ["terminal", state, "--school", "xnec", "--id", id];
    let steps: Vec<(Vec<&str>, i32, &str)> = vec![
        (with(&first, &["--merchant", "canteen-1"]), 1, "there is no merchant canteen-1"),
        (merchant("canteen-1", "第一食堂").to_vec(), 0, "added      xnec/canteen-1  第一食堂"),
        (merchant("canteen-1", "第一食堂").to_vec(), 0, "unchanged"),
        (merchant("canteen-1", "北区食堂").to_vec(), 0, "changed"),
        (merchant("Canteen", "x").to_vec(), 2, "a-z, 0-9, hyphen and underscore"),
        (elsewhere(&first).to_vec(), 1, "there is no school none"),
        (with(&private, &[]), 1, "holds a private key"),
        (with(&x25519, &[]), 1, "must be an Ed25519 key"),
        (with(&empty, &[]), 1, "-----BEGIN PUBLIC KEY-----"),
        (with(&missing, &[]), 1, "missing.pem"),
        (named("T/1", &first).to_vec(), 2, "dot, hyphen and underscore"),
        (with(&first, &[]), 0, "cannot charge"),
        (with(&first, &[]), 0, "unchanged  xnec/T1  pos  key SHA-256 "),
        (with(&first, &["--merchant", "canteen-1"]), 1, "another merchant: --replace"),
        (with(&first, &["--merchant", "canteen-1", "--replace"]), 0, "changed"),
        (with(&second, &["--merchant", "canteen-1"]), 1, "another public key: --replace"),
        (named("T1", &first).to_vec(), 1, "another kind: --replace"),
        (switched("disable", "T1").to_vec(), 0, "changed    xnec/T1  disabled"),
        (switched("disable", "T1").to_vec(), 0, "unchanged  xnec/T1  disabled"),
        (with(&first, &["--merchant", "canteen-1"]), 0, "unchanged"),
        (switched("enable", "T1").to_vec(), 0, "changed    xnec/T1  enabled"),
        (switched("enable", "T1").to_vec(), 0, "unchanged  xnec/T1  enabled"),
        (switched("disable", "T2").to_vec(), 1, "there is no terminal T2"),
    ];
    for (arguments, code, said) in steps {
        let (exit, out, err) = program.run(&arguments).await;
        let all = format!("{out}{err}");
        assert_eq!(exit, code, "{arguments:?}: {all}");
        assert!(all.contains(said), "{arguments:?} does not say {said}: {all}");
    }
    assert_eq!(world.rows.count("terminal").await, 1);

    // A server that runs sees it within a second: the new key is good, the old one is not.
    let api = world.api();
    one.ask(&api, "GET /terminal/v1/config").await.body(200);
    let replace = with(&second, &["--merchant", "canteen-1", "--replace"]);
    assert_eq!(program.run(&replace).await.0, 0);
    testkit::eventually("the new key is known", async || {
        (two.ask(&api, "GET /terminal/v1/config").await.status == 200).then_some(())
    })
    .await;
    let old = one.ask(&api, "GET /terminal/v1/config").await;
    old.problem("the old key", 401, "signature_invalid");
}

/// In force within a second, also at a server that has just answered it.
async fn a_terminal_is_switched_off_at_every_server(db: &TestDb) {
    let world = World::start(db).await;
    let program = Program::of(&world, crate::ONECARD);
    let (till, pem) = (Signer::new("xnec/T1", 1), world.path("1.pem"));
    std::fs::write(&pem, till.public_pem()).unwrap();
    let add = ["terminal", "add", "--school", "xnec", "--id", "T1", "--kind", "gate"];
    assert_eq!(program.run(&[&add[..], &["--public-key", &pem]].concat()).await.0, 0);
    let mut apis = vec![world.api()];
    let mut second = Program::of(&world, crate::ONECARD);
    // SQLite has one server.
    if !db.url.starts_with("sqlite") {
        second.start().await;
        apis.push(second.api());
    }
    let mut before = 200;
    for (state, status) in [("disable", 401), ("enable", 200)] {
        for api in &apis {
            assert_eq!(till.ask(api, CONFIG).await.status, before);
        }
        let switch = ["terminal", state, "--school", "xnec", "--id", "T1"];
        assert_eq!(program.run(&switch).await.0, 0);
        for api in &apis {
            eventually_within(Duration::from_millis(1500), state, async || {
                (till.ask(api, CONFIG).await.status == status).then_some(())
            })
            .await;
        }
        before = status;
    }
}

on_each_database!(operators_register_and_repeat, a_terminal_is_switched_off_at_every_server);
