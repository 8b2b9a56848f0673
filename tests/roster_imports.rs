//! Rosters that are uploaded: workers that die, and what keeps two of them apart.

use crate::{schools::rosters::keys, staff::support as staff};
use futures_util::{FutureExt, future::join};
use onecard::{
    base::{
        clock::{Clock, ManualClock, Timestamp},
        db::Keyset,
        ids::SchoolId,
    },
    roster_imports::{
        MAX_ROSTER_BYTES, RosterCounts, RosterDesk, RosterDeskError, RosterDetail, RosterJob,
        RosterJobId, RosterState,
    },
    staff_accounts::{StaffClasses, StaffId, StaffMember, StaffRoles, StaffSessionId},
    stored_files::StoredFiles,
};
use std::{fmt::Write as _, fs, pin::pin, sync::Arc, time::Duration};
use testkit::{Rows, TestDb, on_each_database};
use tokio::sync::Notify;
use uuid::Uuid;

on_each_database!(
    a_roster_is_checked_and_then_written,
    a_worker_that_dies_is_followed_by_another,
    who_lost_the_lease_writes_nothing_more,
    who_may_not_import_any_more_writes_nothing_more,
    an_import_is_started_once,
    one_roster_of_a_school_is_worked_at,
    a_roster_waits_for_a_day,
    a_file_that_is_no_roster_fails,
    a_forged_start_imports_nothing,
    a_job_that_never_gets_on_is_given_up,
    what_was_refused_is_forgotten_after_a_month,
);

const HEADER: &str = "student_no,name,id_number,phone,kind,department,class_name,valid_until";
/// 2026-11-21, about noon.
const NOW: Timestamp = Timestamp::from_seconds(1_795_233_600);
const HOUR: Duration = Duration::from_hours(1);

/// Members of staff at a desk, and their clock.
struct Office {
    desk: RosterDesk,
    clock: Arc<ManualClock>,
    rows: Rows,
    wang: StaffMember,
    li: StaffMember,
}

impl Office {
    async fn open(db: &TestDb) -> Self {
        let rows = Rows::of(&db.url).await;
        let clock = Arc::new(ManualClock::new(NOW));
        let (wang, li) = (member(db, &rows, "wang").await, member(db, &rows, "li").await);
        Self { desk: desk(db, &clock), clock, rows, wang, li }
    }

    /// Uploads a roster.
    async fn upload(&self, file: &str) -> Result<RosterJobId, RosterDeskError> {
        let mut upload = self.desk.upload(&self.wang, "新生.csv").await?;
        for piece in file.as_bytes().chunks(70_001) {
            upload.add(piece).await?;
        }
        upload.finish().await
    }

    /// Uploads a roster and has it checked.
    async fn checked(&self, file: &str) -> RosterJob {
        let id = self.upload(file).await.unwrap();
        assert!(self.desk.work_once().await.unwrap());
        self.job(id).await
    }

    async fn detail(&self, id: RosterJobId) -> RosterDetail {
        self.desk.find(&self.wang, id).await.unwrap()
    }

    async fn job(&self, id: RosterJobId) -> RosterJob {
        self.detail(id).await.job
    }

    async fn entries(&self, act: &str) -> usize {
        let of_act =
            format!("SELECT who FROM audit_entry WHERE act = '{act}' AND who LIKE 'staff %'");
        self.rows.texts(&of_act).await.len()
    }
}

fn desk(db: &TestDb, clock: &Arc<ManualClock>) -> RosterDesk {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    let keys = keys();
    let files =
        StoredFiles { db: db.db.clone(), sealer: keys.sealer.clone(), clock: Arc::clone(&clock) };
    RosterDesk { db: db.db.clone(), files, keys, clock, wake: Arc::new(Notify::new()) }
}

