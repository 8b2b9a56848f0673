//! Signed heads: what the chain alone cannot tell, they do.

use crate::ledger::{
    support::{NOW, SCHOOL, chance, commit, proven, seal_some, top_up},
    tools::{Owner, history},
};
use onecard::{
    base::{
        clock::ManualClock,
        crypto::{
            heads::{HeadSigner, TrustedKey},
            keyring::Key32,
        },
    },
    ledger::{
        heads::{HeadLog, SignedHead},
        verify::{Anchor, Checks, Finding, Law, Report, Subject, verify},
    },
};
use std::{collections::HashSet, fs, path::Path, sync::Arc, time::Duration};
use testkit::{TestDb, on_each_empty_database};

on_each_empty_database!(
    signed_heads_are_in_the_history,
    heads_are_signed_when_they_move,
    a_rebuilt_history_is_named,
    a_cut_history_is_named,
    bad_lines_are_named,
    a_retired_key_is_trusted_up_to_its_position,
);

fn signer(byte: u8) -> HeadSigner {
    HeadSigner::derive(&Key32::from_bytes([byte; 32])).unwrap()
}

fn trusted(byte: u8) -> TrustedKey {
    TrustedKey::lasting(signer(byte).public_key())
}

fn log(db: &TestDb, path: &Path) -> HeadLog {
    HeadLog::new(db.db.clone(), Arc::new(ManualClock::new(NOW)), signer(1), path.to_owned())
}

async fn anchored(db: &TestDb, lines: &str) -> Report {
    let anchor = Anchor { lines: Box::new(lines.as_bytes()), trusted: &[trusted(1)] };
    testkit::report_of(&db.db, Some(anchor), None).await
}

fn anchor_of(report: &Report) -> &Finding {
    report.finding(Law::Anchor).unwrap()
}

/// Some batches, sealed and signed twice on the way. Answers the lines.
async fn signed_history(db: &TestDb) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heads.jsonl");
    let (mut log, mut chance) = (log(db, &path), chance("signed_history"));
    history(db, &mut chance, 30, 3).await;
    assert_eq!(log.sign().await.unwrap().len(), 1);
    for n in 0..5 {
        commit(&db.db, &[top_up(&format!("later {n}"), 1, 10)]).await.unwrap();
        assert_eq!(seal_some(&db.db, SCHOOL).await, 1);
    }
    assert_eq!(log.sign().await.unwrap().len(), 1);
    fs::read_to_string(&path).unwrap()
}

async fn signed_heads_are_in_the_history(db: &TestDb) {
    let lines = signed_history(db).await;
    let report = anchored(db, &lines).await;
    assert!(report.is_clean(), "{report}");
    let end = report.reaches[0].head.position;
    let checked = format!("2 heads, school 1 up to seal {end}");
    assert_eq!(anchor_of(&report).checked, checked);
    assert!(proven(&db.db).await.finding(Law::Anchor).is_none());
}

async fn heads_are_signed_when_they_move(db: &TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept/heads.jsonl");
    let clock = Arc::new(ManualClock::new(NOW));
    let mut log = HeadLog::new(db.db.clone(), clock.clone(), signer(1), path.clone());
    assert_eq!(log.sign().await.unwrap(), []);
    assert!(!path.exists());
    for n in 1..=3 {
        commit(&db.db, &[top_up(&n.to_string(), 1, 10)]).await.unwrap();
        assert_eq!(log.sign().await.unwrap(), [], "not sealed yet");
        assert_eq!(seal_some(&db.db, SCHOOL).await, 1);
        clock.advance(Duration::from_millis(60_400));
        let heads = log.sign().await.unwrap();
        assert_eq!(
            heads.iter().map(|h| (h.school, h.head.position)).collect::<Vec<_>>(),
            [(SCHOOL, n)]
        );
        assert_eq!(log.sign().await.unwrap(), [], "signed already");
    }
    let text = fs::read_to_string(&path).unwrap();
    let heads: Vec<_> = text.lines().map(|line| SignedHead::parse(line).unwrap()).collect();
    assert_eq!(heads.len(), 3);
    for head in heads {
        assert_eq!(SignedHead::parse(&head.to_line()), Ok(head.clone()));
        assert!(head.verify(&[trusted(2), trusted(1)]).is_ok());
        assert!(head.verify(&[trusted(2)]).is_err());
        assert!(head.verify(&[]).is_err());
    }
}

