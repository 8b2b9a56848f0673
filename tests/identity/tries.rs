//! Tries at query passwords: counted for good, slowed alike for people that exist and people that
//! do not, and never at the cost of who is bound.

use crate::identity::support::{self, NUMBERLESS, OWN, XIAOMEI, YUNFEI, keys};
use futures_util::future::join_all;
use onecard::{
    base::{
        clock::{Clock, ManualClock, Timestamp},
        crypto::hasher::{HasherError, PasswordHasher},
    },
    passwords::{
        ChangeError, ClaimedPerson, PasswordFault, PasswordKind, Passwords, Proven, Stranger,
    },
    schools::{People, School, policy::IdKind},
    sessions::{IdentityId, Platform, PlatformUser, SessionId, Student, UserIds},
};
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, on_each_empty_database};

on_each_empty_database!(
    who_is_let_in,
    who_no_longer_belongs_is_as_nobody,
    every_check_costs_one_argon2_run,
    a_number_that_nobody_has_is_slowed_like_one_that_somebody_has,
    a_hundred_tries_neither_get_in_nor_keep_the_owner_out,
    one_door_does_not_close_the_other,
    tries_at_once_are_counted_one_by_one,
    a_right_password_is_not_counted,
    waits_grow_and_are_over_in_time,
    tries_outlive_the_server_and_a_check_that_was_broken_off,
    of_changes_at_once_one_counts,
    a_password_is_held_where_it_is_acted_on,
    a_try_without_a_turn_is_as_one_not_made,
    strangers_do_not_delay_bound_identities,
);

const START: Timestamp = Timestamp::from_seconds(1_795_000_000);
const DAY: Duration = Duration::from_hours(24);

/// A school's passwords, on a clock of their own.
struct Desk {
    passwords: Passwords,
    clock: Arc<ManualClock>,
    school: Arc<School>,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    In,
    Refused,
    Slowed(Duration),
    NoTurn,
}

use Came::{In, NoTurn, Refused, Slowed};

impl Desk {
    async fn open(db: &TestDb, code: &str) -> Self {
        let school = support::import(&db.db, code).await;
        let clock = Arc::new(ManualClock::new(START));
        Self { passwords: passwords(db, &clock), clock, school }
    }

    /// The same while others take all turns at Argon2.
    fn crowded(&self, for_strangers: bool, for_holders: bool) -> Self {
        let turns = |taken, free: &PasswordHasher| {
            if taken { PasswordHasher::new(0, Duration::ZERO) } else { free.clone() }
        };
        let passwords = Passwords {
            for_strangers: turns(for_strangers, &self.passwords.for_strangers),
            for_holders: turns(for_holders, &self.passwords.for_holders),
            ..self.passwords.clone()
        };
        Self { passwords, clock: Arc::clone(&self.clock), school: Arc::clone(&self.school) }
    }

    async fn stranger(&self, who: Stranger, claimed: &ClaimedPerson, password: &str) -> Came {
        let given = SecretString::from(password);
        came(self.passwords.prove(&self.school, who, claimed, given).await.map(drop))
    }

    async fn holder(&self, student: &Student, password: &str) -> Came {
        let given = SecretString::from(password);
        came(self.passwords.check(&self.school, student, given).await.map(drop))
    }

    /// Somebody who is bound to the person of that number.
    async fn owner(&self, number: &str) -> Student {
        let person = self.passwords.people.find_by_student_no(self.school.id, number).await;
        let person = person.unwrap().unwrap();
        let user = PlatformUser {
            platform: Platform::Wechat,
            app_id: "wx1".to_owned(),
            ids: UserIds::OpenId(number.to_owned()),
        };
        let (session, identity) = (SessionId::new(START), IdentityId::new(START));
        Student { session, identity, person: person.id, school: self.school.id, user }
    }

    async fn change(&self, student: &Student, old: &str, new: &str) -> Result<(), ChangeError> {
        self.passwords.change(&self.school, student, old.into(), new.into()).await
    }
}

fn passwords(db: &TestDb, clock: &Arc<ManualClock>) -> Passwords {
    let keys = keys();
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    Passwords {
        db: db.db.clone(),
        people: People::new(db.db.clone(), keys.index.clone()),
        sealer: keys.sealer,
        index: keys.index,
        for_strangers: PasswordHasher::new(4, DAY),
        for_holders: PasswordHasher::new(2, DAY),
        clock,
    }
}