/// A member of the card office who has just given the second factor.
async fn member(db: &TestDb, rows: &Rows, login: &str) -> StaffMember {
    let school = rows.school("xnec").await;
    let staff_no = format!("G-{}", login.to_uppercase());
    staff::add(&db.db, school, (login, &staff_no, &["card_office"])).await;
    let id = rows.id(&format!("SELECT id FROM staff_member WHERE login = '{login}'")).await;
    StaffMember {
        session: StaffSessionId::from_uuid(Uuid::nil()),
        id: StaffId::from_uuid(id),
        school: SchoolId::from_number(school),
        login: login.parse().unwrap(),
        staff_no: staff_no.parse().unwrap(),
        roles: StaffRoles::new([staff::role("card_office")]),
        classes: StaffClasses::default(),
        // The clock of these tests stands in the past and moves by days.
        factor_at: NOW.plus(HOUR * 24 * 365),
    }
}

/// So many people, of whom every hundredth has no name.
fn many(rows: u32) -> String {
    (0..rows).fold(format!("{HEADER}\n"), |mut file, n| {
        let name = if n % 100 == 7 { String::new() } else { format!("学生{n}") };
        writeln!(file, "ZZ{n},{name},,,student,学院,班级,").unwrap();
        file
    })
}

fn counts(of: [u64; 4]) -> RosterCounts {
    let [added, changed, unchanged, refused] = of;
    RosterCounts { added, changed, unchanged, refused }
}

async fn people(rows: &Rows) -> i64 {
    rows.number("SELECT COUNT(*) AS n FROM person WHERE student_no LIKE 'ZZ%'").await
}

async fn a_roster_is_checked_and_then_written(db: &TestDb) {
    let office = Office::open(db).await;
    let id = office.upload(&many(1203)).await.unwrap();
    let fresh = office.job(id).await;
    assert_eq!((fresh.state, fresh.rows_total), (RosterState::Checking, 0));
    assert!(office.desk.work_once().await.unwrap());
    let checked = office.detail(id).await;
    assert_eq!(checked.job.state, RosterState::Checked);
    assert_eq!((checked.job.rows_done, checked.job.rows_total), (1203, 1203));
    assert_eq!(checked.job.checked, counts([1191, 0, 0, 12]));
    assert_eq!(people(&office.rows).await, 0, "a check writes nothing");
    assert_eq!(office.entries("roster.imported").await, 0);
    let first: Vec<_> = checked.refused.iter().map(|row| (row.line, &*row.student_no)).collect();
    assert_eq!(first[..2], [(9, "ZZ7"), (109, "ZZ107")]);
    assert!(!office.desk.work_once().await.unwrap(), "nothing is due until somebody starts it");
    office.desk.start(&office.li, id).await.unwrap();
    assert!(office.desk.work_once().await.unwrap());
    let done = office.job(id).await;
    assert_eq!((done.state, done.imported), (RosterState::Done, counts([1191, 0, 0, 12])));
    assert_eq!(people(&office.rows).await, 1191);
    assert_eq!(office.rows.count("stored_file").await, 0, "the file is not kept");
    let (job, refused) = office.desk.export_refused(&office.li, id, "csv").await.unwrap();
    assert_eq!((job.id, refused.len()), (id, 12));
    // On whose behalf people were written.
    let who = "SELECT DISTINCT who FROM audit_entry \
               WHERE act = 'roster.imported' AND who LIKE 'staff %'";
    assert_eq!(office.rows.texts(who).await, ["staff li, no. G-LI"]);
    // The same again, later, changes nobody.
    office.clock.advance(Duration::from_secs(1));
    let again = office.checked(&many(1203).replace("ZZ5,学生5,", "ZZ5,学生五,")).await;
    assert_eq!(again.checked, counts([0, 1, 1190, 12]));
    let detail = office.detail(again.id).await;
    let example = &detail.examples[0];
    assert_eq!((example.line, &*example.student_no, &*example.name), (7, "ZZ5", "**5"));
    assert_eq!(example.changes, [["name", "**5", "**五"].map(str::to_owned)]);
    let listed = Keyset { beyond: None, descending: true, most: 10 };
    let listed = office.desk.page(&office.li, None, listed).await.unwrap();
    assert_eq!(listed.iter().map(|job| job.id).collect::<Vec<_>>(), [again.id, id]);
    testkit::assert_authentic(&db.db).await;
}

