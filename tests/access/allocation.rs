//! The allocation of a dormitory: its file, its switch, and rights of staff beside it.

use crate::access::yard::{DOORS, Yard};
use onecard::{
    access::{
        allocation::AllocationError,
        desk::{self, DoorRightError},
        listing::DoorFilter,
        rights::{DayWindow, DoorTimes, PassVerdict, RightSource, may_pass},
    },
    base::{
        clock::{Clock, SystemClock, Timestamp},
        db::Keyset,
        ids::{PersonId, SchoolId},
    },
    schools::{People, Schools},
    terminals::DoorGroup,
};
use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use testkit::{TestDb, on_each_database};

on_each_database!(
    nothing_is_imported_where_a_line_is_bad,
    an_import_replaces_the_groups_that_it_names,
    rights_hold_at_their_times,
    rights_of_staff_stand_beside_an_allocation,
    a_right_of_staff_is_none_of_these,
    an_allocation_that_lost_rows_does_not_come_into_force,
    a_dormitory_moves_while_people_stand_at_the_gate,
    a_large_dormitory_is_imported_beside_tills,
    what_is_replaced_is_deleted_a_day_later,
);

async fn nothing_is_imported_where_a_line_is_bad(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    yard.allocate(&["2301001,一号楼,,,"]).await.unwrap();
    let lines = ["2301002,一号楼,,,", "2309999,一号楼,,,", "2301003,,,,", "2301002,一号楼,,,"];
    let Err(AllocationError::Lines { bad, count }) = yard.allocate(&lines).await else {
        panic!("bad lines are refused")
    };
    let bad: Vec<_> = bad.iter().map(|bad| (bad.line, bad.reason.as_str())).collect();
    let group = "door_group: must be 1 to 40 visible characters without blanks around them";
    assert_eq!(count, 3);
    assert_eq!(
        bad,
        [
            (3, "student_no: nobody on the roster has this number"),
            (4, group),
            (5, "is the same as line 2"),
        ]
    );
    assert!(matches!(yard.allocate(&[]).await, Err(AllocationError::Empty)));
    let headless = yard.import("2301001,一号楼\n".to_owned(), &[]).await;
    assert!(matches!(headless, Err(AllocationError::Header(_))), "{headless:?}");
    let rows = &yard.shop.world.rows;
    assert_eq!(rows.count("door_right").await, 1, "that of before");
    assert_eq!(yard.ask("D1", &yard.identity(0)).await, "open");
    let acts = rows.number("SELECT COUNT(*) FROM audit_entry WHERE act = 'doors.allocated'");
    assert_eq!(acts.await, 1);
}

async fn an_import_replaces_the_groups_that_it_names(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    yard.allocate(&["2301001,一号楼,,,", "2301001,二号楼,,,", "2301002,二号楼,,,"]).await.unwrap();
    let done = yard.allocate(&["2301002,一号楼,,,"]).await.unwrap();
    assert_eq!((done.rights, done.people, done.groups.len()), (1, 1, 1));
    for (nth, door, expected) in
        [(0, "D1", "right_missing"), (1, "D1", "open"), (0, "D2", "open"), (1, "D2", "open")]
    {
        assert_eq!(yard.ask(door, &yard.identity(nth)).await, expected, "{nth} at {door}");
    }
    // A house that is empty now.
    let empty: DoorGroup = "二号楼".parse().unwrap();
    let none = "student_no,door_group\n".to_owned();
    assert_eq!(yard.import(none, &[empty]).await.unwrap().rights, 0);
    assert_eq!(yard.ask("D2", &yard.identity(0)).await, "right_missing");
    testkit::assert_authentic(&yard.shop.world.db).await;
}

