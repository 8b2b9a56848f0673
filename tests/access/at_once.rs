//! Decisions without locks: what they cost, that they leave the rows that decisions under the lock leave,
//! what is left to the lock, and what changes between what they read and what they write.

use crate::{
    access::lodge::{Lodge, keys, said},
    spend::both_ways::Copy,
};
use futures_util::future::join;
use onecard::{
    access::{DoorRequest, desk},
    base::{clock::Clock, db::counting_statements, lane::Batch},
    cardlife::counter,
    passcode::{CodeUse, EndReason, Scan, end_devices, use_up},
    schools::People,
    terminals::{
        keep,
        seq::{AnsweredRequest, NumberedRequest, StoredResponse},
    },
};
use sea_orm::{ConnectionTrait, Database, TransactionTrait};
use std::time::Duration;
use testkit::{TestDb, eventually, on_each_database, on_postgres};

on_each_database!(a_decision_costs_few_statements);

/// Without row locks every decision is under the lock of the one writer.
mod postgres_only {
    #[tokio::test]
    async fn both_ways_leave_the_same_rows() {
        super::on_postgres(super::both_ways_leave_the_same_rows).await;
    }

    #[tokio::test]
    async fn what_is_unusual_is_left_to_the_lock() {
        super::on_postgres(super::what_is_unusual_is_left_to_the_lock).await;
    }

    #[tokio::test]
    async fn what_changed_since_it_was_read_lets_nobody_pass() {
        super::on_postgres(super::what_changed_since_it_was_read_lets_nobody_pass).await;
    }

    #[tokio::test]
    async fn who_is_being_changed_is_waited_for() {
        super::on_postgres(super::who_is_being_changed_is_waited_for).await;
    }
}

/// As many as a charge, however many decide at a time; and what they cost under the lock.
async fn a_decision_costs_few_statements(db: &TestDb) {
    let lodge = Lodge::open(db).await;
    let under_lock = async |door: &str| {
        let request = lodge.reading(0, door);
        let (told, sent) = counting_statements(lodge.access.decide_under_lock(&request)).await;
        assert_eq!(said(&told), "open", "{door}");
        sent
    };
    // A new reader is written and read again.
    let sqlite = db.url.starts_with("sqlite");
    let (written, new) = (if sqlite { 3 } else { 1 }, 3);
    assert_eq!(under_lock("D1").await, 5 + written);
    assert_eq!(under_lock("DESK").await, 5 + new + written);
    assert_eq!(under_lock("DESK").await, 5 + 1 + written);
    if sqlite {
        return;
    }
    for (door, most) in [("D1", 1), ("D1", 8), ("DESK", 1), ("DESK", 8), ("MAIN", 3)] {
        let requests: Vec<_> = (0..most).map(|_| lodge.reading(0, door)).collect();
        let (told, sent) = counting_statements(lodge.passing().run(&requests)).await;
        let told = told.unwrap();
        assert_eq!((told.iter().flatten().count(), sent), (most, 2), "{door}");
    }
}

async fn both_ways_leave_the_same_rows(db: &TestDb) {
    let lodge = Lodge::open(db).await;
    // Readers have pseudonyms.
    for nth in 0..3 {
        lodge.access.decide_under_lock(&lodge.reading(nth, "DESK")).await.unwrap();
    }
    lodge.give_right(2, "二号楼").await;
    let twice = lodge.reading(0, "D1");
    let requests = [
        twice.clone(),
        lodge.reading(0, "D1b"),
        // The same code in another group.
        DoorRequest { scan: twice.scan, ..lodge.reading(0, "MAIN") },
        lodge.reading(1, "D1"),
        lodge.reading(2, "D2"),
        lodge.reading(3, "MAIN"),
        lodge.reading(2, "DESK"),
        lodge.paying(0, "D3"),
    ];
    let (unlocked, locked) = (Copy::of(db, "unlocked").await, Copy::of(db, "locked").await);
    let at_once = lodge.passing_on(&unlocked.db).run(&requests).await.unwrap();
    let access = lodge.access_on(&locked.db);
    for (nth, (request, at_once)) in requests.iter().zip(at_once).enumerate() {
        let under_lock = access.decide_under_lock(request).await.unwrap();
        assert_eq!(at_once, Some(under_lock), "request {nth}");
    }
    let (one, other) = (unlocked.rows_without_ids().await, locked.rows_without_ids().await);
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (table, rows) in &one {
        assert_eq!(rows, &other[table], "rows of {table}");
    }
    unlocked.remove().await;
    locked.remove().await;
}

