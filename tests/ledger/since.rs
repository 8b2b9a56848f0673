//! Closing records: what `verify` proves from the newest of them on, and that it reads nothing before.

use crate::ledger::{
    support::{NOW, SCHOOL, account, chance, commit, leg, seal_some, simple, spend, top_up},
    tools::{Owner, history},
};
use onecard::{
    base::{
        crypto::{
            heads::{HeadSigner, TrustedKey},
            keyring::Key32,
        },
        ids::SchoolId,
    },
    ledger::{
        closing::SignedClosing,
        transfer::{Nature, Transfer},
        verify::{Anchor, Law, Report, Subject},
    },
};
use std::collections::BTreeSet;
use testkit::{TestDb, on_each_database};

on_each_database!(
    what_came_after_the_record_is_checked,
    what_came_before_is_not_read,
    a_record_fits_one_history_only,
    a_balance_that_was_changed_is_found,
    debts_are_bounded_by_the_debt_at_the_record,
    bad_records_are_named,
    schools_without_a_record_are_checked_whole,
);

fn signer(byte: u8) -> HeadSigner {
    HeadSigner::derive(&Key32::from_bytes([byte; 32])).unwrap()
}

/// Closes every school of a clean ledger. Answers the lines.
async fn close(db: &TestDb, since: Option<&str>) -> String {
    let report = match since {
        None => testkit::report(&db.db).await,
        Some(lines) => since_of(db, lines).await,
    };
    assert!(report.is_clean(), "{report}");
    let sign = |closing| SignedClosing::sign(&signer(1), closing, NOW).unwrap().to_line() + "\n";
    report.closings.into_iter().map(sign).collect()
}

async fn since_of(db: &TestDb, lines: &str) -> Report {
    let since = Anchor {
        lines: Box::new(lines.as_bytes()),
        trusted: &[TrustedKey::lasting(signer(1).public_key())],
    };
    testkit::report_of(&db.db, None, Some(since)).await
}

async fn some_history(db: &TestDb, test: &str) -> String {
    history(db, &mut chance(test), 40, 3).await;
    // Something that waits while the record is made, of somebody without a debt.
    commit(&db.db, &[top_up("waits", 1000, 70), spend("waits too", 1000, 20)]).await.unwrap();
    close(db, None).await
}

fn broken(report: &Report) -> BTreeSet<Law> {
    report.findings.iter().filter(|f| f.total > 0).map(|f| f.law).collect()
}

async fn what_came_after_the_record_is_checked(db: &TestDb) {
    let lines = some_history(db, "what_came_after_the_record_is_checked").await;
    let report = since_of(db, &lines).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.waiting, 1);
    for n in 0..3 {
        commit(&db.db, &[top_up(&format!("later {n}"), 2, 10)]).await.unwrap();
    }
    assert_eq!(seal_some(&db.db, SCHOOL).await, 4);
    let report = since_of(db, &lines).await;
    assert!(report.is_clean(), "{report}");
    let checked = &report.finding(Law::Transfers).unwrap().checked;
    assert!(checked.starts_with("5 transfers,"), "{report}");
    // The next record begins where this one ended, and says what a record over all time says.
    assert_eq!(close(db, Some(&lines)).await, close(db, None).await);
    // The newest of a file counts.
    let both = lines.clone() + &close(db, Some(&lines)).await;
    let report = since_of(db, &both).await;
    assert!(
        report.finding(Law::Transfers).unwrap().checked.starts_with("0 transfers,"),
        "{report}"
    );

    let owner = Owner::of(db).await;
    let set = "UPDATE leg SET amount_fen = 11 WHERE transfer_id = \
               (SELECT id FROM transfer WHERE reference = 'later 1')";
    assert_eq!(owner.run(set).await, 1);
    let report = since_of(db, &lines).await;
    assert!(broken(&report).contains(&Law::Transfers), "{report}");
    assert!(broken(&report).contains(&Law::Balances), "{report}");
}

async fn what_came_before_is_not_read(db: &TestDb) {
    let lines = some_history(db, "what_came_before_is_not_read").await;
    let owner = Owner::of(db).await;
    let set = "UPDATE transfer SET value_day = value_day + 1 WHERE batch_id = \
               (SELECT batch_id FROM seal WHERE position = 3)";
    assert!(owner.run(set).await > 0);
    assert!(since_of(db, &lines).await.is_clean());
    assert!(!testkit::report(&db.db).await.is_clean());
    // But rows that were added or removed there are missed by their number.
    let gone = "DELETE FROM transfer WHERE batch_id = \
                (SELECT batch_id FROM seal WHERE position = 3)";
    assert!(owner.run(gone).await > 0);
    let report = since_of(db, &lines).await;
    assert!(!report.is_clean(), "{report}");
}

