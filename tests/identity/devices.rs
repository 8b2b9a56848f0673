//! Phones that show codes, and codes that the server makes: who gets them, and what ends them.

use crate::identity::support::{notices, unbind};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::future::join_all;
use onecard::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        crypto::keyring::{Key32, KeyRing, NamedKey},
        ids::SchoolId,
        kv::MemoryKv,
    },
    passcode::{
        CodeMasters, CodePurpose, CodeUse, Codes, CodesSetup, Prefixes, ScanOutcome, ScanPlace,
        ShownCode, use_up,
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use testkit::{KEY, PATIENCE, PEOPLE, Student, TestDb, World, now, on_each_database};

const PHONE: &str = "a-phone-of-16-or-more";
const OTHER: &str = "another-phone-than-that";

on_each_database!(
    a_phone_is_given_its_keys,
    a_new_phone_ends_the_old_one_and_is_told,
    the_last_phone_alone_needs_no_password,
    unbinding_ends_devices,
    a_binding_that_ended_gets_no_device,
    of_phones_at_once_one_is_live,
    a_replaced_phone_gets_no_keys_however_often_it_asks,
    enrolments_are_bounded,
    codes_are_made_for_who_cannot_compute,
    a_phone_that_is_seen_goes_on,
);

/// A till of the school, which knows the same keys.
struct Till {
    codes: Codes,
    school: SchoolId,
    world: onecard::base::db::Db,
}

impl Till {
    async fn of(world: &World) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ring = KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
        let parts = CodesSetup {
            db: world.db.clone(),
            kv: Arc::new(MemoryKv::new(Arc::clone(&clock))),
            clock,
            masters: CodeMasters::new(&ring),
        };
        let school = SchoolId::from_number(world.rows.school("xnec").await);
        Self { codes: Codes::new(parts), school, world: world.db.clone() }
    }

    async fn find(&self, code: &str, purpose: CodePurpose) -> ScanOutcome {
        let terminal = uuid::Uuid::from_u128(7);
        let (school, prefixes) = (self.school, Prefixes::default());
        let place = ScanPlace { school, terminal, accepts: &[purpose], prefixes: &prefixes };
        self.codes.find(&place, code, now()).await.unwrap().0
    }

    async fn reads(&self, code: &str) -> ShownCode {
        let found = self.find(code, CodePurpose::Pay).await;
        let ScanOutcome::Shown(shown) = found else { panic!("{found:?}") };
        shown
    }

    async fn uses(&self, shown: ShownCode) -> CodeUse {
        let used =
            self.world.in_tx(async |tx| use_up(tx, &[(shown, "")], now()).await).await.unwrap();
        used[0]
    }
}

async fn enrol(student: &Student, device: &str, password: Option<&str>) -> testkit::Answer {
    let body =
        json!({ "device_id": device, "device_name": "小雨的手机", "query_password": password });
    student.post("/api/v1/passcode/enrolments", &body).await
}

/// As a phone computes it, after docs/passcode.md.
fn code(keys: &Value, step: u64, at: Timestamp, sub: u8) -> String {
    let number = |name: &str, message: &[u8], modulus: u128| {
        let key = BASE64_STANDARD.decode(keys[name].as_str().unwrap()).unwrap();
        assert_eq!(key.len(), 32);
        let tag = sign(&Key::new(HMAC_SHA256, &key), message);
        u128::from_be_bytes(tag.as_ref()[..16].try_into().unwrap()) % modulus
    };
    let tick = u64::try_from(at.seconds()).unwrap() / step;
    let hour = [b"h".as_slice(), &(tick / 240).to_be_bytes()].concat();
    let moment = [b"o".as_slice(), &tick.to_be_bytes(), &[sub]].concat();
    let handle = number("handle_key", &hour, 100_000_000);
    let otp = number("otp_key", &moment, 10_000_000_000);
    format!("{}{handle:08}{otp:010}", keys["prefix"].as_str().unwrap())
}

