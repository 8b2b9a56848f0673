//! A person's standing changes while a charge is decided: the charge waits for that commit and is
//! decided on it. And a lock that is waited for too long: the charge is not made.

use crate::spend::{
    counter::{Counter, NOW, code},
    shop::{is_sound, total},
};
use futures_util::future::join;
use onecard::{
    base::{
        clock::Clock,
        crypto::keyring::{Key32, KeyRing, NamedKey},
        db::DbError,
        lane::Batch,
    },
    ledger::HeldPersons,
    passcode::{EndReason, end_devices},
    schools::{PersonKeys, roster::RosterImport},
    spend::{ChargeRequest, TillReply, charging::Charging},
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement, TransactionTrait};
use std::{collections::HashSet, fs, io::Cursor, path::Path, time::Duration};
use testkit::{KEY, TestDb, eventually, on_each_database};
use tokio::sync::Mutex;

on_each_database!(
    a_charge_waits_for_an_import_that_ends_its_person,
    an_import_holds_those_whose_last_day_changes,
    what_waited_too_long_for_a_lock_is_not_charged,
);

const TILL: u128 = 1;

/// How a charge is decided: as production does, without locks first, or under locks alone.
#[derive(Clone, Copy, Debug)]
enum Way {
    Usual,
    UnderLocks,
}

async fn decided(charging: &Charging, way: Way, scan: &[ChargeRequest]) -> TillReply {
    let replies = match way {
        Way::Usual => charging.run(scan).await.unwrap(),
        Way::UnderLocks => charging.charge_under_locks(scan).await.unwrap().replies,
    };
    replies[0].clone()
}

/// The demo roster, changed by `edit`.
async fn import(counter: &Counter, edit: impl Fn(&str) -> String) {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("schools/demo/xnec-roster.csv");
    let roster = edit(&fs::read_to_string(demo).unwrap());
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    let keys = PersonKeys::new(ring(), ring());
    let (db, school) = (&counter.world.db, counter.school.id);
    let import = RosterImport { db, keys: &keys, school, now: NOW };
    let report = import.run(Cursor::new(roster), |_, _| ()).await.unwrap();
    assert_eq!((report.added, report.refused.len()), (0, 0));
    assert!(report.changed > 0);
}

fn ended(roster: &str) -> String {
    roster.replace("2030-07-31", "2020-07-31")
}

async fn raw(db: &TestDb) -> DatabaseConnection {
    Database::connect(&db.url).await.unwrap()
}

/// The import is stopped in its middle, by somebody who has the row of its last person.
async fn a_charge_waits_for_an_import_that_ends_its_person(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let charging = counter.charging();
    // The accounts are open, so that the usual way is open to the next scan.
    for phone in [0, 1] {
        charging.run(&[counter.scan(phone, TILL, 1)]).await.unwrap();
    }
    let raw = raw(db).await;
    #[expect(clippy::disallowed_methods, reason = "a transaction past the program")]
    let last = raw.begin().await.unwrap();
    let on_postgres = !db.url.starts_with("sqlite");
    if on_postgres {
        let lock = "SELECT id FROM person WHERE student_no = '2301006' FOR UPDATE";
        last.execute_unprepared(lock).await.unwrap();
    }
    let imported = Mutex::new(false);
    let importing = async {
        import(&counter, ended).await;
        *imported.lock().await = true;
    };
    let charges = async {
        if on_postgres {
            eventually("the import waits", async || (waiting(&raw).await == 1).then_some(())).await;
        } else {
            eventually("the import is done", async || imported.lock().await.then_some(())).await;
        }
        let scans = [0, 1].map(|phone| [counter.scan(phone, TILL, 100)]);
        let [usual, locked] = &scans;
        let both = join(
            decided(&charging, Way::Usual, usual),
            decided(&charging, Way::UnderLocks, locked),
        );
        let mut both = Box::pin(both);
        if on_postgres {
            let early = tokio::time::timeout(Duration::from_millis(200), &mut both).await;
            assert!(early.is_err(), "charged on a standing that is being changed: {early:?}");
            last.rollback().await.unwrap();
        }
        let (usual, locked) = both.await;
        assert_eq!([&usual, &locked].map(code), ["account_expired", "account_expired"]);
    };
    join(importing, charges).await;
    for phone in [0, 1] {
        assert_eq!(total(&counter.world, counter.person(phone)).await, 9_999);
    }
    is_sound(&counter.world).await;
}