fn came(result: Result<(), PasswordFault>) -> Came {
    match result {
        Ok(()) => In,
        Err(PasswordFault::Wrong) => Refused,
        Err(PasswordFault::TooManyTries { wait }) => Slowed(wait),
        Err(PasswordFault::Hasher(HasherError::Busy)) => NoTurn,
        Err(fault) => panic!("{fault}"),
    }
}

fn nobody() -> Stranger {
    Stranger::Identity(IdentityId::new(START))
}

fn by_number(number: &str) -> ClaimedPerson {
    ClaimedPerson { id_kind: IdKind::StudentNo, id_value: number.to_owned(), name: None }
}

fn by_id(number: &str) -> ClaimedPerson {
    ClaimedPerson { id_kind: IdKind::IdNumber, id_value: number.to_owned(), name: None }
}

fn named(number: &str, name: &str) -> ClaimedPerson {
    ClaimedPerson { name: Some(SecretString::from(name)), ..by_number(number) }
}

async fn who_is_let_in(db: &TestDb) {
    let desk = Desk::open(db, "ynart").await;
    let owner = desk.owner(YUNFEI.0).await;
    desk.change(&owner, YUNFEI.2, OWN).await.unwrap();
    let cases = [
        (by_number(XIAOMEI.0), XIAOMEI.2, In),
        (by_number(" 20241001001 "), XIAOMEI.2, In),
        (by_id(XIAOMEI.1), XIAOMEI.2, In),
        (by_number(XIAOMEI.0), "200621", Refused),
        (by_number(XIAOMEI.0), "", Refused),
        (by_number(XIAOMEI.0), "0200622", Refused),
        (by_number(XIAOMEI.1), XIAOMEI.2, Refused),
        (by_id(XIAOMEI.0), XIAOMEI.2, Refused),
        (by_number(YUNFEI.0), OWN, In),
        (by_number(YUNFEI.0), YUNFEI.2, Refused),
        (by_id(&YUNFEI.1.to_lowercase()), OWN, In),
        (by_id(YUNFEI.1), YUNFEI.2, Refused),
        (by_number("20249999999"), XIAOMEI.2, Refused),
        (by_number("' OR 1=1 --"), XIAOMEI.2, Refused),
        (by_number(NUMBERLESS), "000000", Refused),
        (by_number(NUMBERLESS), "", Refused),
        (named(XIAOMEI.0, "和晓梅"), XIAOMEI.2, In),
        (named(XIAOMEI.0, " 和晓梅 "), XIAOMEI.2, In),
        (named(XIAOMEI.0, "和晓"), XIAOMEI.2, Refused),
        (named(XIAOMEI.0, ""), XIAOMEI.2, Refused),
        (named(XIAOMEI.0, "普云飞"), XIAOMEI.2, Refused),
    ];
    for (claimed, password, expected) in cases {
        let came = desk.stranger(nobody(), &claimed, password).await;
        assert_eq!(came, expected, "{} {password}", claimed.id_value);
        // Nothing that was counted matters to the next one.
        desk.clock.advance(DAY);
    }
}

/// 17,600 seconds after the start the day ends in Asia/Shanghai, and in UTC it does not.
async fn who_no_longer_belongs_is_as_nobody(db: &TestDb) {
    let desk = Desk::open(db, "ynart").await;
    let rows = testkit::Rows::of(&db.url).await;
    let today = START.day().number();
    let claims = [by_number(XIAOMEI.0), by_id(XIAOMEI.1)];
    for (status, last, after, expected) in [
        ("active", None, 0, In),
        ("active", Some(today + 1), 0, In),
        ("active", Some(today), 0, In),
        ("active", Some(today), 17_599, In),
        ("active", Some(today), 17_600, Refused),
        ("active", Some(today - 1), 0, Refused),
        ("closed", None, 0, Refused),
        ("closed", Some(today + 1), 0, Refused),
    ] {
        let last = last.map_or("NULL".to_owned(), |day| day.to_string());
        let change = format!(
            "UPDATE person SET status = '{status}', valid_until = {last} \
             WHERE student_no = '{}'",
            XIAOMEI.0
        );
        rows.change(&change, []).await;
        rows.change("DELETE FROM password_try", []).await;
        testkit::take_over(&db.db).await;
        let clock = Arc::new(ManualClock::new(START.plus(Duration::from_secs(after))));
        let desk =
            Desk { passwords: passwords(db, &clock), clock, school: Arc::clone(&desk.school) };
        for (claimed, door) in
            claims.iter().flat_map(|claimed| [nobody(), Stranger::Portal].map(|who| (claimed, who)))
        {
            let came = desk.stranger(door, claimed, XIAOMEI.2).await;
            assert_eq!(came, expected, "{status} until {last}, {after} s later, {door:?}");
        }
    }
}