async fn a_phone_is_given_its_keys(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let refused = [
        (PHONE, None, 422, "password_required"),
        (PHONE, Some("000000"), 422, "password_wrong"),
        ("short", Some(PEOPLE[0].1), 422, "request_invalid"),
        ("设备设备设备设备设备设备", Some(PEOPLE[0].1), 422, "request_invalid"),
    ];
    for (device, password, status, problem) in refused {
        enrol(&student, device, password).await.problem(device, status, problem);
    }
    assert_eq!(world.rows.count("device").await, 0);

    let answer = enrol(&student, PHONE, Some(PEOPLE[0].1)).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let first = answer.body(200);
    assert_eq!((&first["generation"], &first["step_seconds"]), (&json!(1), &json!(15)));
    let time = |name: &str| Timestamp::parse_rfc3339(first[name].as_str().unwrap()).unwrap();
    // The answer may be written a second later than the keys were made.
    let (left, days) =
        (time("expires_at").distance(time("server_time")), Duration::from_hours(30 * 24));
    assert!(left <= days && left + PATIENCE > days, "{left:?}");
    let home = student.me().await.body(200);
    assert_eq!(home["passcode"], json!({ "generation": 1, "expires_at": first["expires_at"] }));
    let till = Till::of(&world).await;
    let shown = till.reads(&code(&first["pay"], 15, now(), 2)).await;
    assert_eq!((shown.generation, shown.sub.number()), (1, 2));
    let door = till.find(&code(&first["id"], 15, now(), 0), CodePurpose::Id).await;
    assert!(
        matches!(door, ScanOutcome::Shown(ShownCode { purpose: CodePurpose::Id, .. })),
        "{door:?}"
    );
    let wrong = till.find(&code(&first["id"], 15, now(), 1), CodePurpose::Pay).await;
    assert_eq!(wrong, ScanOutcome::WrongPurpose);

    // It is known now: no password, new keys, and the old ones are dead.
    let second = enrol(&student, PHONE, None).await.body(200);
    assert_eq!(second["generation"], 2);
    assert_eq!(till.uses(shown).await, CodeUse::DeviceEnded);
    let shown = till.reads(&code(&second["pay"], 15, now(), 0)).await;
    assert_eq!(
        (till.uses(shown).await, till.uses(shown).await),
        (CodeUse::Fresh, CodeUse::UsedBefore)
    );
    assert_eq!(notices(&student).await, Vec::<String>::new(), "nobody else is bound");
}

async fn a_new_phone_ends_the_old_one_and_is_told(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let old = enrol(&student, PHONE, Some(PEOPLE[0].1)).await.body(200);
    let till = Till::of(&world).await;
    let shown = till.reads(&code(&old["pay"], 15, now(), 0)).await;
    enrol(&student, OTHER, None).await.problem("a new one", 422, "password_required");
    assert_eq!(till.uses(shown).await, CodeUse::Fresh, "the old one lives on");
    let new = enrol(&student, OTHER, Some(PEOPLE[0].1)).await.body(200);
    let (old, new) = (code(&old["pay"], 15, now(), 1), code(&new["pay"], 15, now(), 0));
    assert_eq!(till.uses(till.reads(&old).await).await, CodeUse::DeviceEnded);
    assert_eq!(till.uses(till.reads(&new).await).await, CodeUse::Fresh);
    assert_eq!(notices(&student).await, ["code_device"], "the old phone is told");
    let live = "SELECT COUNT(*) FROM device WHERE ended_at IS NULL";
    assert_eq!(world.rows.number(live).await, 1);
}

/// Two phones of one account do not take the codes from each other by themselves.
async fn the_last_phone_alone_needs_no_password(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let password = Some(PEOPLE[0].1);
    let refused = async |device, what| {
        enrol(&student, device, None).await.problem(what, 422, "password_required");
    };
    let expire = async || {
        let aged = "UPDATE device SET ended_at = 1, ended_why = 'expired' WHERE ended_at IS NULL";
        assert_eq!(world.change(aged, []).await, 1);
    };
    let rebind = async || {
        assert_eq!(unbind(&student, PEOPLE[0].1).await.status, 204);
        student.bind("xnec", PEOPLE[0]).await.body(201);
    };
    enrol(&student, PHONE, password).await.body(200);
    expire().await;
    enrol(&student, PHONE, None).await.body(200);
    enrol(&student, OTHER, password).await.body(200);
    refused(PHONE, "replaced").await;
    expire().await;
    refused(PHONE, "replaced by one that is too old").await;
    enrol(&student, PHONE, password).await.body(200);
    refused(OTHER, "too old, then replaced").await;
    rebind().await;
    refused(PHONE, "unbound").await;
    refused(OTHER, "replaced, then unbound").await;
    enrol(&student, OTHER, password).await.body(200);
    expire().await;
    rebind().await;
    refused(OTHER, "too old, then unbound").await;
}

