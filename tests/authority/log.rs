//! The audit log: who did what, and that it cannot be changed unseen.

use crate::{spend::shop::Shop, terminals::signer::Signer};
use onecard::{
    audit::audit,
    base::{crypto::ed25519::Ed25519Key, db::Actor, ids::SchoolId},
    terminals::{NewMerchant, NewTerminal, TerminalKind, add_merchant, add_terminal},
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use sha2::{Digest, Sha256};
use testkit::{Program, TestDb, World, on_each_database};

on_each_database!(
    every_change_of_authority_has_an_entry,
    entries_are_final,
    a_changed_entry_is_named,
    a_chain_that_was_rebuilt_is_named,
    many_entries_at_once_are_one_chain,
);

async fn owner(db: &TestDb) -> DatabaseConnection {
    let owner = Database::connect(&db.url).await.unwrap();
    let drops: &[&str] = if db.url.starts_with("postgres") {
        &["DROP TRIGGER audit_entry_is_final ON audit_entry"]
    } else {
        &["DROP TRIGGER audit_entry_no_update", "DROP TRIGGER audit_entry_no_delete"]
    };
    for drop in drops {
        owner.execute_unprepared(drop).await.unwrap();
    }
    owner
}

async fn every_change_of_authority_has_an_entry(db: &TestDb) {
    let world = World::start(db).await;
    let program = Program::of(&world, crate::ONECARD);
    let pem = world.path("t1.pem");
    std::fs::write(&pem, Signer::new("xnec/T1", 1).public_pem()).unwrap();
    let merchant = "merchant add --school xnec --code c1 --name";
    let terminal = format!("terminal add --school xnec --id T1 --kind pos --public-key {pem}");
    let switch = |to: &str| format!("terminal {to} --school xnec --id T1");
    let acts = [
        (format!("{merchant} 第一食堂"), "merchant.added | merchant c1"),
        (format!("{merchant} 第二食堂"), "merchant.changed | merchant c1"),
        (format!("{terminal} --merchant c1"), "terminal.added | terminal T1"),
        (format!("{terminal} --replace"), "terminal.changed | terminal T1"),
        (switch("disable"), "terminal.disabled | terminal T1"),
        (switch("enable"), "terminal.enabled | terminal T1"),
    ];
    let last = "SELECT act || ' | ' || subject || ' | ' || who || ' | ' || why FROM audit_entry \
                ORDER BY position DESC LIMIT 1";
    for (command, told) in &acts {
        let command: Vec<&str> = command.split(' ').chain(["--reason", "开学"]).collect();
        let before = world.rows.count("audit_entry").await;
        // Again it changes nothing, and there is no entry.
        for _ in 0..2 {
            let (code, out, err) = program.run(&command).await;
            assert_eq!(code, 0, "{out}{err}");
        }
        assert_eq!(world.rows.count("audit_entry").await, before + 1, "{command:?}");
        let told = format!("{told} | command line, user unknown | 开学");
        assert_eq!(world.rows.texts(last).await, [told]);
    }
    let (code, out, _) = program.run(&["verify"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("ok      audit log"), "{out}");
    assert!(out.contains("ok      rows of authority"), "{out}");
    // Schools and people were taken up by the fixture, by no one in particular.
    let acts = world.rows.texts("SELECT DISTINCT act FROM audit_entry ORDER BY act").await;
    for act in ["roster.imported", "school.added"] {
        assert!(acts.iter().any(|there| there == act), "{act} of {acts:?}");
    }
}

async fn entries_are_final(db: &TestDb) {
    let owner = Database::connect(&db.url).await.unwrap();
    for change in [
        "UPDATE audit_entry SET who = 'nobody'",
        "UPDATE audit_entry SET at = 1",
        "UPDATE audit_entry SET hash = mac",
        "DELETE FROM audit_entry",
    ] {
        let refused = owner.execute_unprepared(change).await.unwrap_err();
        assert!(refused.to_string().contains("audit_entry are final"), "{change}: {refused}");
    }
    owner.close().await.unwrap();
    assert!(audit(&db.db).await.unwrap().is_clean());
}

async fn a_changed_entry_is_named(db: &TestDb) {
    let _shop = Shop::closed(db, "").await;
    let report = audit(&db.db).await.unwrap();
    assert!(report.is_clean() && report.entries > 4, "{report}");
    let owner = owner(db).await;
    let cases = [
        ("at = at + 1", "at = at - 1", "entry 3: its hash"),
        ("who = who || '!'", "who = 'onecard'", "entry 3: its hash"),
        ("act = act || '!'", "act = REPLACE(act, '!', '')", "entry 3: its hash"),
        ("subject = subject || '!'", "subject = REPLACE(subject, '!', '')", "entry 3: its hash"),
        ("detail = detail || '!'", "detail = REPLACE(detail, '!', '')", "entry 3: its hash"),
        ("why = why || '!'", "why = REPLACE(why, '!', '')", "entry 3: its hash"),
        ("school_id = school_id + 1", "", "entry 3: its hash"),
    ];
    for (change, back, told) in cases {
        let update = |set: &str| format!("UPDATE audit_entry SET {set} WHERE position = 3");
        owner.execute_unprepared(&update(change)).await.unwrap();
        let report = audit(&db.db).await.unwrap();
        assert!(report.to_string().contains(told), "{change}: {report}");
        if !back.is_empty() {
            owner.execute_unprepared(&update(back)).await.unwrap();
            assert!(audit(&db.db).await.unwrap().is_clean(), "{change}");
        }
    }
    owner.execute_unprepared("UPDATE audit_entry SET mac = hash WHERE position = 2").await.unwrap();
    let report = audit(&db.db).await.unwrap();
    assert!(report.to_string().contains("entry 2: it does not fit its MAC"), "{report}");
    owner.execute_unprepared("DELETE FROM audit_entry WHERE position = 3").await.unwrap();
    let report = audit(&db.db).await.unwrap();
    assert!(report.to_string().contains("entry 3 is missing"), "{report}");
    let last = "DELETE FROM audit_entry WHERE position > 3";
    owner.execute_unprepared(last).await.unwrap();
    let report = audit(&db.db).await.unwrap();
    assert!(report.to_string().contains("the head is not the last entry"), "{report}");
    owner.close().await.unwrap();
}

/// Hashes anybody can compute: the MAC is what only the program can.
async fn a_chain_that_was_rebuilt_is_named(db: &TestDb) {
    let _shop = Shop::closed(db, "").await;
    let owner = owner(db).await;
    let last = "SELECT position, at, act, school_id, subject, detail, why, \
                (SELECT hash FROM audit_entry b WHERE b.position = a.position - 1) AS before \
                FROM audit_entry a ORDER BY position DESC LIMIT 1";
    let last = Statement::from_string(owner.get_database_backend(), last);
    let row = owner.query_one_raw(last).await.unwrap().unwrap();
    let number = |name: &str| row.try_get::<i64>("", name).unwrap();
    let text = |name: &str| row.try_get::<String>("", name).unwrap();
    let mut hash = Sha256::new_with_prefix(b"onecard-audit-v1|");
    for field in ["position", "at", "school_id"] {
        hash.update(number(field).to_be_bytes());
    }
    let others = ["act", "subject", "detail", "why"].map(text);
    for text in ["somebody else"].into_iter().chain(others.iter().map(String::as_str)) {
        hash.update(u64::try_from(text.len()).unwrap().to_be_bytes());
        hash.update(text);
    }
    hash.update(row.try_get::<Vec<u8>>("", "before").unwrap());
    let (hash, position) = (hash.finalize().to_vec(), number("position"));
    let rows = testkit::Rows::of(&db.url).await;
    let forge = "UPDATE audit_entry SET who = 'somebody else', hash = $1 WHERE position = $2";
    assert_eq!(rows.change(forge, [hash.clone().into(), position.into()]).await, 1);
    assert_eq!(rows.change("UPDATE audit_head SET hash = $1", [hash.into()]).await, 1);
    let report = audit(&db.db).await.unwrap();
    assert_eq!(report.broken, [format!("entry {position}: it does not fit its MAC")]);
    owner.close().await.unwrap();
}

/// Writers wait for each other: no position is taken twice.
async fn many_entries_at_once_are_one_chain(db: &TestDb) {
    let before = audit(&db.db).await.unwrap().entries;
    let school = SchoolId::from_number(1);
    let by = Actor { who: "counter".into(), why: "new\nmachines".into() };
    let acting = db.db.clone().acting_as(by);
    let add = async |n: u32| {
        let (code, name) = (format!("c{n}").parse().unwrap(), "食堂".parse().unwrap());
        add_merchant(&acting, &NewMerchant { school, code, name }, testkit::now()).await.unwrap();
        let signer = Signer::new("xnec/T1", 1);
        let new = NewTerminal {
            school,
            code: format!("T{n}").parse().unwrap(),
            kind: TerminalKind::Pos,
            key: Ed25519Key::from_spki_pem(signer.public_pem().as_bytes()).unwrap(),
            merchant: None,
            door_group: None,
        };
        add_terminal(&acting, &new, false, testkit::now()).await.unwrap();
    };
    futures_util::future::join_all((0..8).map(add)).await;
    let report = audit(&db.db).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.entries, before + 16);
    let rows = testkit::Rows::of(&db.url).await;
    let by = "SELECT DISTINCT who || ': ' || why FROM audit_entry WHERE position > ";
    let by = format!("{by}{before}");
    assert_eq!(rows.texts(&by).await, ["counter: newmachines"]);
}