/// Counted, not timed: what is not there costs what is there.
async fn every_check_costs_one_argon2_run(db: &TestDb) {
    let desk = Desk::open(db, "ynart").await;
    let owner = desk.owner(YUNFEI.0).await;
    desk.change(&owner, YUNFEI.2, OWN).await.unwrap();
    let left = "UPDATE person SET status = 'closed' WHERE student_no = '20241002011'";
    testkit::Rows::of(&db.url).await.change(left, []).await;
    testkit::take_over(&db.db).await;
    for (what, claimed, password) in [
        ("nobody", by_number("20249999999"), "200622"),
        ("no number at all", by_number("' OR 1=1 --"), "200622"),
        ("nobody's ID number", by_id("990101200506200623"), "200622"),
        ("a wrong default", by_number(XIAOMEI.0), "000000"),
        ("a right default", by_number(XIAOMEI.0), XIAOMEI.2),
        ("a wrong name", named(XIAOMEI.0, "普云飞"), XIAOMEI.2),
        ("a wrong password", by_number(YUNFEI.0), "000000"),
        ("a right password", by_number(YUNFEI.0), OWN),
        ("nothing to derive from", by_number(NUMBERLESS), "000000"),
        ("somebody who left", by_number("20241002011"), "170438"),
    ] {
        let before = desk.passwords.for_strangers.done();
        let _ = desk.stranger(nobody(), &claimed, password).await;
        assert_eq!(desk.passwords.for_strangers.done(), before + 1, "{what}");
    }
}

async fn a_number_that_nobody_has_is_slowed_like_one_that_somebody_has(db: &TestDb) {
    let desk = Desk::open(db, "ynart").await;
    let mut courses = Vec::new();
    for claimed in [
        by_number(XIAOMEI.0),
        by_number("20249999999"),
        by_number("no number"),
        by_number(NUMBERLESS),
        by_id(XIAOMEI.1),
        by_id("990101200506200623"),
    ] {
        let (one, before) = (nobody(), desk.passwords.for_strangers.done());
        let mut course = Vec::new();
        for stranger in [vec![one; 8], (0..10).map(|_| nobody()).collect()].concat() {
            course.push(desk.stranger(stranger, &claimed, "000000").await);
        }
        for _ in 0..7 {
            course.push(desk.stranger(Stranger::Portal, &claimed, "000000").await);
        }
        courses.push((course, desk.passwords.for_strangers.done() - before));
    }
    let (course, cost) = &courses[0];
    assert_eq!((&course[..5], *cost), ([Refused; 5].as_slice(), 8));
    assert_eq!(course[5..18], [Slowed(DAY); 13], "the door of binding is closed");
    assert_eq!(course[18..21], [Refused; 3], "that of the portal is another");
    assert_eq!(course[21..], [Slowed(DAY); 4]);
    for other in &courses {
        assert_eq!(other, &courses[0]);
    }
}

async fn a_hundred_tries_neither_get_in_nor_keep_the_owner_out(db: &TestDb) {
    let desk = Desk::open(db, "xnec").await;
    let owner = desk.owner("2301001").await;
    let target = by_number("2301001");
    let mut looked_at = 0;
    for n in 0..100 {
        let stranger = if n % 3 == 0 { Stranger::Portal } else { nobody() };
        looked_at += i32::from(desk.stranger(stranger, &target, "000000").await == Refused);
        assert_eq!(desk.holder(&owner, "170026").await, In, "the owner after {n} tries");
    }
    assert_eq!(looked_at, 10 + 6);
    let right = desk.stranger(nobody(), &target, "170026").await;
    assert!(matches!(right, Slowed(_)), "even with the right password: {right:?}");
    assert_eq!(desk.stranger(nobody(), &by_number("2301002"), "102008").await, In);
    desk.clock.advance(DAY);
    assert_eq!(desk.stranger(nobody(), &target, "000000").await, Refused);
    assert_eq!(desk.stranger(nobody(), &target, "170026").await, In);

    // One identity that goes from person to person.
    let roamer = nobody();
    for n in 0..25 {
        let came = desk.stranger(roamer, &by_number(&format!("23{n:05}")), "000000").await;
        assert_eq!(came == Refused, n < 20, "{n}: {came:?}");
    }
}