async fn unbinding_ends_devices(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let phone = enrol(&student, PHONE, Some(PEOPLE[0].1)).await.body(200);
    let made = student.get("/api/v1/passcode/pay").await.body(200);
    let till = Till::of(&world).await;
    let codes = [code(&phone["pay"], 15, now(), 0), made["code"].as_str().unwrap().to_owned()];
    assert_eq!(unbind(&student, PEOPLE[0].1).await.status, 204);
    for code in &codes {
        assert!(
            !matches!(till.find(code, CodePurpose::Pay).await, ScanOutcome::Shown(_)),
            "{code}"
        );
    }
    let live = "SELECT COUNT(*) FROM device WHERE ended_at IS NULL";
    assert_eq!(world.rows.number(live).await, 0);
    enrol(&student, PHONE, None).await.problem("unbound", 403, "not_bound");
    student.get("/api/v1/passcode/pay").await.problem("unbound", 403, "not_bound");
    // Whoever binds next shows who they are, on this phone too.
    student.bind("xnec", PEOPLE[0]).await.body(201);
    enrol(&student, PHONE, None).await.problem("again", 422, "password_required");
    let again = enrol(&student, PHONE, Some(PEOPLE[0].1)).await.body(200);
    assert_eq!(again["generation"], 2);
    // Another person on the same phone is new there.
    assert_eq!(unbind(&student, PEOPLE[0].1).await.status, 204);
    student.bind("xnec", PEOPLE[1]).await.body(201);
    enrol(&student, PHONE, None).await.problem("another person", 422, "password_required");
}

/// Nothing is enrolled for a binding that has ended, also where a copy of a session does not know it
/// yet.
async fn a_binding_that_ended_gets_no_device(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let other = world.login(0).await;
    for round in 0..3 {
        other.get("/api/v1/card").await.body(200);
        assert_eq!(unbind(&student, PEOPLE[0].1).await.status, 204);
        let made = other.get("/api/v1/passcode/pay").await;
        made.problem("no code is made", 403, "not_bound");
        let phone = enrol(&other, PHONE, Some(PEOPLE[0].1)).await;
        phone.problem("no phone is enrolled", 403, "not_bound");
        assert_eq!(world.rows.count("device").await, 0, "{round}");
        student.bind("xnec", PEOPLE[0]).await.body(201);
        super::sessions::within_a_copy("the other session sees it", async || {
            (other.get("/api/v1/card").await.status == 200).then_some(())
        })
        .await;
    }
}

async fn of_phones_at_once_one_is_live(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let phones: Vec<String> = (0..3).map(|n| format!("{n}-{OTHER}")).collect();
    let all = phones.iter().map(|phone| enrol(&student, phone, Some(PEOPLE[0].1)));
    let given: Vec<_> = join_all(all).await.into_iter().map(|answer| answer.status).collect();
    // Passwords that are tried at the same time may have to wait for each other.
    assert!(given.contains(&200) && given.iter().all(|s| [200, 429].contains(s)), "{given:?}");
    let made = join_all((0..4).map(|_| student.get("/api/v1/passcode/pay"))).await;
    assert!(made.iter().all(|answer| [200, 429].contains(&answer.status)));
    let live = "SELECT COUNT(*) FROM device WHERE ended_at IS NULL AND kind = ";
    assert_eq!(world.rows.number(&format!("{live}'phone'")).await, 1);
    assert_eq!(world.rows.number(&format!("{live}'server'")).await, 1);
    assert_eq!(world.rows.number("SELECT COUNT(*) FROM device WHERE kind = 'server'").await, 1);
}