async fn rights_hold_at_their_times(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    let today = SystemClock.now().day();
    let tomorrow = today.next();
    // A window of two hours that is not now, in the morning or in the evening.
    let hour = SystemClock.now().minute_of_day() / 60;
    let other = if hour < 12 { "20:00-22:00" } else { "02:00-04:00" };
    let lines = [
        format!("2301001,一号楼,{tomorrow},,"),
        format!("2301002,一号楼,,{today},"),
        format!("2301003,一号楼,,,{other}"),
        format!("2301004,一号楼,,,{other}"),
        "2301004,一号楼,,,".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    yard.allocate(&lines).await.unwrap();
    let now = ["right_not_now", "open", "right_not_now", "open", "right_missing"];
    for (nth, expected) in now.into_iter().enumerate() {
        assert_eq!(yard.ask("D1", &yard.identity(nth)).await, expected, "{nth}");
    }
    // The last instant of the last day, and midnight.
    let world = &yard.shop.world;
    let schools = Schools::new(world.db.clone(), Arc::new(SystemClock));
    let school = schools.by_code("xnec").await.unwrap().unwrap();
    let group: DoorGroup = "一号楼".parse().unwrap();
    let midnight = tomorrow.start();
    let at = async |nth: usize, now: Timestamp| {
        let person = yard.shop.phones[nth].person;
        let ask = async |tx: &_| may_pass(tx, &school, person, &group, now).await;
        world.db.in_tx(ask).await.unwrap()
    };
    let before = midnight.minus(Duration::from_micros(1));
    assert_eq!(
        (at(0, before).await, at(0, midnight).await),
        (PassVerdict::NotNow, PassVerdict::Pass)
    );
    assert_eq!(
        (at(1, before).await, at(1, midnight).await),
        (PassVerdict::Pass, PassVerdict::NoRight)
    );
}

async fn rights_of_staff_stand_beside_an_allocation(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    yard.allocate(&["2301002,一号楼,,,"]).await.unwrap();
    let (world, school) = (&yard.shop.world, yard.shop.school);
    let (person, now) = (yard.shop.phones[0].person, SystemClock.now());
    let group: DoorGroup = "一号楼".parse().unwrap();
    let times = DoorTimes { from: now, until: None, window: DayWindow::ALL };
    let whose = (school, person);
    let give = async |times: DoorTimes| {
        world.db.in_tx(async |tx| desk::give(tx, whose, (&group, times), now).await).await
    };
    let given = give(times).await.unwrap();
    // A request without a beginning begins when it arrives: its repeat begins later.
    for from in [now, now.plus(Duration::from_secs(1))] {
        assert_eq!(give(DoorTimes { from, ..times }).await.unwrap().id, given.id, "the same again");
    }
    assert_eq!(yard.ask("D1", &yard.identity(0)).await, "open");
    // It stays where the allocation changes.
    yard.allocate(&["2301003,一号楼,,,"]).await.unwrap();
    assert_eq!(yard.ask("D1", &yard.identity(0)).await, "open");
    assert_eq!(yard.ask("D1", &yard.identity(1)).await, "right_missing");
    for n in 0..19_u16 {
        let window = DayWindow::new(n, 1440).filter(|_| n > 0);
        give(DoorTimes { window: window.unwrap_or(DayWindow::ALL), ..times }).await.unwrap();
    }
    let from = |minute| DoorTimes { window: DayWindow::new(minute, 1440).unwrap(), ..times };
    give(from(100)).await.unwrap();
    assert!(matches!(give(from(101)).await, Err(DoorRightError::TooMany)));
    // All of them, page by page; the allocation's is not ended by hand.
    let (mut cursor, mut rights) = (None, Vec::new());
    loop {
        let page = Keyset { beyond: cursor, descending: true, most: 7 };
        let filter = DoorFilter { group: Some(group.clone()), ..DoorFilter::default() };
        let found = DoorFilter::list((&world.db).into(), school, &filter, page).await.unwrap();
        let Some(last) = found.last() else { break };
        cursor = Some(last.id.uuid());
        rights.extend(found);
    }
    assert_eq!(rights.len(), 21);
    let end = async |right: &onecard::access::rights::DoorRight| {
        let now = SystemClock.now();
        world.db.in_tx(async |tx| desk::end(tx, school, right.id, now).await).await
    };
    for right in &rights {
        let ended = end(right).await;
        match right.source {
            RightSource::Allocation => assert!(matches!(ended, Err(DoorRightError::Allocated))),
            RightSource::Staff => assert!(ended.unwrap().times.until.is_some()),
        }
    }
    assert_eq!(yard.ask("D1", &yard.identity(0)).await, "right_missing");
    testkit::assert_authentic(&world.db).await;
}

/// Everybody lives in one of two houses at each moment: whoever is refused at one, and then at the
/// other, and then at the first again, was moved in between. Nobody is ever let into both by one import,
/// or kept out of both for longer than one.
async fn a_dormitory_moves_while_people_stand_at_the_gate(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    let (one, two): (DoorGroup, DoorGroup) = ("一号楼".parse().unwrap(), "二号楼".parse().unwrap());
    let numbers: Vec<&str> = testkit::PEOPLE.iter().map(|(number, _)| *number).collect();
    let file = |group: &DoorGroup| {
        let lines: Vec<String> = numbers.iter().map(|number| format!("{number},{group}")).collect();
        format!("student_no,door_group\n{}\n", lines.join("\n"))
    };
    let both = [one.clone(), two.clone()];
    yard.import(file(&one), &both).await.unwrap();
    let schools = Schools::new(yard.shop.world.db.clone(), Arc::new(SystemClock));
    let school = schools.by_code("xnec").await.unwrap().unwrap();
    let moved = AtomicBool::new(false);
    let move_on = async {
        for _ in 0..6 {
            yard.import(file(&two), &both).await.unwrap();
            yard.import(file(&one), &both).await.unwrap();
        }
        moved.store(true, Ordering::SeqCst);
    };
    let stand = async {
        let mut looks = 0;
        while !moved.load(Ordering::SeqCst) {
            for phone in &yard.shop.phones {
                // One statement sees both houses as they are at one moment.
                let rights = onecard::access::rights::rights_of(
                    (&yard.shop.world.db).into(),
                    &school,
                    phone.person,
                    SystemClock.now(),
                );
                let groups: Vec<String> =
                    rights.await.unwrap().iter().map(|right| right.group.to_string()).collect();
                assert_eq!(groups.len(), 1, "in one house: {groups:?}");
                looks += 1;
            }
            tokio::task::yield_now().await;
        }
        looks
    };
    let ((), looks) = futures_util::future::join(move_on, stand).await;
    println!("{looks} looks while twelve imports were switched");
    assert_eq!(yard.ask("D1", &yard.identity(0)).await, "open");
    assert_eq!(yard.ask("D2", &yard.identity(0)).await, "right_missing");
}

/// 30,000 rights (3,000 without `ONECARD_LONG=1`), while a till holds and asks for a person's lock.
async fn a_large_dormitory_is_imported_beside_tills(db: &TestDb) {
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let groups = if long { 250 } else { 25 };
    let yard = Yard::open(db, DOORS).await;
    let mut file = "student_no,door_group,hours\n".to_owned();
    for (number, _) in testkit::PEOPLE {
        for n in 0..20 * groups {
            writeln!(file, "{number},第{}组,00:{:02}-12:00", n / 20, n % 20).unwrap();
        }
    }
    let done = AtomicBool::new(false);
    let import = async {
        let begun = Instant::now();
        let report = yard.import(file, &[]).await.unwrap();
        done.store(true, Ordering::SeqCst);
        (report, begun.elapsed())
    };
    let person = yard.shop.phones[0].person;
    let hold = async {
        let mut longest = Duration::ZERO;
        while !done.load(Ordering::SeqCst) {
            let begun = Instant::now();
            let hold = async |tx: &_| People::hold(tx, person).await;
            yard.shop.world.db.in_tx(hold).await.unwrap();
            longest = longest.max(begun.elapsed());
            tokio::task::yield_now().await;
        }
        longest
    };
    let ((report, took), longest) = futures_util::future::join(import, hold).await;
    assert_eq!((report.rights, report.people), (120 * groups, 6));
    println!("{} rights in {took:?}; a lock was waited for {longest:?} at most", report.rights);
    assert!(took < Duration::from_secs(30), "{took:?}");
}

async fn what_is_replaced_is_deleted_a_day_later(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    yard.allocate(&["2301001,一号楼,,,", "2301002,一号楼,,,"]).await.unwrap();
    yard.allocate(&["2301003,一号楼,,,"]).await.unwrap();
    let world = &yard.shop.world;
    let schools = Arc::new(Schools::new(world.db.clone(), Arc::new(SystemClock)));
    let upkeep = onecard::access::upkeep::AccessUpkeep { db: world.db.clone(), schools };
    let now = SystemClock.now();
    for (hours, left) in [(23, 3), (25, 1)] {
        upkeep.clean(now.plus(Duration::from_hours(hours))).await.unwrap();
        assert_eq!(world.rows.count("door_right").await, left, "after {hours} hours");
    }
    assert_eq!(yard.ask("D1", &yard.identity(2)).await, "open");
}

/// Of whatever a right of staff could be taken for.
async fn a_right_of_staff_is_none_of_these(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    yard.allocate(&["2301001,一号楼,,,"]).await.unwrap();
    let (world, school) = (&yard.shop.world, yard.shop.school);
    let (person, now) = (yard.shop.phones[0].person, SystemClock.now());
    let [one, two]: [DoorGroup; 2] = ["一号楼", "二号楼"].map(|group| group.parse().unwrap());
    let always = DoorTimes { from: now, until: None, window: DayWindow::ALL };
    let give = async |whose: (SchoolId, PersonId), group: &DoorGroup, times: DoorTimes| {
        world.db.in_tx(async |tx| desk::give(tx, whose, (group, times), now).await).await
    };
    let end = async |of: SchoolId, id| {
        world.db.in_tx(async |tx| desk::end(tx, of, id, SystemClock.now()).await).await
    };
    // The allocation's goes with the next import, that of another group is for other doors.
    let first = give((school, person), &one, always).await.unwrap();
    let second = give((school, person), &two, always).await.unwrap();
    assert_eq!((first.source, second.source), (RightSource::Staff, RightSource::Staff));
    assert_ne!(first.id, second.id);
    yard.allocate(&["2301002,一号楼,,,"]).await.unwrap();
    for door in ["D1", "D2"] {
        assert_eq!(yard.ask(door, &yard.identity(0)).await, "open", "{door}");
    }
    // One that was ended before it began never holds.
    let tomorrow = now.day().next().start();
    let later = DoorTimes { from: tomorrow, ..always };
    let later = give((school, person), &one, later).await.unwrap();
    assert_eq!(later.id, first.id, "what holds from now on covers what begins tomorrow");
    end(school, first.id).await.unwrap();
    let later = DoorTimes { from: tomorrow, ..always };
    let later = give((school, person), &one, later).await.unwrap();
    for _ in 0..2 {
        assert_eq!(end(school, later.id).await.unwrap().times.until, Some(tomorrow));
    }
    // Another school knows neither the person nor the right.
    let elsewhere = SchoolId::from_number(world.rows.school("hbkj").await);
    let theirs = world.rows.person("hbkj", testkit::ELSEWHERE.0).await;
    let theirs = PersonId::from_uuid(theirs);
    for whose in [(school, theirs), (elsewhere, person)] {
        let refused = give(whose, &one, always).await;
        assert!(matches!(refused, Err(DoorRightError::NotFound)), "{refused:?}");
    }
    let refused = end(elsewhere, second.id).await;
    assert!(matches!(refused, Err(DoorRightError::NotFound)), "{refused:?}");
    assert_eq!(yard.ask("D2", &yard.identity(0)).await, "open");
    testkit::assert_authentic(&world.db).await;
}

/// Rows that the upkeep deletes before they hold are missed.
async fn an_allocation_that_lost_rows_does_not_come_into_force(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    yard.allocate(&["2301001,一号楼,,,"]).await.unwrap();
    let rows = &yard.shop.world.rows;
    if rows.is_postgres() {
        let lose = "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS \
                    'BEGIN DELETE FROM door_right WHERE id = NEW.id; RETURN NULL; END'";
        rows.change(lose, []).await;
        let trigger = "CREATE TRIGGER lose AFTER INSERT ON door_right FOR EACH ROW \
                       EXECUTE FUNCTION lose()";
        rows.change(trigger, []).await;
    } else {
        let trigger = "CREATE TRIGGER lose AFTER INSERT ON door_right BEGIN \
                       DELETE FROM door_right WHERE id = NEW.id; END";
        rows.change(trigger, []).await;
    }
    let slow = yard.allocate(&["2301002,一号楼,,,"]).await;
    assert!(matches!(slow, Err(AllocationError::Slow)), "{slow:?}");
    for (nth, expected) in [(0, "open"), (1, "right_missing")] {
        assert_eq!(yard.ask("D1", &yard.identity(nth)).await, expected);
    }
}