/// Nothing is written without the lock, and then it is decided under it.
async fn what_is_unusual_is_left_to_the_lock(db: &TestDb) {
    let lodge = Lodge::open(db).await;
    let used = lodge.reading(0, "D1");
    lodge.access.decide_under_lock(&used).await.unwrap();
    lodge.yard.set_person(3, "dormant_at = 1").await;
    let under = |asked: NumberedRequest, request: DoorRequest| DoorRequest { asked, ..request };
    let fresh = || lodge.reading(0, "D1");
    let nonce = {
        let request = fresh();
        under(NumberedRequest { nonce: used.asked.nonce.clone(), ..request.asked.clone() }, request)
    };
    let late = {
        let request = fresh();
        DoorRequest { read_at: request.read_at.minus(Duration::from_secs(11)), ..request }
    };
    let skewed = {
        let request = fresh();
        let Scan::Good(shown) = request.scan else { panic!("a good code") };
        DoorRequest { scan: Scan::Skewed(shown), ..request }
    };
    let cases = [
        ("the same again", used.clone(), "open"),
        ("under its number", under(used.asked.clone(), fresh()), "open"),
        ("a nonce that was used", nonce, "NonceReused"),
        ("a second reading", DoorRequest { scan: used.scan, ..fresh() }, "open"),
        (
            "at the next door",
            DoorRequest { scan: used.scan, ..lodge.reading(0, "D1b") },
            "code_used",
        ),
        ("nobody's code", DoorRequest { scan: Scan::Invalid, ..fresh() }, "code_invalid"),
        ("a wrong clock", skewed, "code_clock_skew"),
        ("too late", late, "Late"),
        ("without a right", lodge.reading(2, "D1"), "right_missing"),
        ("a card that sleeps", lodge.reading(3, "MAIN"), "account_dormant"),
        ("a new reader", lodge.reading(1, "DESK"), "open"),
    ];
    for (what, request, expected) in cases {
        let before = lodge.rows().everything().await;
        let told = lodge.passing().run(std::slice::from_ref(&request)).await.unwrap();
        assert_eq!(told, [None], "{what}");
        assert_eq!(lodge.rows().everything().await, before, "{what}: nothing was written");
        assert_eq!(said(&lodge.access.decide_under_lock(&request).await), expected, "{what}");
    }
    // One code twice in a batch is good once, and others of the batch do not mind.
    let one = fresh();
    let batch =
        [one.clone(), DoorRequest { scan: one.scan, ..fresh() }, lodge.reading(2, "D1"), fresh()];
    let told = lodge.passing().run(&batch).await.unwrap();
    assert_eq!(told.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false, true]);
}