async fn a_record_fits_one_history_only(db: &TestDb) {
    let lines = some_history(db, "a_record_fits_one_history_only").await;
    let owner = Owner::of(db).await;
    seal_some(&db.db, SCHOOL).await;
    let set = "UPDATE leg SET amount_fen = amount_fen + 1 WHERE transfer_id IN \
               (SELECT t.id FROM transfer t JOIN seal s ON s.batch_id = t.batch_id \
                WHERE s.position = 1)";
    assert!(owner.run(set).await > 0);
    owner.rebuild().await;
    assert!(testkit::report(&db.db).await.is_clean());
    let report = since_of(db, &lines).await;
    let found = report.finding(Law::Closing).unwrap();
    assert!(found.total == 1 && found.named[0].what.contains("rebuilt"), "{report}");
}

async fn a_balance_that_was_changed_is_found(db: &TestDb) {
    let lines = some_history(db, "a_balance_that_was_changed_is_found").await;
    let owner = Owner::of(db).await;
    // Not everybody has money, whatever the seed.
    let path = "SELECT path FROM account WHERE path LIKE 'person/%/e_account' \
                ORDER BY balance_fen DESC LIMIT 1";
    let path: String = owner.all(path, vec![]).await[0].try_get_by_index(0).unwrap();
    for (set, back) in [("+ 5", "- 5"), ("- 5", "+ 5")] {
        // On both sides, so that the school still sums to zero.
        let change = |by: &str, of: &str| {
            format!("UPDATE account SET balance_fen = balance_fen {by} WHERE path = '{of}'")
        };
        for (by, of) in [(set, path.as_str()), (back, "clearing/wechat_pay")] {
            assert_eq!(owner.run(&change(by, of)).await, 1);
        }
        let report = since_of(db, &lines).await;
        assert_eq!(broken(&report), BTreeSet::from([Law::Balances]), "{report}");
        let named = &report.finding(Law::Balances).unwrap().named;
        assert_eq!(named[0].subject, Subject::School(SCHOOL));
        for (by, of) in [(back, path.as_str()), (set, "clearing/wechat_pay")] {
            assert_eq!(owner.run(&change(by, of)).await, 1);
        }
    }
    assert!(since_of(db, &lines).await.is_clean());
}

async fn debts_are_bounded_by_the_debt_at_the_record(db: &TestDb) {
    let took = |reference, of, from, fen| {
        let legs = vec![leg(account(from, of), account("canteen", of), fen)];
        simple(reference, Nature::Fact, of, legs)
    };
    // Facts took 60 in all, and ten of it was paid back: in debt by 40.
    let facts = [top_up("a", 1, 10), took("b", 1, "e", 60), top_up("c", 1, 10)];
    commit(&db.db, &facts).await.unwrap();
    seal_some(&db.db, SCHOOL).await;
    let lines = close(db, None).await;
    commit(&db.db, &[took("d", 1, "e", 5)]).await.unwrap();
    seal_some(&db.db, SCHOOL).await;
    assert!(since_of(db, &lines).await.is_clean());
    let owner = Owner::of(db).await;
    owner.run("UPDATE transfer SET nature = 1 WHERE reference = 'd'").await;
    owner.rebuild().await;
    // Over all time facts took 60, and 45 is less; since the record nothing explains the last 5.
    assert!(testkit::report(&db.db).await.is_clean());
    let report = since_of(db, &lines).await;
    assert_eq!(broken(&report), BTreeSet::from([Law::Debts]), "{report}");
}

async fn bad_records_are_named(db: &TestDb) {
    let lines = some_history(db, "bad_records_are_named").await;
    let line = lines.trim_end();
    let position = line.replacen("\"position\":", "\"position\":1", 1);
    let closing = SignedClosing::parse(line).unwrap().closing;
    let stranger = SignedClosing::sign(&signer(2), closing, NOW).unwrap().to_line();
    let all = [line, "", "{}", &position, &stranger].join("\n") + "\n";
    let report = since_of(db, &all).await;
    let named = &report.finding(Law::Closing).unwrap().named;
    let subjects: Vec<_> = named.iter().map(|found| found.subject).collect();
    assert_eq!(subjects, [2, 3, 4, 5].map(Subject::Line), "{report}");
    let report = since_of(db, "").await;
    assert_eq!(report.finding(Law::Closing).unwrap().named[0].subject, Subject::File, "{report}");
}

async fn schools_without_a_record_are_checked_whole(db: &TestDb) {
    let lines = some_history(db, "schools_without_a_record_are_checked_whole").await;
    let other = SchoolId::from_number(2);
    let moved = Transfer { school: other, ..top_up("elsewhere", 3, 10) };
    commit(&db.db, &[moved]).await.unwrap();
    seal_some(&db.db, other).await;
    let report = since_of(db, &lines).await;
    assert!(report.is_clean(), "{report}");
    let owner = Owner::of(db).await;
    owner.run("UPDATE transfer SET value_day = 1 WHERE school_id = 2").await;
    let report = since_of(db, &lines).await;
    assert!(broken(&report).contains(&Law::Transfers), "{report}");
}