/// Sessions of this database that wait for a lock.
async fn waiting(raw: &DatabaseConnection) -> i64 {
    let sql = "SELECT COUNT(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND wait_event_type = 'Lock'";
    number(raw, sql).await
}

async fn number(raw: &DatabaseConnection, sql: &str) -> i64 {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    raw.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// A new class is no new standing.
async fn an_import_holds_those_whose_last_day_changes(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let raw = raw(db).await;
    let versions = async || {
        let sql = "SELECT p.student_no, CAST(SUM(a.version) AS BIGINT) FROM account a \
                   JOIN person p ON p.id = a.person_id GROUP BY p.student_no ORDER BY p.student_no";
        let statement = Statement::from_string(raw.get_database_backend(), sql);
        let rows = raw.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(1).unwrap()).collect::<Vec<i64>>()
    };
    let before = versions().await;
    import(&counter, |roster| {
        let line = |line: &str| match line.split(',').next() {
            Some("2301002") => ended(line),
            Some("2301003") => line.replace("学前教育", "早期教育"),
            _ => line.to_owned(),
        };
        roster.lines().map(line).collect::<Vec<_>>().join("\n")
    })
    .await;
    let after = versions().await;
    let raised: Vec<i64> =
        after.iter().zip(&before).map(|(after, before)| after - before).collect();
    assert_eq!(raised, [0, 1, 0, 0, 0, 0]);
    let ended = "SELECT COUNT(*) FROM person WHERE valid_until < 19000";
    assert_eq!(number(&raw, ended).await, 1);
}

/// Who has what a charge waits for.
#[derive(Clone, Copy, Debug)]
enum Holder {
    Person,
    Device,
}

/// Time passes while a charge waits for a lock, whose holder then has changed nothing.
async fn what_waited_too_long_for_a_lock_is_not_charged(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let charging = counter.charging();
    let cases = [
        (Way::Usual, Holder::Person),
        (Way::Usual, Holder::Device),
        (Way::UnderLocks, Holder::Person),
        (Way::UnderLocks, Holder::Device),
    ];
    for (phone, (way, holder)) in cases.into_iter().enumerate() {
        charging.run(&[counter.scan(phone, TILL, 1)]).await.unwrap();
        let (school, person) = counter.person(phone);
        let mut scan = counter.scan(phone, TILL, 100);
        // It has a tenth of a second left: less than the database sees pass.
        scan.looked_at = counter.clock.now().minus(Duration::from_millis(9_900));
        let scan = [scan];
        let charge = Mutex::new(Box::pin(decided(&charging, way, &scan)));
        let holding = counter.world.db.in_tx_once(async |tx| {
            match holder {
                Holder::Person => {
                    HeldPersons::hold(tx, HashSet::from([(school, person)])).await?;
                }
                Holder::Device => {
                    end_devices(tx, person, EndReason::Lost, NOW).await?;
                }
            }
            let mut charge = charge.lock().await;
            let early = tokio::time::timeout(Duration::from_millis(300), &mut *charge).await;
            assert!(early.is_err(), "{way:?}, {holder:?}: it waits: {early:?}");
            counter.clock.advance(Duration::from_secs(1));
            Err::<(), _>(DbError::Raced { table: "rolled back" })
        });
        holding.await.unwrap_err();
        let told = charge.into_inner().await;
        assert_eq!(told, TillReply::Late, "{way:?}, {holder:?}");
        assert_eq!(total(&counter.world, (school, person)).await, 9_999, "{way:?}, {holder:?}");
    }
    is_sound(&counter.world).await;
}