async fn one_door_does_not_close_the_other(db: &TestDb) {
    let desk = Desk::open(db, "xnec").await;
    let doors: [fn() -> Stranger; 2] = [nobody, || Stranger::Portal];
    for (number, password, [closed, open], most) in
        [("2301001", "170026", doors, 10), ("2301002", "102008", [doors[1], doors[0]], 6)]
    {
        let target = by_number(number);
        for n in 0..30 {
            let came = desk.stranger(closed(), &target, "000000").await;
            assert_eq!(came, if n < most { Refused } else { Slowed(DAY) }, "{number} {n}");
        }
        assert_eq!(desk.stranger(closed(), &target, password).await, Slowed(DAY), "{number}");
        assert_eq!(desk.stranger(open(), &target, password).await, In, "{number}");
    }
}

async fn tries_at_once_are_counted_one_by_one(db: &TestDb) {
    let desk = Desk::open(db, "xnec").await;
    let target = by_number("2301001");
    let doors: [fn() -> Stranger; 2] = [nobody, || Stranger::Portal];
    for (door, most) in doors.into_iter().zip([10, 6]) {
        let tries = (0..30).map(|_| desk.stranger(door(), &target, "000000"));
        let came = join_all(tries).await;
        assert_eq!(came.iter().filter(|came| **came == Refused).count(), most, "{came:?}");
    }
    let owner = desk.owner("2301002").await;
    let came = join_all((0..12).map(|_| desk.holder(&owner, "000000"))).await;
    assert_eq!(came.iter().filter(|came| **came == Refused).count(), 5, "{came:?}");
}

async fn a_right_password_is_not_counted(db: &TestDb) {
    let desk = Desk::open(db, "xnec").await;
    let (owner, target) = (desk.owner("2301001").await, by_number("2301001"));
    for n in 0..30 {
        assert_eq!(desk.holder(&owner, "170026").await, In, "{n}");
        assert_eq!(desk.stranger(Stranger::Portal, &target, "170026").await, In, "{n}");
        assert_eq!(desk.stranger(nobody(), &target, "170026").await, In, "{n}");
    }
    // It also ends the waits that were to grow.
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(desk.holder(&owner, "000000").await, Refused);
        }
        assert_eq!(desk.holder(&owner, "170026").await, In);
    }
}

async fn waits_grow_and_are_over_in_time(db: &TestDb) {
    let desk = Desk::open(db, "xnec").await;
    let owner = desk.owner("2301001").await;
    for _ in 0..5 {
        assert_eq!(desk.holder(&owner, "000000").await, Refused);
    }
    for minutes in [1, 2, 4, 8, 16, 32, 64, 128, 240, 240] {
        let wait = Duration::from_mins(minutes);
        assert_eq!(desk.holder(&owner, "170026").await, Slowed(wait), "also the right one");
        desk.clock.advance(wait.saturating_sub(Duration::from_secs(1)));
        assert_eq!(desk.holder(&owner, "000000").await, Slowed(Duration::from_secs(1)));
        desk.clock.advance(Duration::from_secs(1));
        assert_eq!(desk.holder(&owner, "000000").await, Refused, "after {minutes} minutes");
    }
    desk.clock.advance(DAY);
    assert_eq!(desk.holder(&owner, "170026").await, In);
}

async fn tries_outlive_the_server_and_a_check_that_was_broken_off(db: &TestDb) {
    let desk = Desk::open(db, "xnec").await;
    let owner = desk.owner("2301001").await;
    // Nobody ever gets a turn here: the tries are counted, and their callers give up.
    let stuck = Passwords { for_holders: PasswordHasher::new(0, DAY), ..desk.passwords.clone() };
    for _ in 0..3 {
        let check = stuck.check(&desk.school, &owner, "170026".into());
        let given_up = tokio::time::timeout(Duration::from_millis(500), check).await;
        assert!(given_up.is_err());
    }
    let again = Desk {
        passwords: passwords(db, &desk.clock),
        clock: Arc::clone(&desk.clock),
        school: Arc::clone(&desk.school),
    };
    assert_eq!(again.holder(&owner, "000000").await, Refused, "the fourth");
    assert_eq!(again.holder(&owner, "000000").await, Refused, "the fifth");
    assert_eq!(again.holder(&owner, "000000").await, Slowed(Duration::from_mins(1)));
    again.clock.advance(Duration::from_mins(1));
    assert_eq!(again.holder(&owner, "170026").await, In, "a try that was lost locks nobody out");
}