async fn a_rebuilt_history_is_named(db: &TestDb) {
    let lines = signed_history(db).await;
    let owner = Owner::of(db).await;
    let later = owner.all("SELECT id FROM transfer WHERE reference = 'later 2'", vec![]).await;
    let id: uuid::Uuid = later[0].try_get_by_index(0).unwrap();
    let raised = "UPDATE leg SET amount_fen = 1000000 WHERE transfer_id = $1";
    owner.all(raised, vec![id.into()]).await;
    assert!(!testkit::report(&db.db).await.is_clean());
    owner.rebuild().await;
    proven(&db.db).await;

    let report = anchored(db, &lines).await;
    let found = anchor_of(&report);
    let heads: Vec<_> = lines.lines().map(|line| SignedHead::parse(line).unwrap()).collect();
    let second = Subject::Seal { school: SCHOOL, position: heads[1].head.position };
    assert_eq!(found.named.iter().map(|b| b.subject).collect::<Vec<_>>(), [second], "{report}");
    assert!(found.named[0].what.contains("rebuilt"), "{report}");
    assert_eq!(report.findings.iter().filter(|f| f.total > 0).count(), 1);
}

async fn a_cut_history_is_named(db: &TestDb) {
    let lines = signed_history(db).await;
    let owner = Owner::of(db).await;
    owner.cut().await;
    proven(&db.db).await;

    let report = anchored(db, &lines).await;
    let found = anchor_of(&report);
    assert_eq!(found.total, 1, "{report}");
    assert!(found.named[0].what.contains("cut"), "{report}");

    // Filled up again with something else, it is as long as it was, and not the same.
    commit(&db.db, &[top_up("another", 2, 10)]).await.unwrap();
    assert_eq!(seal_some(&db.db, SCHOOL).await, 1);
    proven(&db.db).await;
    let report = anchored(db, &lines).await;
    assert!(anchor_of(&report).named[0].what.contains("rebuilt"), "{report}");
}

async fn bad_lines_are_named(db: &TestDb) {
    let lines = signed_history(db).await;
    let good: Vec<&str> = lines.lines().collect();
    let head = SignedHead::parse(good[1]).unwrap();
    let mut flipped = head.clone();
    flipped.signature[7] ^= 1;
    let stranger = SignedHead::sign(&signer(2), SCHOOL, head.head, NOW).unwrap();
    let mut posing = stranger.clone();
    posing.public_key = signer(1).public_key();
    let mut elsewhere = head.clone();
    elsewhere.head.position -= 1;
    let mut later = head.clone();
    later.at = later.at.plus(Duration::from_secs(1));
    let bad = [flipped, stranger, posing, elsewhere, later].map(|head| head.to_line());
    let truncated = good[1][..good[1].len() - 3].to_owned();
    let extra = good[1].replace('{', "{\"x\":1,");
    let all: Vec<&str> = [good[0], "", "{}", &truncated, &extra, good[1]]
        .into_iter()
        .chain(bad.iter().map(String::as_str))
        .collect();
    let report = anchored(db, &format!("{}\n", all.join("\n"))).await;
    let named: HashSet<_> = anchor_of(&report).named.iter().map(|b| b.subject).collect();
    let expected = [2, 3, 4, 5, 7, 8, 9, 10, 11].map(Subject::Line);
    assert_eq!(named, HashSet::from(expected), "{report}");

    for nothing in ["", &good[0][..20]] {
        let report = anchored(db, nothing).await;
        assert_eq!(anchor_of(&report).named[0].subject, Subject::File, "{report}");
        assert_eq!(anchor_of(&report).total, 1);
    }
    let endless = "x".repeat(5000);
    let anchor = Anchor { lines: Box::new(endless.as_bytes()), trusted: &[] };
    let checks = Checks { anchor: Some(anchor), ..Checks::default() };
    assert!(verify(&db.db, checks, &mut |_| ()).await.is_err());
}

/// Heads of a key that was replaced stay good up to the position at which it was, and not beyond.
async fn a_retired_key_is_trusted_up_to_its_position(db: &TestDb) {
    let lines = signed_history(db).await;
    let positions: Vec<i64> =
        lines.lines().map(|line| SignedHead::parse(line).unwrap().head.position).collect();
    assert!(positions[0] < positions[1]);
    for (until, broken) in [(positions[1], 0), (positions[1] - 1, 1), (positions[0] - 1, 2)] {
        let retired = TrustedKey { until_position: Some(until), ..trusted(1) };
        let keys = [trusted(2), retired];
        let anchor = Anchor { lines: Box::new(lines.as_bytes()), trusted: &keys };
        let report = testkit::report_of(&db.db, Some(anchor), None).await;
        let found = anchor_of(&report);
        assert_eq!(found.total, broken, "{until}: {report}");
        let told = |what: &str| what.contains("ledger.trusted_heads");
        assert!(found.named.iter().all(|broken| told(&broken.what)), "{report}");
    }
}
