//! A forged row gives nobody anything, from the moment at which it is used.

use crate::{
    identity::support::{OWN, change},
    spend::shop::{CHARGES, Shop},
    terminals::signer::Signer,
};
use onecard::{
    base::crypto::ed25519::Ed25519Key,
    orders::due::{Lease, claim_payments},
    terminals::{NewTerminal, Registered, TerminalKind, add_terminal},
};
use serde_json::json;
use std::time::Duration;
use testkit::{Forge, PEOPLE, TestDb, World, assert_authentic, on_each_database};

on_each_database!(
    a_forged_terminal_is_not_served,
    a_forged_phone_pays_for_nobody,
    a_forged_session_or_binding_signs_nobody_in,
    a_forged_password_lets_nobody_in,
    a_forged_order_is_not_settled,
    a_forged_order_keeps_no_other_waiting,
);

async fn a_forged_terminal_is_not_served(db: &TestDb) {
    let shop = Shop::closed(db, "").await;
    let thief = Signer::new("xnec/T1", 9);
    let key = Ed25519Key::from_spki_pem(thief.public_pem().as_bytes()).unwrap();
    let forge = "UPDATE terminal SET public_key = $1 WHERE code = 'T1'";
    assert_eq!(shop.world.rows.change(forge, [key.bytes().to_vec().into()]).await, 1);
    let mut world = shop.world;
    world.serve_first();
    assert_eq!(thief.ask(&world.api(), "GET /terminal/v1/config").await.status, 503);
    // What is beside it works.
    shop.tills[1].ask(&world.api(), "GET /terminal/v1/config").await.body(200);
    // Registered again, it is the operator's terminal.
    let again = NewTerminal {
        school: shop.school,
        code: "T1".parse().unwrap(),
        kind: TerminalKind::Pos,
        key: Ed25519Key::from_spki_pem(shop.tills[0].public_pem().as_bytes()).unwrap(),
        merchant: Some("c1".parse().unwrap()),
        door_group: None,
    };
    let done = add_terminal(&world.db, &again, true, testkit::now()).await.unwrap();
    assert_eq!(done, Registered::Changed);
    assert_authentic(&world.db).await;
    shop.tills[0].ask(&world.api(), "GET /terminal/v1/config").await.body(200);
}

/// Somebody who can write the database gives a victim's money to his own phone.
async fn a_forged_phone_pays_for_nobody(db: &TestDb) {
    let mut shop = Shop::closed(db, "").await;
    let (thief, victim) = (shop.phones[0].person, shop.phones[1].person);
    let rows = &shop.world.rows;
    rows.change("DELETE FROM device WHERE person_id = $1", [victim.uuid().into()]).await;
    let forge = "UPDATE device SET person_id = $2 WHERE person_id = $1";
    let persons = [thief.uuid().into(), victim.uuid().into()];
    assert_eq!(rows.change(forge, persons).await, 1);
    shop.world.serve_first();
    let before = shop.total(victim).await;
    let body = json!({ "seq": shop.seq(), "code": shop.phones[0].code(), "amount_fen": 1 });
    let refused = shop.send(0, CHARGES, &body).await;
    refused.problem("a forged phone", 422, "code_invalid");
    assert_eq!(shop.total(victim).await, before);
    shop.charge(&shop.phones[2].code(), 1).await.body(200);
}

async fn a_forged_session_or_binding_signs_nobody_in(db: &TestDb) {
    const IDENTITY: &str = "(SELECT identity_id FROM binding WHERE person_id = $1)";
    let world = World::start(db).await;
    let good = world.student(5).await;
    let others = "(SELECT identity_id FROM binding WHERE person_id <> $1 LIMIT 1)";
    let binding = "UPDATE binding SET person_id = \
                   (SELECT id FROM person WHERE student_no = '2301005') WHERE person_id = $1";
    // A session that is not authentic is none: its user can sign in again.
    let forgeries = [
        (binding.to_owned(), 500),
        (format!("UPDATE session SET identity_id = {others} WHERE identity_id = {IDENTITY}"), 401),
        (format!("UPDATE session SET refresh_hash = mac WHERE identity_id = {IDENTITY}"), 401),
        (format!("UPDATE identity SET openid = 'mine' WHERE id = {IDENTITY}"), 500),
    ];
    for (user, (forge, status)) in forgeries.iter().enumerate() {
        let student = world.student(u32::try_from(user).unwrap()).await;
        let person = world.rows.person("xnec", PEOPLE[user].0).await;
        assert_eq!(world.rows.change(forge, [person.into()]).await, 1, "{forge}");
        // Another server has no copy of the session.
        let other = world.serve();
        assert_eq!(student.at(other.api()).me().await.status, *status, "{forge}");
        good.at(other.api()).me().await.body(200);
    }
}

/// It is asked about no more, until its row fits again; the others are.
async fn a_forged_order_keeps_no_other_waiting(db: &TestDb) {
    let world = World::start(db).await;
    for user in [0, 1] {
        world.student(user).await.order(5000, "key").await.body(201);
    }
    let victim = world.rows.person("xnec", PEOPLE[0].0).await;
    let forge = "UPDATE orders SET amount_fen = 1 WHERE person_id = $1";
    assert_eq!(world.rows.change(forge, [victim.into()]).await, 1);
    let now = testkit::now().plus(Duration::from_hours(1));
    let lease = Lease { now, until: now.plus(Duration::from_mins(2)), most: 16 };
    let claimed = claim_payments(&world.db, lease).await.unwrap();
    let persons: Vec<_> = claimed.iter().map(|attempt| attempt.order.person.uuid()).collect();
    assert_eq!(persons, [world.rows.person("xnec", PEOPLE[1].0).await]);
}

/// The thief gives somebody the password that he has himself.
async fn a_forged_password_lets_nobody_in(db: &TestDb) {
    let world = World::start(db).await;
    let thief = world.student(1).await;
    assert_eq!(change(&thief, PEOPLE[1].1, OWN).await.status, 204);
    let forge = "UPDATE person SET password_hash = (SELECT password_hash FROM person \
                 WHERE student_no = $1) WHERE student_no = $2";
    let numbers = [PEOPLE[1].0.into(), PEOPLE[0].0.into()];
    assert_eq!(world.rows.change(forge, numbers).await, 1);
    let other = world.login(2).await;
    assert_eq!(other.bind("xnec", (PEOPLE[0].0, OWN)).await.status, 500);
    assert_eq!(world.rows.count("binding").await, 1);
}

async fn a_forged_order_is_not_settled(db: &TestDb) {
    let world = World::start(db).await;
    let (student, thief) = (world.student(0).await, world.student(1).await);
    let order = student.order(5000, "first").await.body(201);
    let thief_id = world.rows.person("xnec", PEOPLE[1].0).await;
    assert_eq!(world.rows.change("UPDATE orders SET person_id = $1", [thief_id.into()]).await, 1);
    let payment = world.pay_untold(&order).await;
    let forge = Forge::with_sandbox_keys();
    let message = forge.message("genuine", &forge.transaction(&payment));
    assert_eq!(message.send(&world.api(), "xnec").await.status, 500);
    assert_eq!(thief.balances().await, [0; 4]);
    // Put back as it was, it settles.
    let own = world.rows.person("xnec", PEOPLE[0].0).await;
    world.rows.change("UPDATE orders SET person_id = $1", [own.into()]).await;
    assert_eq!(message.send(&world.api(), "xnec").await.status, 204);
    assert_eq!(student.balances().await, [0, 0, 5000, 5000]);
    world.assert_books(5000).await;
}