async fn of_changes_at_once_one_counts(db: &TestDb) {
    let desk = Desk::open(db, "xnec").await;
    let owner = desk.owner("2301001").await;
    let new = ["836190", "836191", "836192", "836193"];
    let changed = join_all(new.map(|new| desk.change(&owner, "170026", new))).await;
    assert_eq!(changed.iter().filter(|changed| changed.is_ok()).count(), 1, "{changed:?}");
    desk.clock.advance(DAY);
    let mut open = Vec::new();
    for new in new {
        open.push(desk.holder(&owner, new).await == In);
        desk.clock.advance(DAY);
    }
    let changed: Vec<bool> = changed.iter().map(Result::is_ok).collect();
    assert_eq!(open, changed);
}

/// Verified a moment ago, and changed since, or its owner has left.
async fn a_password_is_held_where_it_is_acted_on(db: &TestDb) {
    let desk = Desk::open(db, "xnec").await;
    let rows = testkit::Rows::of(&db.url).await;
    let owner = desk.owner("2301001").await;
    let (school, target) = (&desk.school, by_number("2301001"));
    let passwords = &desk.passwords;
    let stranger = passwords.prove(school, nobody(), &target, "170026".into()).await.unwrap();
    let holder = passwords.check(school, &owner, "170026".into()).await.unwrap();
    let till = passwords.check_at_till(school, owner.person, PasswordKind::Query, "170026".into());
    let till = till.await.unwrap().unwrap();
    let other = passwords
        .check_at_till(school, owner.person, PasswordKind::Consumption, "170026".into())
        .await
        .unwrap()
        .unwrap();
    let holds = async |what: &str, proven: &Proven, expected: [Came; 2]| {
        let held = db.db.in_tx(async |tx| proven.hold(tx).await).await;
        let member = db.db.in_tx(async |tx| proven.hold_member(tx, START).await).await;
        assert_eq!([came(held.map(drop)), came(member.map(drop))], expected, "{what}");
    };
    let all = [("a stranger's", &stranger), ("a holder's", &holder), ("a till's", &till)];
    for (what, proven) in all.into_iter().chain([("the other", &other)]) {
        holds(what, proven, [In, In]).await;
    }
    rows.change("UPDATE person SET status = 'closed' WHERE student_no = '2301001'", []).await;
    testkit::take_over(&db.db).await;
    holds("who has left", &stranger, [In, Refused]).await;
    rows.change("UPDATE person SET status = 'active'", []).await;
    testkit::take_over(&db.db).await;
    desk.change(&owner, "170026", OWN).await.unwrap();
    for (what, proven) in all {
        holds(what, proven, [Refused, Refused]).await;
    }
    holds("the other password", &other, [In, In]).await;
}

async fn a_try_without_a_turn_is_as_one_not_made(db: &TestDb) {
    let desk = Desk::open(db, "xnec").await;
    let (owner, one, target) = (desk.owner("2301001").await, nobody(), by_number("2301002"));
    let crowded = desk.crowded(true, true);
    for _ in 0..5 {
        assert_eq!(desk.holder(&owner, "000000").await, Refused);
        assert_eq!(desk.stranger(one, &target, "000000").await, Refused);
    }
    assert_eq!(crowded.holder(&owner, "170026").await, Slowed(Duration::from_mins(1)));
    desk.clock.advance(Duration::from_mins(1));
    for n in 0..30 {
        assert_eq!(crowded.holder(&owner, "170026").await, NoTurn, "{n}");
        assert_eq!(crowded.stranger(one, &target, "102008").await, NoTurn, "{n}");
        assert_eq!(crowded.stranger(Stranger::Portal, &target, "102008").await, NoTurn, "{n}");
        desk.clock.advance(Duration::from_secs(1));
    }
    // What was counted before is neither more nor forgotten.
    assert_eq!(desk.holder(&owner, "000000").await, Refused);
    assert_eq!(desk.stranger(one, &target, "000000").await, Refused);
    assert_eq!(desk.holder(&owner, "170026").await, Slowed(Duration::from_mins(2)));
    assert_eq!(desk.stranger(one, &target, "102008").await, Slowed(Duration::from_mins(2)));
    assert_eq!(desk.stranger(nobody(), &target, "102008").await, In);
    assert_eq!(desk.stranger(Stranger::Portal, &target, "102008").await, In);
}

async fn strangers_do_not_delay_bound_identities(db: &TestDb) {
    let desk = Desk::open(db, "xnec").await;
    let owner = desk.owner("2301001").await;
    let crowded = desk.crowded(true, false);
    assert_eq!(crowded.stranger(nobody(), &by_number("2301001"), "170026").await, NoTurn);
    crowded.change(&owner, "170026", OWN).await.unwrap();
    assert_eq!(crowded.holder(&owner, OWN).await, In);
}
