//! The phone number that a platform tells of its user: with consent, sealed, masked, and removed.

use crate::identity::support::{keys, unbind};
use onecard::{
    base::crypto::{
        keyring::{Key32, KeyRing, NamedKey},
        seal::Sealer,
    },
    sessions::phones,
};
use sandbox::{
    faults::{RequestFault, RequestRule},
    wechat::PHONE,
};
use serde_json::{Value, json};
use testkit::{Answer, KEY, PEOPLE, Student, TestDb, World, now, on_each_database};

on_each_database!(
    a_number_is_told_replaced_and_removed,
    what_is_handed_over_is_checked,
    the_number_is_gone_with_the_binding,
    a_number_of_alipay_is_taken_from_one_identity,
    numbers_are_sealed_again_under_a_new_key,
);

const PATH: &str = "/api/v1/me/phone";

async fn hand_over(student: &Student, proof: &str) -> Answer {
    let body = json!({ "proof": proof, "consent_version": "1" });
    student.post(PATH, &body).await
}

fn code(world: &World, user: u32) -> String {
    let user = world.wechat().user(user).unwrap();
    world.wechat().issue_phone_code(&user, world.sandbox().clock.now())
}

async fn shown(student: &Student) -> Value {
    student.get(PATH).await.body(200)
}

async fn a_number_is_told_replaced_and_removed(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let empty = shown(&student).await;
    assert_eq!((&empty["phone"], &empty["consent"]["version"]), (&Value::Null, &json!("1")));
    assert!(empty["consent"]["text"].as_str().unwrap().contains("不用于登录"));

    let told = hand_over(&student, &code(&world, 0)).await.body(200);
    assert_eq!(told["phone"]["number_masked"], "139****0000");
    assert_eq!(told["phone"]["consent_version"], "1");
    assert_eq!(shown(&student).await, told);
    let everything = format!("{:?}", world.rows.everything().await);
    assert!(!everything.contains("13900000000"), "the number is sealed");

    // A number of another user replaces it: it is the identity's, whoever is behind it.
    let replaced = hand_over(&student, &code(&world, 7)).await.body(200);
    assert_eq!(replaced["phone"]["number_masked"], "139****0007");
    assert_eq!(world.rows.count("identity_phone").await, 1);
    for _ in 0..2 {
        let removed = student.post("/api/v1/me/phone/remove", &json!({})).await;
        assert_eq!(removed.status, 204);
    }
    assert_eq!(shown(&student).await, empty);
    assert_eq!(world.rows.count("identity_phone").await, 0);
    let acts = "SELECT act FROM audit_entry WHERE act LIKE 'phone.%' ORDER BY position";
    assert_eq!(world.rows.texts(acts).await, ["phone.shared", "phone.shared", "phone.removed"]);
    let who = "SELECT DISTINCT detail FROM audit_entry WHERE act LIKE 'phone.%'";
    assert_eq!(world.rows.texts(who).await, ["wechat, consent 1"]);
    testkit::assert_authentic(&world.db).await;
}

async fn what_is_handed_over_is_checked(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let used = code(&world, 0);
    hand_over(&student, &used).await.body(200);
    student.post("/api/v1/me/phone/remove", &json!({})).await;
    let login_code = world.login_code(0);
    let mut elsewhere = String::new();
    let apps: Vec<String> = world.wechat().app_ids().map(str::to_owned).collect();
    if let Some(user) = apps.get(1).and_then(|app| world.wechat().user_of(app, 0)) {
        elsewhere = world.wechat().issue_phone_code(&user, world.sandbox().clock.now());
    }
    for (why, proof) in [
        ("used", used.as_str()),
        ("a login code", &login_code),
        ("of another app", &elsewhere),
        ("made up", "x"),
    ] {
        hand_over(&student, proof).await.problem(why, 422, "phone_proof_refused");
    }
    let body = |proof: &str, version: &str| json!({ "proof": proof, "consent_version": version });
    let outdated = student.post(PATH, &body(&code(&world, 0), "0")).await;
    outdated.problem("an older text", 409, "consent_outdated");
    let long = "x".repeat(8193);
    for bad in [body("", "1"), body(&long, "1"), body("x", ""), json!({ "proof": "x" })] {
        student.post(PATH, &bad).await.problem("bad", 422, "request_invalid");
    }
    for (fault, status, problem) in [
        (RequestFault::SystemError, 503, "phone_unavailable"),
        (RequestFault::TooManyRequests, 429, "rate_limited"),
        (RequestFault::Html, 503, "phone_unavailable"),
        (RequestFault::BadGateway, 503, "phone_unavailable"),
        (RequestFault::AnswerLost, 503, "phone_unavailable"),
    ] {
        world.faults().on_requests(RequestRule::new(PHONE, fault), 1).unwrap();
        let answer = hand_over(&student, &code(&world, 0)).await;
        answer.problem(&format!("{fault:?}"), status, problem);
    }
    assert_eq!(world.rows.count("identity_phone").await, 0);
    let unbound = world.login(2).await;
    hand_over(&unbound, &code(&world, 2)).await.problem("not bound", 403, "not_bound");
}