/// Each of these is committed between the read and the write of a decision.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn what_changed_since_it_was_read_lets_nobody_pass(db: &TestDb) {
    let lodge = Lodge::open(db).await;
    let given = lodge.give_right(2, "二号楼").await;
    let (yard, db, now) = (&lodge.yard, &lodge.access.db, lodge.clock.now());
    let (one, own) = (lodge.reading(3, "D1"), lodge.reading(3, "D1"));
    let same_nonce = AnsweredRequest {
        asked: NumberedRequest { nonce: own.asked.nonce.clone(), ..lodge.reading(3, "D1").asked },
        answer: StoredResponse { status: 200, body: b"{}".to_vec() },
    };
    let same_number = AnsweredRequest {
        asked: NumberedRequest {
            nonce: "n".to_owned(),
            content_digest: [9; 32],
            ..one.asked.clone()
        },
        answer: same_nonce.answer.clone(),
    };
    let kept = async |kept: &AnsweredRequest| {
        let kept = std::slice::from_ref(kept);
        db.in_tx(async |tx| keep(tx, kept, now).await).await.unwrap();
    };
    let next_door = lodge.reading(3, "D1");
    let Scan::Good(shown) = next_door.scan else { panic!("a good code") };
    let short = lodge.reading(3, "D1");
    let left = Duration::from_secs(10) - Duration::from_micros(1);
    let short = DoorRequest { read_at: short.read_at.minus(left), ..short };
    let people = People::new(db.clone(), keys().index);
    let person = people.find_by_student_no(lodge.school.id, "2301001").await.unwrap().unwrap();

    between(&lodge, "nothing", (lodge.reading(0, "D1"), "open"), async || {}).await;
    between(&lodge, "a loss report", (lodge.reading(0, "D1"), "account_lost"), async || {
        let sealer = keys().sealer;
        assert!(counter::lost(db, &lodge.school, &person, &sealer, now).await.unwrap());
    })
    .await;
    between(&lodge, "the phone has ended", (lodge.reading(1, "D1"), "code_invalid"), async || {
        let end = async |tx: &_| end_devices(tx, lodge.person(1), EndReason::Unbound, now).await;
        assert_eq!(db.in_tx(end).await.unwrap(), 1);
    })
    .await;
    between(&lodge, "staff end a right", (lodge.reading(2, "D2"), "right_missing"), async || {
        let end = async |tx: &_| desk::end(tx, lodge.school.id, given.id, now).await;
        db.in_tx(end).await.unwrap();
    })
    .await;
    between(&lodge, "the number is used", (one, "Conflict"), async || kept(&same_number).await)
        .await;
    between(&lodge, "the nonce is used", (own, "NonceReused"), async || kept(&same_nonce).await)
        .await;
    between(&lodge, "the code is used", (next_door, "code_used"), async || {
        let used = db.in_tx(async |tx| use_up(tx, &[(shown, "一号楼")], now).await).await;
        assert_eq!(used.unwrap(), [CodeUse::Fresh]);
    })
    .await;
    // What is left is less than the database sees pass; then the lock finds out by the clock.
    between(&lodge, "time", (short, "Late"), async || {
        lodge.clock.advance(Duration::from_millis(1));
    })
    .await;
    for (nth, set, why) in [
        (3, "dormant_at = 1", "account_dormant"),
        (4, "valid_until = 1", "account_expired"),
        (5, "status = 'closed'", "account_closed"),
    ] {
        let reading = lodge.reading(nth, "MAIN");
        between(&lodge, set, (reading, why), async || yard.set_person(nth, set).await).await;
    }
    yard.set_person(5, "status = 'active'").await;
    between(&lodge, "an allocation", (lodge.reading(5, "D1"), "right_missing"), async || {
        yard.allocate(&["2301001,一号楼,,,"]).await.unwrap();
    })
    .await;
}

/// A decision reads, `change` is made, and then the decision would write: it does so where it opens, and
/// else it is decided under the lock.
async fn between(
    lodge: &Lodge,
    what: &str,
    (request, expected): (DoorRequest, &str),
    change: impl AsyncFn(),
) {
    let raw = Database::connect(&lodge.access.db.settings().url).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "a transaction past the program")]
    let lock = raw.begin().await.unwrap();
    // Who would write there waits before its statement begins; the changes write elsewhere.
    lock.execute_unprepared("LOCK TABLE access_log IN SHARE MODE").await.unwrap();
    let passing = lodge.passing();
    let decision = passing.run(std::slice::from_ref(&request));
    let between = async {
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("the decision would write", async || {
            (lodge.rows().number(waiting).await == 1).then_some(())
        })
        .await;
        change().await;
        lock.rollback().await.unwrap();
    };
    let (decided, ()) = join(decision, between).await;
    let told = decided.unwrap().pop().unwrap();
    assert_eq!(told.is_some(), expected == "open", "{what}");
    let told = lodge.access.decide_under_lock(&request).await;
    assert_eq!(said(&told), expected, "{what}");
}

/// What is not yet committed is waited for. (An end of a device holds its row otherwise than an update
/// of it does: `nothing_is_paid_once_a_device_has_ended` and the table above.)
async fn who_is_being_changed_is_waited_for(db: &TestDb) {
    let lodge = Lodge::open(db).await;
    let given = lodge.give_right(2, "二号楼").await;
    let person = |nth: usize| format!("person SET lost_at = 1 WHERE id = '{}'", lodge.person(nth));
    let cases = [
        (person(0), lodge.reading(0, "D1"), "account_lost"),
        (
            format!("door_right SET until_at = from_at WHERE id = '{}'", given.id),
            lodge.reading(2, "D2"),
            "right_missing",
        ),
        // Nothing that decides: it may pass.
        (
            format!("person SET updated_at = 1 WHERE id = '{}'", lodge.person(4)),
            lodge.reading(4, "D1"),
            "open",
        ),
    ];
    for (change, request, expected) in cases {
        let passing = lodge.passing();
        let decision = passing.run(std::slice::from_ref(&request));
        let told = lodge.rows().change_while(&format!("UPDATE {change}"), decision).await;
        let told = told.unwrap().pop().unwrap();
        assert_eq!(told.is_some(), expected == "open", "{change}");
        assert_eq!(said(&lodge.access.decide_under_lock(&request).await), expected, "{change}");
    }
}