/// The worker is dropped after a part, as a process that ends drops it.
async fn a_worker_that_dies_is_followed_by_another(db: &TestDb) {
    let office = Office::open(db).await;
    let id = office.checked(&many(1203)).await.id;
    office.desk.start(&office.wang, id).await.unwrap();
    {
        let mut dies = pin!(office.desk.work_once());
        while office.job(id).await.rows_done == 0 {
            assert!(dies.as_mut().now_or_never().is_none(), "it is not done yet");
            tokio::task::yield_now().await;
        }
    }
    let half = office.job(id).await;
    assert_eq!(half.state, RosterState::Importing);
    assert!((500..1203).contains(&half.rows_done), "{half:?}");
    let (second, there) = (desk(db, &office.clock), people(&office.rows).await);
    assert!(!second.work_once().await.unwrap(), "its lease has not ended");
    assert_eq!(people(&office.rows).await, there);
    office.clock.advance(Duration::from_mins(2));
    assert!(second.work_once().await.unwrap());
    let done = office.job(id).await;
    assert_eq!((done.state, done.imported), (RosterState::Done, counts([1191, 0, 0, 12])));
    assert_eq!(people(&office.rows).await, 1191);
    let (_, refused) = second.export_refused(&office.wang, id, "csv").await.unwrap();
    assert_eq!(refused.len(), 12, "no refused row is told twice");
}

async fn who_lost_the_lease_writes_nothing_more(db: &TestDb) {
    let office = Office::open(db).await;
    let id = office.checked(&many(2203)).await.id;
    office.desk.start(&office.wang, id).await.unwrap();
    let mut slow = pin!(office.desk.work_once());
    while office.job(id).await.rows_done == 0 {
        assert!(slow.as_mut().now_or_never().is_none(), "it is not done yet");
        tokio::task::yield_now().await;
    }
    // It stands still, between two parts or in one, while its lease ends.
    office.clock.advance(Duration::from_mins(2));
    let second = desk(db, &office.clock);
    let (slow, taken) = join(slow, second.work_once()).await;
    assert!(slow.unwrap());
    if !taken.unwrap() {
        assert!(!second.work_once().await.unwrap(), "the first one had ended it");
    }
    let done = office.job(id).await;
    assert_eq!((done.state, done.imported), (RosterState::Done, counts([2181, 0, 0, 22])));
    assert_eq!(people(&office.rows).await, 2181);
}

async fn who_may_not_import_any_more_writes_nothing_more(db: &TestDb) {
    let office = Office::open(db).await;
    let id = office.checked(&many(2203)).await.id;
    office.desk.start(&office.li, id).await.unwrap();
    let mut work = pin!(office.desk.work_once());
    while office.job(id).await.rows_done == 0 {
        assert!(work.as_mut().now_or_never().is_none(), "it is not done yet");
        tokio::task::yield_now().await;
    }
    // The part that is being written may hold the row of the login.
    let registry = staff::registry(&db.db);
    let switching = registry.switch(office.li.school, &office.li.login, false, NOW);
    let (worked, switched) = join(work, switching).await;
    assert!(worked.unwrap() && switched.unwrap());
    let ended = office.job(id).await;
    assert_eq!((ended.state, ended.fault.as_deref()), (RosterState::Failed, Some("no_right")));
    let written = ended.imported.added;
    assert!((1..2181).contains(&written), "{ended:?}");
    assert_eq!(people(&office.rows).await, i64::try_from(written).unwrap());
    assert_eq!(office.rows.count("stored_file").await, 0, "the file is not kept");
    assert!(!office.desk.work_once().await.unwrap(), "nothing is due");
}