async fn the_number_is_gone_with_the_binding(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    hand_over(&student, &code(&world, 0)).await.body(200);
    assert_eq!(unbind(&student, PEOPLE[0].1).await.status, 204);
    assert_eq!(world.rows.count("identity_phone").await, 0);
    let who = "SELECT who FROM audit_entry WHERE act = 'phone.removed'";
    assert!(world.rows.texts(who).await[0].starts_with("identity:"));
}

async fn a_number_of_alipay_is_taken_from_one_identity(db: &TestDb) {
    let mut world = World::unserved(db).await;
    let app = world.use_encrypted_alipay();
    world.serve_first();
    let alipay = world.alipay();
    let sign_in = async |user: u32| {
        let user_of = alipay.user_of(&app, user).unwrap();
        let code = alipay.issue_code(&user_of, world.sandbox().clock.now());
        let student = world.api().login_by("alipay", &code).await;
        student.bind("xnec", PEOPLE[usize::try_from(user).unwrap()]).await.body(201);
        let proof = serde_json::to_string(&alipay.phone_number(&user_of).unwrap()).unwrap();
        (student, proof)
    };
    let (one, proof) = sign_in(0).await;
    let (other, _) = sign_in(1).await;
    for _ in 0..2 {
        let told = hand_over(&one, &proof).await.body(200);
        assert_eq!(told["phone"]["number_masked"], "138****0000", "its owner may again");
    }
    let spaced = proof.replacen('{', "{ ", 1);
    for stolen in [&proof, &spaced] {
        hand_over(&other, stolen).await.problem("another's", 422, "phone_proof_refused");
    }
    let altered = proof.replacen("\"response\":\"", "\"response\":\"AAAA", 1);
    hand_over(&one, &altered).await.problem("altered", 422, "phone_proof_refused");
    hand_over(&one, "{}").await.problem("not Alipay's", 422, "phone_proof_refused");
    assert_eq!(world.rows.count("identity_phone").await, 1);
    assert_eq!(shown(&other).await["phone"], Value::Null);
}

async fn numbers_are_sealed_again_under_a_new_key(db: &TestDb) {
    let world = World::start(db).await;
    for user in 0..2 {
        let student = world.student(user).await;
        hand_over(&student, &code(&world, user)).await.body(200);
    }
    let key = |id: &str, byte: u8| NamedKey::new(id, Key32::from_bytes([byte; 32])).unwrap();
    let old = NamedKey::unnamed(Key32::from_bytes(KEY));
    let sealer = Sealer::new(KeyRing::new(key("k2", 9), vec![old]).unwrap());
    assert_eq!(phones::reseal(&world.db, &sealer, now()).await.unwrap().0, 2);
    assert_eq!(phones::reseal(&world.db, &sealer, now()).await.unwrap().0, 0);
    // What is sealed under a key that is not there is left as it is, and told.
    let (written, failed) = phones::reseal(&world.db, &keys().sealer, now()).await.unwrap();
    assert_eq!((written, failed.len()), (0, 2));
}
