//! Versions of a policy: what is in force from when, whoever writes it.

use futures_util::FutureExt;
use onecard::{
    base::{
        clock::{Day, Timestamp},
        db::Keyset,
        ids::SchoolId,
    },
    policies::{
        HeldPolicy, ImportOutcome, PolicyBook, PolicyChanges, PolicyContent, PolicyEdit,
        PolicyHand, PolicyImpact, PolicyRefusal, PolicyVersion, import_schools, take_effect,
    },
    schools::policy::Policy,
};
use sea_orm::Value as SqlValue;
use serde_json::{Value, json};
use std::{fs, time::Duration};
use tempfile::TempDir;
use testkit::{Rows, TestDb, on_each_empty_database};
use uuid::Uuid;

on_each_empty_database!(
    a_version_begins_at_midnight_in_beijing,
    what_changes_before_a_version_begins_is_carried_into_it,
    another_version_in_between_refuses_a_proposal,
    what_began_since_is_not_taken_back,
    the_newest_of_many_versions_begins,
    going_back_is_a_new_version,
    a_file_is_a_version_and_waits_for_what_is_to_begin,
    what_an_older_release_wrote_is_recorded,
    versions_are_final,
    limits_are_previewed_on_the_charges_of_a_month,
);

/// Noon in Beijing.
const NOON: Timestamp = Timestamp::from_seconds(1_767_240_000);

fn today() -> Day {
    NOON.day()
}

fn in_days(days: i32) -> Day {
    Day::from_number(today().number() + days)
}

fn hand(reason: &str) -> PolicyHand {
    PolicyHand {
        proposed_by: "staff a1, no. 1001".to_owned(),
        approved_by: None,
        reason: reason.to_owned(),
        approval: None,
        form_key: None,
    }
}

fn changes(changes: &[(&str, Value)]) -> PolicyContent {
    let changes = changes.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    PolicyContent::Changes(changes.collect::<PolicyChanges>())
}

async fn import(db: &TestDb, text: &str, replace: bool) -> Result<ImportOutcome, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("xnec.toml");
    fs::write(&path, text).unwrap();
    let imported = import_schools(&db.db, &[path], replace, NOON).await;
    imported.map(|done| done[0].outcome).map_err(|error| error.to_string())
}

async fn school(db: &TestDb) -> SchoolId {
    import(db, &super::xnec(), false).await.unwrap();
    SchoolId::from_number(Rows::of(&db.url).await.school("xnec").await)
}

async fn book(db: &TestDb, school: SchoolId) -> PolicyBook {
    PolicyBook::read(&db.db, school).await.unwrap()
}

/// Publishes a change of the newest version.
async fn publish(
    db: &TestDb,
    school: SchoolId,
    (from, content): (Option<Day>, PolicyContent),
) -> Result<PolicyVersion, PolicyRefusal> {
    let book = book(db, school).await;
    let restored = match content {
        PolicyContent::Restored(seq) => {
            PolicyVersion::find(&db.db, school, seq).await.unwrap().unwrap().policy
        }
        PolicyContent::Changes(_) => None,
    };
    let edit = PolicyEdit { base: book.newest.seq, from, content };
    let (proposal, _) = book.propose(&edit, restored.as_ref(), today())?;
    let done = db.db.in_tx(async |tx| {
        let held = HeldPolicy::hold(tx, school, NOON).await?;
        held.publish(&proposal, hand("试")).await
    });
    done.await
}

/// The reversal minutes and the name that are in force.
async fn in_force(db: &TestDb, school: SchoolId) -> (u64, String) {
    let policy: Policy = book(db, school).await.in_force.policy.unwrap();
    (policy.spend.reversal_window().as_secs() / 60, policy.name.to_string())
}