/// The old phone asks for keys without the password, again and again, while the new one is enrolled
/// with it. Whatever it gets, it got before.
async fn a_replaced_phone_gets_no_keys_however_often_it_asks(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let live = "SELECT generation FROM device WHERE ended_at IS NULL";
    for round in 1..=5 {
        world.rows.change("DELETE FROM password_try", []).await;
        enrol(&student, PHONE, Some(PEOPLE[0].1)).await.body(200);
        let flood = join_all((0..15).map(|_| enrol(&student, PHONE, None)));
        let (flood, new) = futures_util::future::join(
            flood,
            enrol(&student, &format!("{OTHER}-{round}"), Some(PEOPLE[0].1)),
        )
        .await;
        new.body(200);
        assert!(flood.iter().all(|old| [200, 422].contains(&old.status)), "{round}");
        assert_eq!(world.rows.number(live).await, 1, "the new phone, which is enrolled once");
        enrol(&student, PHONE, None).await.problem("replaced", 422, "password_required");
    }
}

async fn enrolments_are_bounded(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let password = Some(PEOPLE[0].1);
    enrol(&student, PHONE, password).await.body(200);
    for _ in 0..20 {
        enrol(&student, PHONE, None).await.body(200);
    }
    enrol(&student, PHONE, None).await.problem("the 21st", 422, "password_required");
    // A phone without the password keeps none with it waiting.
    for _ in 1..20 {
        enrol(&student, OTHER, password).await.body(200);
    }
    let refused = enrol(&student, OTHER, password).await;
    refused.problem("the 21st with it", 429, "too_many_enrolments");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(world.student(1).await.get("/api/v1/passcode/pay").await.status, 200);
    assert_eq!(world.rows.count("device").await, 3);
}

async fn codes_are_made_for_who_cannot_compute(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let till = Till::of(&world).await;
    for (path, purpose, prefix) in [
        ("/api/v1/passcode/pay", CodePurpose::Pay, "80"),
        ("/api/v1/passcode/id", CodePurpose::Id, "81"),
    ] {
        // Two steps have eight; one may turn while this asks.
        let mut of_step: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let refused = loop {
            let answer = student.get(path).await;
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            if answer.status == 429 {
                break answer;
            }
            let made = answer.body(200);
            let text = |name: &str| made[name].as_str().unwrap().to_owned();
            assert!(text("qr_svg").starts_with("<svg") && text("barcode_svg").starts_with("<svg"));
            assert!(made["refresh_after_ms"].as_u64().unwrap() <= 15_000);
            assert!(text("code").starts_with(prefix));
            let found = till.find(&text("code"), purpose).await;
            assert!(matches!(found, ScanOutcome::Shown(_)), "{found:?}");
            of_step.entry(text("valid_until")).or_default().push(text("code"));
            assert!(of_step.len() <= 2, "no step ever ran out");
        };
        refused.problem("the fifth", 429, "codes_used_up");
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=15).contains(&wait), "{wait}");
        for codes in of_step.values_mut() {
            codes.sort();
            codes.dedup();
        }
        assert_eq!(of_step.values().map(Vec::len).max(), Some(4), "{of_step:?}");
    }
    // Beside the phone: neither ends the other, but a new phone ends both.
    let phone = enrol(&student, PHONE, Some(PEOPLE[0].1)).await.body(200);
    let live = "SELECT COUNT(*) FROM device WHERE ended_at IS NULL";
    assert_eq!(world.rows.number(live).await, 1);
    let one = student.get("/api/v1/passcode/pay").await.body(200);
    assert_eq!(world.rows.number(live).await, 2);
    for code in [code(&phone["pay"], 15, now(), 3), one["code"].as_str().unwrap().to_owned()] {
        assert_eq!(till.uses(till.reads(&code).await).await, CodeUse::Fresh);
    }
}

async fn a_phone_that_is_seen_goes_on(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let phone = enrol(&student, PHONE, Some(PEOPLE[0].1)).await.body(200);
    let till = Till::of(&world).await;
    let use_one =
        async |sub| till.uses(till.reads(&code(&phone["pay"], 15, now(), sub)).await).await;
    let away = "UPDATE device SET last_seen_at = 1, stale_at = 2";
    assert_eq!(world.rows.change(away, []).await, 1);
    assert_eq!(use_one(0).await, CodeUse::DeviceEnded, "not seen for too long");
    student.me().await.body(200);
    assert_eq!(use_one(1).await, CodeUse::Fresh, "it was online");
    let seen = "SELECT last_seen_at FROM device";
    let before = world.rows.number(seen).await;
    student.me().await.body(200);
    assert_eq!(world.rows.number(seen).await, before, "once an hour at most");
}
