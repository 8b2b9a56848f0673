//! One seal for each turn of the sealer, beside the seals of one batch that earlier releases wrote,
//! and what `verify` says of a batch that is not sealed exactly once.

use crate::{
    ledger::{
        support::{NOW, SCHOOL, commit, proven, seal_some, spend, top_up},
        tools::Owner,
    },
    terminals::python::python,
};
use onecard::ledger::{
    seal::{Head, Seal, Sealed},
    verify::{Law, Subject},
};
use std::{collections::HashSet, path::Path, process::Command};
use testkit::{TestDb, on_each_empty_database, report};
use uuid::Uuid;

on_each_empty_database!(
    a_turn_makes_one_seal,
    seals_of_one_batch_stay_good,
    a_batch_under_two_seals_is_named,
    a_batch_that_no_seal_lists_is_named,
);

async fn post(db: &TestDb, commits: &[&str]) {
    for name in commits {
        let (paid, spent) = (format!("in {name}"), format!("out {name}"));
        commit(&db.db, &[top_up(&paid, 1, 5), spend(&spent, 1, 3)]).await.unwrap();
    }
}

async fn a_turn_makes_one_seal(db: &TestDb) {
    post(db, &["a", "b", "c", "d", "e"]).await;
    assert_eq!(seal_some(&db.db, SCHOOL).await, 5);
    post(db, &["f"]).await;
    assert_eq!(seal_some(&db.db, SCHOOL).await, 1);
    assert_eq!(seal_some(&db.db, SCHOOL).await, 0);
    let report = proven(&db.db).await;
    assert_eq!(report.finding(Law::Chain).unwrap().checked, "school 1: 2 seals");
    let batches = "6 batches sealed, 0 batches waiting";
    assert_eq!(report.finding(Law::Batches).unwrap().checked, batches);
    assert_eq!(report.reaches[0].head.position, 2);
    reverified(db, "");
}

/// Seals as the releases did that gave each batch a seal of its own.
async fn seal_by_batch(owner: &Owner, mut head: Head) -> Head {
    for row in owner.all("SELECT * FROM unsealed ORDER BY batch_id", vec![]).await {
        let batch: Uuid = row.try_get("", "batch_id").unwrap();
        let digest: Vec<u8> = row.try_get("", "digest").unwrap();
        let seal = Seal {
            school: SCHOOL,
            position: head.position + 1,
            batches: Sealed::Batch(batch),
            transfers: row.try_get("", "transfers").unwrap(),
            digest: digest.clone().try_into().unwrap(),
            sealed_at: NOW,
        };
        head = Head { position: seal.position, hash: seal.hash(&head.hash) };
        let sql = "INSERT INTO seal (school_id, position, batch_id, transfers, digest, sealed_at, \
                   hash) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = vec![
            SCHOOL.number().into(),
            seal.position.into(),
            batch.into(),
            seal.transfers.into(),
            digest.into(),
            NOW.micros().into(),
            head.hash.to_vec().into(),
        ];
        owner.all(sql, values).await;
    }
    owner.run("DELETE FROM unsealed").await;
    owner.run("DELETE FROM tail").await;
    owner.rebalance().await;
    owner.end_chain_at(head.position, head.hash).await;
    head
}

/// Seals of both forms follow each other, in either order.
async fn seals_of_one_batch_stay_good(db: &TestDb) {
    let owner = Owner::of(db).await;
    post(db, &["first"]).await;
    seal_some(&db.db, SCHOOL).await;
    post(db, &["a", "b"]).await;
    let head = seal_by_batch(&owner, proven(&db.db).await.reaches[0].head).await;
    assert_eq!(head.position, 3);
    proven(&db.db).await;
    post(db, &["c", "d"]).await;
    assert_eq!(seal_some(&db.db, SCHOOL).await, 2);
    let report = proven(&db.db).await;
    assert_eq!(report.finding(Law::Chain).unwrap().checked, "school 1: 4 seals");
    reverified(db, "");

    // An older seal goes on to be proven alone.
    owner.run("UPDATE seal SET transfers = 3 WHERE position = 2").await;
    let report = testkit::report(&db.db).await;
    let named = &report.finding(Law::Chain).unwrap().named;
    assert_eq!(named.len(), 1, "{report}");
    assert_eq!(named[0].subject, Subject::Seal { school: SCHOOL, position: 2 });
    reverified(db, "BROKEN: seal 2 of school 1");
}

/// Rebuilt by somebody who knows the program, so that everything else fits.
async fn list_again(owner: &Owner, position: i64, batches: &[Uuid]) {
    let list: Vec<u8> = batches.iter().flat_map(|batch| *batch.as_bytes()).collect();
    let sql = "UPDATE seal SET batches = $1, batch_id = $2 WHERE position = $3";
    owner.all(sql, vec![list.into(), batches[0].into(), position.into()]).await;
    owner.rebuild().await;
}

async fn batches(owner: &Owner) -> Vec<Uuid> {
    let rows = owner.all("SELECT DISTINCT batch_id FROM transfer ORDER BY batch_id", vec![]).await;
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn broken_batches(db: &TestDb) -> HashSet<Subject> {
    let report = report(&db.db).await;
    let named = &report.finding(Law::Batches).unwrap().named;
    named.iter().map(|found| found.subject).collect()
}

/// Two payments of one amount: without one of them under the seal, every balance still fits.
async fn a_batch_under_two_seals_is_named(db: &TestDb) {
    let owner = Owner::of(db).await;
    // More than are read at a time, so that nothing but the sum over all of them can tell.
    let names: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    post(db, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(seal_some(&db.db, SCHOOL).await, 300);
    post(db, &["last"]).await;
    seal_some(&db.db, SCHOOL).await;
    proven(&db.db).await;
    let sql = "SELECT batch_id FROM seal WHERE position = 1";
    let first: Uuid = owner.all(sql, vec![]).await[0].try_get_by_index(0).unwrap();
    let sql = "SELECT batch_id FROM seal WHERE position = 2";
    let last: Uuid = owner.all(sql, vec![]).await[0].try_get_by_index(0).unwrap();
    // `batch_id` is unique, so the repeated one cannot stand first.
    list_again(&owner, 2, &[last, first]).await;
    assert_eq!(broken_batches(db).await, HashSet::from([Subject::Batch(first)]));
    reverified(db, "BROKEN: batch");
}

async fn a_batch_that_no_seal_lists_is_named(db: &TestDb) {
    let owner = Owner::of(db).await;
    post(db, &["a", "b", "c"]).await;
    seal_some(&db.db, SCHOOL).await;
    let all = batches(&owner).await;
    list_again(&owner, 1, &all[..2]).await;
    assert_eq!(broken_batches(db).await, HashSet::from([Subject::Batch(all[2])]));
    reverified(db, "BROKEN: a batch is neither sealed nor waiting");
}

/// What docs/reverify.py says of the database: nothing is broken, or what is.
fn reverified(db: &TestDb, broken: &str) {
    let Some(file) = db.url.strip_prefix("sqlite://") else {
        return;
    };
    let Some(python) = python() else {
        return;
    };
    let file = file.split('?').next().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reverify.py");
    // No room posts what these tests do.
    let output = Command::new(python).arg(script).arg("--ledger").arg(file).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.success(), broken.is_empty(), "{said}");
    assert!(said.starts_with(broken), "{said}");
}