async fn a_version_begins_at_midnight_in_beijing(db: &TestDb) {
    let school = school(db).await;
    let tomorrow = today().next();
    let minutes = changes(&[("spend.reversal_minutes", json!(9))]);
    let version = publish(db, school, (Some(tomorrow), minutes)).await.unwrap();
    assert_eq!((version.seq, version.version, version.from), (2, 6, tomorrow));
    assert_eq!(in_force(db, school).await.0, 5);
    let last = tomorrow.start().minus(Duration::from_micros(1));
    assert_eq!(take_effect(&db.db, last).await.unwrap(), 0);
    assert_eq!(in_force(db, school).await.0, 5);
    // Two servers at the same moment.
    let (one, two) =
        tokio::join!(take_effect(&db.db, tomorrow.start()), take_effect(&db.db, tomorrow.start()));
    assert!(one.unwrap() + two.unwrap() >= 1);
    assert_eq!(in_force(db, school).await.0, 9);
    assert_eq!(take_effect(&db.db, tomorrow.start()).await.unwrap(), 0);
    let rows = Rows::of(&db.url).await;
    let began = "SELECT COUNT(*) FROM audit_entry WHERE act = 'policy.in_force'";
    assert_eq!(rows.number(began).await, 1);
    for bad in [today().number() - 1, today().number() + 367] {
        let edit = (Some(Day::from_number(bad)), changes(&[("portal", json!(false))]));
        let refused = publish(db, school, edit).await;
        assert!(matches!(refused, Err(PolicyRefusal::BadDay)), "{refused:?}");
    }
}

async fn what_changes_before_a_version_begins_is_carried_into_it(db: &TestDb) {
    let school = school(db).await;
    let later = changes(&[("spend.reversal_minutes", json!(9))]);
    publish(db, school, (Some(in_days(10)), later)).await.unwrap();
    let now = changes(&[("name", json!("新名")), ("spend.reversal_minutes", json!(7))]);
    let version = publish(db, school, (None, now)).await.unwrap();
    assert_eq!((version.seq, version.version), (3, 7));
    assert_eq!(in_force(db, school).await, (7, "新名".to_owned()));
    let book = book(db, school).await;
    let coming: Vec<_> = book.coming.iter().map(|one| (one.seq, one.from)).collect();
    assert_eq!(coming, [(4, in_days(10))]);
    take_effect(&db.db, in_days(10).start()).await.unwrap();
    // The name came along; the version keeps what it changes itself.
    assert_eq!(in_force(db, school).await, (9, "新名".to_owned()));
}