async fn an_import_is_started_once(db: &TestDb) {
    let office = Office::open(db).await;
    let id = office.upload(&many(10)).await.unwrap();
    let early = office.desk.start(&office.wang, id).await;
    assert!(matches!(early, Err(RosterDeskError::NotStartable(_))), "{early:?}");
    office.desk.work_once().await.unwrap();
    let (wang, li) =
        join(office.desk.start(&office.wang, id), office.desk.start(&office.li, id)).await;
    let started = [&wang, &li].into_iter().flatten().count();
    assert_eq!(started, 1, "{wang:?} {li:?}");
    let (first, other) =
        if wang.is_ok() { (&office.wang, &office.li) } else { (&office.li, &office.wang) };
    // A second click of the same person is the same; before and after the import.
    for _ in 0..2 {
        let again = office.desk.start(first, id).await.unwrap();
        assert_eq!(again.started.unwrap().login, first.login.to_string());
        let refused = office.desk.start(other, id).await;
        assert!(matches!(refused, Err(RosterDeskError::NotStartable(_))), "{refused:?}");
        office.desk.work_once().await.unwrap();
    }
    assert_eq!(office.job(id).await.imported, counts([9, 0, 0, 1]));
    assert_eq!(office.entries("roster.started").await, 1);
}

async fn one_roster_of_a_school_is_worked_at(db: &TestDb) {
    let office = Office::open(db).await;
    let running = office.upload(&many(10)).await.unwrap();
    let refused = office.upload(&many(11)).await;
    assert!(matches!(refused, Err(RosterDeskError::Running(id)) if id == running), "{refused:?}");
    office.desk.work_once().await.unwrap();
    // Two that were begun at once: both were received, one is entered.
    let (one, two) = join(office.upload(&many(11)), office.upload(&many(12))).await;
    let entered = [&one, &two].into_iter().flatten().count();
    assert_eq!(entered, 1, "{one:?} {two:?}");
    assert_eq!(office.rows.count("stored_file").await, 2, "the other file is deleted");
    // Nor is an import started beside a check.
    let refused = office.desk.start(&office.wang, running).await;
    assert!(matches!(refused, Err(RosterDeskError::Running(_))), "{refused:?}");
    office.desk.work_once().await.unwrap();
    office.desk.start(&office.wang, running).await.unwrap();
    let refused = office.upload(&many(13)).await;
    assert!(matches!(refused, Err(RosterDeskError::Running(id)) if id == running), "{refused:?}");
    let mut large = office.desk.upload(&office.wang, "x.csv").await;
    office.desk.work_once().await.unwrap();
    assert!(large.is_err());
    large = office.desk.upload(&office.wang, "x.csv").await;
    let whole = usize::try_from(MAX_ROSTER_BYTES).unwrap() + 1;
    let refused = large.unwrap().add(&vec![b'x'; whole]).await;
    assert!(matches!(refused, Err(RosterDeskError::TooLarge)), "{refused:?}");
}

async fn a_roster_waits_for_a_day(db: &TestDb) {
    let office = Office::open(db).await;
    let id = office.checked(&many(10)).await.id;
    office.clock.advance(HOUR * 24);
    let late = office.desk.start(&office.wang, id).await;
    assert!(matches!(late, Err(RosterDeskError::Expired)), "{late:?}");
    assert!(!office.job(id).await.can_start(office.clock.now()));
    // One that was started at the last moment, and whose file went nevertheless.
    let id = office.checked(&many(10)).await.id;
    office.clock.advance(Duration::from_secs(24 * 3600 - 1));
    office.desk.start(&office.wang, id).await.unwrap();
    office.clock.advance(HOUR * 7);
    StoredFiles::delete_expired(&db.db, office.clock.now()).await.unwrap();
    assert!(office.desk.work_once().await.unwrap());
    let failed = office.job(id).await;
    assert_eq!((failed.state, failed.fault.as_deref()), (RosterState::Failed, Some("file_gone")));
    assert_eq!(people(&office.rows).await, 0);
}

