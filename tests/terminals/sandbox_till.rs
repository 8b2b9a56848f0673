//! The sandbox's till, which was built from the wire specification alone, at the real server.

use onecard::{
    base::{
        clock::{Clock, SystemClock},
        crypto::ed25519::Ed25519Key,
        ids::SchoolId,
    },
    terminals::{NewMerchant, NewTerminal, TerminalKind, add_merchant, add_terminal},
};
use sandbox::{keys::TillKey, till::TillRefusal};
use testkit::{TestDb, World, on_each_database};

on_each_database!(the_sandboxs_till_is_understood);

async fn register(world: &World, key: &TillKey) {
    let school = SchoolId::from_number(world.rows.school(&key.school).await);
    let merchant = NewMerchant {
        school,
        code: "canteen-1".parse().unwrap(),
        name: "第一食堂".parse().unwrap(),
    };
    add_merchant(&world.db, &merchant, SystemClock.now()).await.unwrap();
    let new = NewTerminal {
        school,
        code: key.id.parse().unwrap(),
        kind: TerminalKind::Pos,
        key: Ed25519Key::from_spki_pem(key.public_pem().unwrap().as_bytes()).unwrap(),
        merchant: Some(merchant.code),
        door_group: None,
    };
    add_terminal(&world.db, &new, false, SystemClock.now()).await.unwrap();
}

async fn the_sandboxs_till_is_understood(db: &TestDb) {
    let world = World::start(db).await;
    let tills = world.tills();
    let Err(TillRefusal::Away(Some(answer))) = tills.config("xnec", "T1").await else {
        panic!("a till that is not registered is let in");
    };
    assert_eq!((answer.status, &answer.body["code"]), (401, &"signature_invalid".into()));
    for key in tills.all() {
        register(&world, key).await;
        let (config, pending) = tills.config(&key.school, &key.id).await.unwrap();
        assert_eq!(config["terminal"]["school"], key.school);
        assert_eq!(config["till"]["merchant"]["name"], "第一食堂");
        assert_eq!((&config["last_seq"], pending), (&0.into(), false));
    }
}