async fn another_version_in_between_refuses_a_proposal(db: &TestDb) {
    let school = school(db).await;
    let before = book(db, school).await;
    let content = changes(&[("spend.reversal_minutes", json!(9))]);
    let edit = PolicyEdit { base: before.newest.seq, from: None, content };
    let (proposal, differences) = before.propose(&edit, None, today()).unwrap();
    assert_eq!(differences.len(), 1);
    publish(db, school, (None, changes(&[("name", json!("新名"))]))).await.unwrap();
    let late = db.db.in_tx(async |tx| {
        let held = HeldPolicy::hold(tx, school, NOON).await?;
        held.publish(&proposal, hand("晚")).await
    });
    let late = late.await.unwrap_err();
    let told = book(db, school).await.told(&db.db, proposal.base, late).await;
    let PolicyRefusal::Moved { version, by, differences } = told else { panic!("{told:?}") };
    assert_eq!((version, by.as_str()), (6, "staff a1, no. 1001"));
    assert_eq!((differences.len(), differences[0].label), (1, "学校名称"));
    // Of many at once on one version, one is made.
    let before = book(db, school).await;
    let rush = (10..18).map(|minutes| {
        let content = changes(&[("spend.reversal_minutes", json!(minutes))]);
        let edit = PolicyEdit { base: before.newest.seq, from: None, content };
        let (proposal, _) = before.propose(&edit, None, today()).unwrap();
        async move {
            let publish = db.db.in_tx(async |tx| {
                let held = HeldPolicy::hold(tx, school, NOON).await?;
                held.publish(&proposal, hand("同时")).await
            });
            publish.await.is_ok()
        }
    });
    let made = futures_util::future::join_all(rush).await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

async fn what_began_since_is_not_taken_back(db: &TestDb) {
    let school = school(db).await;
    let later = changes(&[("spend.reversal_minutes", json!(9))]);
    publish(db, school, (Some(in_days(3)), later)).await.unwrap();
    let seen = book(db, school).await;
    let content = changes(&[("name", json!("新名"))]);
    let edit = PolicyEdit { base: seen.newest.seq, from: None, content };
    let (proposal, _) = seen.propose(&edit, None, today()).unwrap();
    // It is approved when that version has begun.
    let late = db.db.in_tx(async |tx| {
        let held = HeldPolicy::hold(tx, school, in_days(4).start()).await?;
        held.publish(&proposal, hand("晚")).await
    });
    let late = late.await.unwrap_err();
    assert!(matches!(late, PolicyRefusal::Moved { version: 6, .. }), "{late:?}");
}

async fn the_newest_of_many_versions_begins(db: &TestDb) {
    let school = school(db).await;
    for minutes in 10..130 {
        let content = changes(&[("spend.reversal_minutes", json!(minutes))]);
        publish(db, school, (Some(in_days(3)), content)).await.unwrap();
    }
    let seen = book(db, school).await;
    assert_eq!((seen.newest.seq, seen.coming.len()), (121, 1));
    take_effect(&db.db, in_days(3).start()).await.unwrap();
    assert_eq!(in_force(db, school).await.0, 129);
}

async fn going_back_is_a_new_version(db: &TestDb) {
    let school = school(db).await;
    publish(db, school, (None, changes(&[("name", json!("新名"))]))).await.unwrap();
    let back = publish(db, school, (None, PolicyContent::Restored(1))).await.unwrap();
    assert_eq!((back.seq, back.version), (3, 7));
    let first = PolicyVersion::find(&db.db, school, 1).await.unwrap().unwrap().policy.unwrap();
    let now = book(db, school).await.in_force.policy.unwrap();
    assert_eq!(Policy { version: first.version, ..now }, first);
    let same = publish(db, school, (None, PolicyContent::Restored(1))).await;
    assert!(matches!(same, Err(PolicyRefusal::Unchanged)), "{same:?}");
    // What is to begin does not, where what is in force is put in its place.
    let later = changes(&[("spend.reversal_minutes", json!(9))]);
    publish(db, school, (Some(in_days(3)), later)).await.unwrap();
    publish(db, school, (Some(in_days(3)), PolicyContent::Restored(3))).await.unwrap();
    take_effect(&db.db, in_days(3).start()).await.unwrap();
    assert_eq!(in_force(db, school).await.0, 5);
}

async fn a_file_is_a_version_and_waits_for_what_is_to_begin(db: &TestDb) {
    let school = school(db).await;
    let file = |version: u32, name: &str| {
        let text = super::xnec().replace("version = 5", &format!("version = {version}"));
        text.replace("咸宁职业技术学院\"", &format!("{name}\""))
    };
    assert_eq!(import(db, &file(6, "甲"), false).await, Ok(ImportOutcome::Changed));
    publish(db, school, (None, changes(&[("name", json!("乙"))]))).await.unwrap();
    let older = import(db, &file(6, "丙"), false).await.unwrap_err();
    assert!(older.contains("has the newer 7"), "{older}");
    let later = changes(&[("spend.reversal_minutes", json!(9))]);
    publish(db, school, (Some(in_days(3)), later)).await.unwrap();
    let waits = import(db, &file(9, "丙"), false).await.unwrap_err();
    assert!(waits.contains("version 8") && waits.contains("--replace"), "{waits}");
    assert_eq!(import(db, &file(9, "丙"), true).await, Ok(ImportOutcome::Changed));
    take_effect(&db.db, in_days(3).start()).await.unwrap();
    assert_eq!(in_force(db, school).await, (5, "丙".to_owned()));
    let kept =
        PolicyVersion::page(&db.db, school, Keyset { beyond: None, descending: true, most: 50 })
            .await
            .unwrap();
    let kept: Vec<_> = kept.iter().map(|one| (one.seq, one.version, one.source.code())).collect();
    assert_eq!(
        kept,
        [(5, 9, "file"), (4, 8, "console"), (3, 7, "console"), (2, 6, "file"), (1, 5, "file")]
    );
}

async fn what_an_older_release_wrote_is_recorded(db: &TestDb) {
    let school = school(db).await;
    let rows = Rows::of(&db.url).await;
    let written = "UPDATE school SET policy = REPLACE(policy, '咸宁职业', '旧版程序'), \
                   policy_version = 6, updated_at = updated_at + 1";
    assert_eq!(rows.change(written, []).await, 1);
    // Whoever reads it records it first, and the change is one of it.
    let seen = book(db, school).await;
    assert_eq!((seen.in_force.version, seen.newest.seq), (6, 2));
    let minutes = changes(&[("spend.reversal_minutes", json!(9))]);
    let version = publish(db, school, (None, minutes)).await.unwrap();
    assert_eq!((version.seq, version.version), (3, 7));
    assert_eq!(in_force(db, school).await, (9, "旧版程序技术学院".to_owned()));
}

async fn versions_are_final(db: &TestDb) {
    school(db).await;
    let rows = Rows::of(&db.url).await;
    for sql in ["UPDATE policy_version SET reason = 'x'", "DELETE FROM policy_version"] {
        let change = std::panic::AssertUnwindSafe(rows.change(sql, []));
        assert!(change.catch_unwind().await.is_err(), "{sql}");
    }
}

/// A terminal of a school.
async fn terminal(rows: &Rows, school: i64, n: u128) -> (Uuid, i64) {
    let id = Uuid::from_u128(n);
    let sql = "INSERT INTO terminal (id, school_id, code, kind, public_key, enabled, \
               created_at, updated_at) VALUES ($1, $2, $3, 'gate', $4, TRUE, 0, 0)";
    let values: [SqlValue; 4] =
        [id.into(), school.into(), id.to_string().into(), vec![0_u8; 32].into()];
    rows.change(sql, values).await;
    (id, school)
}

/// A charge of somebody so many days ago, at a minute of that day.
async fn charge(
    rows: &Rows,
    (terminal, school): (Uuid, i64),
    (seq, person): (i64, u128),
    (days, minute, fen): (i32, u64, i64),
) {
    let day = in_days(-days);
    let at = day.start().plus(Duration::from_mins(minute));
    let sql = "INSERT INTO charge (terminal_id, seq, id, school_id, day, person_id, merchant_id, \
               meal, amount_fen, from_e_account_fen, at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, 600, $8, 0, $9)";
    let values: [SqlValue; 9] = [
        terminal.into(),
        seq.into(),
        Uuid::from_u128(u128::try_from(seq).unwrap()).into(),
        school.into(),
        day.number().into(),
        Uuid::from_u128(person).into(),
        Uuid::from_u128(9).into(),
        fen.into(),
        at.micros().into(),
    ];
    rows.change(sql, values).await;
}

/// Charges of two people at a till of the school, one outside of every meal, of one at another school, and one that is too old.
async fn limits_are_previewed_on_the_charges_of_a_month(db: &TestDb) {
    let school = school(db).await;
    let rows = Rows::of(&db.url).await;
    let own = terminal(&rows, school.number(), 1).await;
    let other = terminal(&rows, school.number() + 1, 2).await;
    let charges = [
        (own, 1, (1, 700, 2_000)),
        (own, 1, (1, 701, 1_500)),
        (own, 1, (1, 1_100, 2_000)),
        (own, 2, (30, 700, 4_000)),
        // Outside of every meal.
        (own, 2, (2, 1_300, 4_000)),
        (own, 2, (0, 700, 3_000)),
        (own, 3, (31, 700, 9_000)),
        (other, 4, (1, 700, 9_000)),
    ];
    for (seq, (till, person, what)) in (1..).zip(charges) {
        charge(&rows, till, (seq, person), what).await;
    }
    let before = book(db, school).await.in_force.policy.unwrap();
    let impact = async |content: PolicyContent| {
        let book = book(db, school).await;
        let edit = PolicyEdit { base: book.newest.seq, from: None, content };
        let (proposal, _) = book.propose(&edit, None, today()).unwrap();
        let two = [&before, &proposal.policy];
        PolicyImpact::of(&db.db, school, two, NOON).await.unwrap()
    };
    let password = json!("password");
    for (content, said) in [
        (
            changes(&[("limits.meal_fen", json!(3_000))]),
            "过去 30 天会多拒 3 笔（¥95.00，涉及 2 人）。",
        ),
        (
            changes(&[("limits.meal_fen", json!(9_000))]),
            "过去 30 天的消费都不受影响；被拒过的收款没有入账，不在其中。",
        ),
        (
            changes(&[("limits.day_fen", json!(3_500)), ("limits.over_limit", password)]),
            "过去 30 天会多要输入消费密码的 3 笔（¥100.00，涉及 2 人）。",
        ),
        (changes(&[("top_up.min_fen", json!(100))]), "过去 30 天的充值都在新的上下限之内。"),
    ] {
        assert_eq!(impact(content).await[0].sentence, said);
    }
}