async fn a_file_that_is_no_roster_fails(db: &TestDb) {
    let office = Office::open(db).await;
    let wrong = HEADER.replace("phone", "mobile");
    let cases = [
        ("", "header: the file is empty"),
        (wrong.as_str(), "header: missing: phone; unknown: mobile"),
        (
            "ZZ1,林晓雨\n",
            "header: missing: student_no, name, id_number, phone, kind, department, class_name, \
             valid_until; unknown: (not a column name), (not a column name)",
        ),
    ];
    for (file, fault) in cases {
        let failed = office.checked(file).await;
        assert_eq!((failed.state, failed.fault.as_deref()), (RosterState::Failed, Some(fault)));
        assert!(!failed.state.is_running(), "the next one can be uploaded");
        assert_eq!(office.rows.count("stored_file").await, 0);
    }
    let nobody = office.checked(HEADER).await;
    assert_eq!((nobody.state, nobody.checked), (RosterState::Checked, counts([0; 4])));
}

async fn a_forged_start_imports_nothing(db: &TestDb) {
    let office = Office::open(db).await;
    let id = office.checked(&many(10)).await.id;
    let unsaid = "UPDATE roster_job SET state = 'importing', rows_done = 0, leased_until = 0";
    office.rows.change(unsaid, []).await;
    assert!(office.desk.work_once().await.unwrap());
    assert_eq!(people(&office.rows).await, 0);
    let forged = "UPDATE roster_job SET state = 'importing', rows_done = 0, leased_until = 0, \
                  started_login = $1, started_no = $2, started_at = $3";
    office.rows.change(forged, ["li".into(), "G-LI".into(), NOW.micros().into()]).await;
    assert!(office.desk.work_once().await.unwrap());
    assert_eq!(people(&office.rows).await, 0);
    assert_eq!(office.job(id).await.imported, counts([0; 4]));
}

async fn a_job_that_never_gets_on_is_given_up(db: &TestDb) {
    let office = Office::open(db).await;
    let id = office.upload(&many(10)).await.unwrap();
    // A part of the file that cannot be opened.
    office.rows.change("UPDATE stored_file_part SET sealed = $1", [vec![0_u8; 64].into()]).await;
    for _ in 0..10 {
        assert!(office.desk.work_once().await.unwrap());
        assert_eq!(office.job(id).await.state, RosterState::Checking);
        office.clock.advance(Duration::from_mins(2));
    }
    assert!(office.desk.work_once().await.unwrap());
    let failed = office.job(id).await;
    assert_eq!((failed.state, failed.fault.as_deref()), (RosterState::Failed, Some("gave_up")));
}

async fn what_was_refused_is_forgotten_after_a_month(db: &TestDb) {
    let office = Office::open(db).await;
    let id = office.checked(&many(300)).await.id;
    office.clock.advance(HOUR * 24 * 30);
    office.desk.delete_all_old(office.clock.now()).await.unwrap();
    assert_eq!(office.rows.count("roster_refusal").await, 3);
    office.clock.advance(Duration::from_secs(1));
    office.desk.delete_all_old(office.clock.now()).await.unwrap();
    assert_eq!(office.rows.count("roster_refusal").await, 0);
    assert_eq!(office.job(id).await.checked.refused, 3, "that there were some is kept");
    let gone = office.desk.export_refused(&office.wang, id, "csv").await;
    assert!(matches!(gone, Err(RosterDeskError::RefusalsGone)), "{gone:?}");
}

#[tokio::test]
async fn no_uploaded_name_is_readable_on_the_disk() {
    testkit::on_sqlite(nothing_is_readable).await;
}

async fn nothing_is_readable(db: &TestDb) {
    let office = Office::open(db).await;
    let file = format!("{HEADER}\nZZ1,欧阳·测试员,,13800138000,student,学院,班级,\n");
    office.checked(&file).await;
    let changed = file.replace("13800138000", "13900139000").replace("班级", "新班级");
    let id = office.checked(&changed).await.id;
    office.desk.start(&office.wang, id).await.unwrap();
    office.desk.work_once().await.unwrap();
    office.checked(&file).await;
    let stored: Vec<u8> = db.files().iter().flat_map(|file| fs::read(file).unwrap()).collect();
    let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("新班级"), "the rows are in these files");
    for secret in ["欧阳", "测试员", "13800138000", "13900139000", "****员"] {
        assert!(!holds(secret), "{secret} stands on the disk");
    }
}
