//! What every adapter must keep, as a suite for each implementation of `LockVendor`.

use onecard::{
    base::{
        clock::SystemClock,
        http_client::{self, Timeouts},
    },
    keyring::{LockAnswer, LockRefusal, LockVendor, OpenOrder, OpeningId},
    providers::locks::{HttpLocks, LockSettings},
};
use sandbox::locks::{LockBehaviour, Locks};
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, World, now, on_each_database};

on_each_database!(the_adapter_over_http_keeps_the_contract);

async fn the_adapter_over_http_keeps_the_contract(db: &TestDb) {
    let world = World::unserved(db).await;
    let settings = world.settings("http://127.0.0.1:1");
    let of = |name: &str| {
        let name = format!("ONECARD__LOCKS__{name}");
        settings.iter().find(|(key, _)| *key == name).unwrap().1.clone()
    };
    let settings = LockSettings {
        base_url: of("BASE_URL").parse().unwrap(),
        key_id: of("KEY_ID"),
        key_secret: of("KEY_SECRET").into(),
    };
    let http = http_client::build(Timeouts::default()).unwrap();
    let vendor = HttpLocks::new(settings.clone(), http.clone(), Arc::new(SystemClock));
    keeps_the_contract(&vendor, world.locks()).await;

    // A key that is not shared opens nothing, and says nothing.
    let wrong = LockSettings { key_secret: "x".repeat(32).into(), ..settings };
    let wrong = HttpLocks::new(wrong, http, Arc::new(SystemClock));
    let (opened, id) = (world.locks().opened("D3-402"), OpeningId::new(now()));
    assert_eq!(order(&wrong, id, "D3-402", 15).await, LockAnswer::Unknown);
    assert_eq!(wrong.outcome(id).await, LockAnswer::Unknown);
    assert_eq!(world.locks().opened("D3-402"), opened);
}

async fn order(vendor: &dyn LockVendor, id: OpeningId, lock: &str, seconds: u64) -> LockAnswer {
    let (lock, until) = (lock.parse().unwrap(), now().plus(Duration::from_secs(seconds)));
    vendor.open(OpenOrder { id, lock: &lock, until }).await
}

async fn keeps_the_contract(vendor: &dyn LockVendor, locks: &Locks) {
    let new = || OpeningId::new(now());
    let never = new();
    assert_eq!(vendor.outcome(never).await, LockAnswer::NotReceived);
    assert_eq!(locks.orders().len(), 0, "asking opens nothing");

    let id = new();
    assert_eq!(order(vendor, id, "D3-402", 15).await, LockAnswer::Opened);
    assert_eq!(vendor.outcome(id).await, LockAnswer::Opened);
    assert_eq!(order(vendor, id, "D3-402", 15).await, LockAnswer::Opened);
    assert_eq!(locks.opened("D3-402"), 1, "at most once for an id");
    assert_eq!(order(vendor, id, "D3-403", 15).await, LockAnswer::Unknown);
    assert_eq!(locks.opened("D3-403"), 0, "an id belongs to a lock");

    for (behaviour, refusal) in [
        (LockBehaviour::Blocked, LockRefusal::Blocked),
        (LockBehaviour::Offline, LockRefusal::Offline),
        (LockBehaviour::Battery, LockRefusal::Battery),
    ] {
        locks.set("D3-403", behaviour);
        let id = new();
        assert_eq!(order(vendor, id, "D3-403", 15).await, LockAnswer::Refused(refusal));
        locks.set("D3-403", LockBehaviour::Opens);
        assert_eq!(order(vendor, id, "D3-403", 15).await, LockAnswer::Refused(refusal), "final");
        assert_eq!(vendor.outcome(id).await, LockAnswer::Refused(refusal));
    }
    let refused = LockAnswer::Refused(LockRefusal::NoSuchLock);
    assert_eq!(order(vendor, new(), "D9-999", 15).await, refused);

    locks.set("D3-403", LockBehaviour::Silent);
    let silent = new();
    assert_eq!(order(vendor, silent, "D3-403", 15).await, LockAnswer::Unknown);
    assert_eq!(vendor.outcome(silent).await, LockAnswer::Unknown);

    let lock = "D3-402".parse().unwrap();
    let late = OpenOrder { id: new(), lock: &lock, until: now().minus(Duration::from_secs(5)) };
    assert_eq!(vendor.open(late).await, LockAnswer::Refused(LockRefusal::TooLate));
    assert_eq!(locks.opened("D3-402"), 1, "never after its last second");
}
