//! Whatever is altered in the sealed history, `verify` names it.

use crate::ledger::{
    support::{
        SCHOOL, account, chance, commit, leg, long_run, person, proven, seal_some, simple, top_up,
    },
    tools::{LEG, Owner, SEAL, Sort, TRANSFER, history},
};
use onecard::ledger::{
    transfer::{Nature, Transfer, TransferId},
    verify::{Law, Report, Subject},
};
use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use sea_orm::Value;
use std::collections::{BTreeMap, HashSet};
use testkit::{TestDb, on_each_empty_database};
use uuid::Uuid;

on_each_empty_database!(
    every_column_of_every_table_is_proven,
    an_altered_seal_is_named_alone,
    all_of_many_flipped_bits_are_named,
    deleted_rows_are_named,
    added_rows_are_named,
    altered_balances_are_named,
    altered_accounts_are_named,
    a_moved_head_is_named,
    nobody_is_somebody,
    each_layer_is_proven,
    a_debt_without_facts_is_named,
);

async fn report(db: &TestDb) -> Report {
    testkit::report(&db.db).await
}

fn subjects(report: &Report) -> HashSet<Subject> {
    report.findings.iter().flat_map(|f| &f.named).map(|found| found.subject).collect()
}

/// The laws that are broken.
fn broken(report: &Report) -> Vec<Law> {
    report.findings.iter().filter(|f| f.total > 0).map(|f| f.law).collect()
}

fn seal_at(position: i64) -> Subject {
    Subject::Seal { school: SCHOOL, position }
}

/// A row of the history to be altered, and who must then be named.
#[derive(Clone, Debug)]
struct Target {
    table: &'static str,
    key: Vec<Value>,
    subject: Subject,
}

fn transfer_row(id: Uuid) -> Target {
    let subject = Subject::Transfer(TransferId::from_uuid(id));
    Target { table: "transfer", key: vec![id.into()], subject }
}

fn leg_row(id: Uuid) -> Target {
    Target { table: "leg", key: vec![id.into(), 0.into()], ..transfer_row(id) }
}

fn seal_row(position: i64) -> Target {
    let key = vec![SCHOOL.number().into(), position.into()];
    Target { table: "seal", key, subject: seal_at(position) }
}

/// Is it named, by what it was or, where the key itself was altered, by what it is now?
fn is_named(target: &Target, now: &HashSet<Subject>) -> bool {
    let lost = |found: &Subject| match (found, target.subject) {
        (Subject::Seals { school, first, last }, Subject::Seal { school: of, position }) => {
            *school == of && (*first..=*last).contains(&position)
        }
        (found, wanted) => *found == wanted,
    };
    now.iter().any(lost)
}

fn columns_of(table: &str) -> &'static [(&'static str, Sort)] {
    match table {
        "transfer" => &TRANSFER,
        "leg" => &LEG,
        "seal" => &SEAL,
        other => panic!("no history in {other}"),
    }
}

/// False where the column takes no flipped bit at all, because it is NULL.
async fn flip_until_taken(
    owner: &Owner,
    chance: &mut StdRng,
    target: &Target,
    column: (&str, Sort),
) -> bool {
    for _ in 0..100 {
        if owner.flip(chance, target.table, column, &target.key).await {
            return true;
        }
    }
    false
}

/// One flip in every column of every table, each in a row of its own.
async fn every_column_of_every_table_is_proven(db: &TestDb) {
    let mut chance = chance("every_column_of_every_table_is_proven");
    let seals = history(db, &mut chance, 120, 3).await;
    proven(&db.db).await;
    let owner = Owner::of(db).await;
    let mut transfers = of_persons(&owner).await;
    let mut seals: Vec<i64> = (1..=i64::try_from(seals).unwrap()).collect();
    transfers.shuffle(&mut chance);
    seals.shuffle(&mut chance);
    for table in ["transfer", "leg", "seal"] {
        for column in columns_of(table) {
            let target = match table {
                "transfer" => transfer_row(transfers.pop().unwrap()),
                "leg" => leg_row(transfers.pop().unwrap()),
                _ => seal_row(seals.pop().unwrap()),
            };
            let before = subjects(&report(db).await);
            assert!(flip_until_taken(&owner, &mut chance, &target, *column).await);
            let now = report(db).await;
            let fresh: HashSet<_> = subjects(&now).difference(&before).copied().collect();
            let key_altered = *column == TRANSFER[0];
            assert!(
                is_named(&target, &fresh)
                    || before.contains(&target.subject)
                    || (key_altered && !fresh.is_empty()),
                "{table}.{}: {target:?} is not among {fresh:?}",
                column.0
            );
        }
    }
}

/// Transfers that have a person, so that no column is NULL.
async fn of_persons(owner: &Owner) -> Vec<Uuid> {
    let sql = "SELECT id FROM transfer WHERE person_id IS NOT NULL ORDER BY batch_id, ordinal";
    owner.all(sql, vec![]).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn an_altered_seal_is_named_alone(db: &TestDb) {
    let mut chance = chance("an_altered_seal_is_named_alone");
    // At most nine postings have one seal: there are fourteen or more.
    let seals = i64::try_from(history(db, &mut chance, 120, 3).await).unwrap();
    let owner = Owner::of(db).await;
    let mut altered = HashSet::new();
    // Every third but the last: neighbours stay whole.
    for (position, column) in (1..seals).step_by(3).zip(SEAL[2..].iter().cycle()) {
        assert!(flip_until_taken(&owner, &mut chance, &seal_row(position), *column).await);
        altered.insert(seal_at(position));
        let report = report(db).await;
        let named = &report.finding(Law::Chain).unwrap().named;
        assert_eq!(named.iter().map(|found| found.subject).collect::<HashSet<_>>(), altered);
        assert_eq!(named.len(), altered.len());
    }
    assert!(altered.len() >= 5, "{} columns", altered.len());
}

/// All at once, each in a row of its own.
async fn all_of_many_flipped_bits_are_named(db: &TestDb) {
    let flips = if long_run() { 1000 } else { 200 };
    let mut chance = chance("all_of_many_flipped_bits_are_named");
    let seals = history(db, &mut chance, flips * 2, 2).await;
    proven(&db.db).await;
    let owner = Owner::of(db).await;
    let mut targets = Vec::new();
    for id in owner.transfers().await {
        targets.push(if chance.random() { transfer_row(id) } else { leg_row(id) });
    }
    targets.extend((1..=i64::try_from(seals).unwrap()).map(seal_row));
    targets.shuffle(&mut chance);
    let (mut flipped, mut by_column) = (Vec::new(), BTreeMap::new());
    let mut turns = BTreeMap::new();
    for target in targets.into_iter().take(usize::try_from(flips).unwrap()) {
        // Columns in turn, so that each has its share; a NULL leaves its turn to the next.
        let turns =
            turns.entry(target.table).or_insert_with(|| columns_of(target.table).iter().cycle());
        let column = loop {
            let column = *turns.next().unwrap();
            if flip_until_taken(&owner, &mut chance, &target, column).await {
                break column;
            }
        };
        *by_column.entry(format!("{}.{}", target.table, column.0)).or_insert(0) += 1;
        flipped.push((target, column));
    }
    let report = report(db).await;
    let named = subjects(&report);
    let orphans = new_ids(&owner).await;
    let (renamed, kept): (Vec<_>, Vec<_>) =
        flipped.iter().partition(|(t, column)| t.table == "transfer" && column.0 == "id");
    let missed: Vec<_> = kept.iter().filter(|(target, _)| !is_named(target, &named)).collect();
    println!("{} flipped bits, {} not named; {by_column:?}", flipped.len(), missed.len());
    assert!(missed.is_empty(), "{missed:#?}\n{report}");
    assert!(orphans.len() >= renamed.len());
    assert!(orphans.iter().all(|id| named.contains(&Subject::Transfer(*id))));
    assert_eq!(flipped.len(), usize::try_from(flips).unwrap());
    assert_eq!(by_column.len(), TRANSFER.len() + LEG.len() + SEAL.len(), "every column");
}

/// Transfers without legs: those whose id was altered.
async fn new_ids(owner: &Owner) -> Vec<TransferId> {
    let sql = "SELECT id FROM transfer t WHERE NOT EXISTS \
               (SELECT 1 FROM leg l WHERE l.transfer_id = t.id)";
    let rows = owner.all(sql, vec![]).await;
    rows.iter().map(|row| TransferId::from_uuid(row.try_get_by_index(0).unwrap())).collect()
}

async fn deleted_rows_are_named(db: &TestDb) {
    let mut chance = chance("deleted_rows_are_named");
    let seals = i64::try_from(history(db, &mut chance, 60, 3).await).unwrap();
    let owner = Owner::of(db).await;
    let transfers = owner.transfers().await;
    let (leg, transfer) = (transfers[10], transfers[30]);
    let first = "DELETE FROM leg WHERE transfer_id = $1 AND ordinal = 0";
    owner.all(first, vec![leg.into()]).await;
    let now = report(db).await;
    assert!(now.finding(Law::Transfers).unwrap().named[0].subject == transfer_row(leg).subject);
    assert!(broken(&now).contains(&Law::Balances), "{now}");

    let batch = owner.record(transfer).await.batch;
    owner.all("DELETE FROM transfer WHERE id = $1", vec![transfer.into()]).await;
    let now = subjects(&report(db).await);
    let seal = seal_at(owner.position_of(batch).await);
    assert!(now.contains(&transfer_row(transfer).subject) && now.contains(&seal));

    assert_eq!(owner.run("DELETE FROM seal WHERE position = 5").await, 1);
    let now = report(db).await;
    let gap = Subject::Seals { school: SCHOOL, first: 5, last: 5 };
    let chain = subjects_of(&now, Law::Chain);
    assert_eq!(chain, HashSet::from([gap, seal_at(6)]), "{now}");

    owner.run(&format!("DELETE FROM seal WHERE position = {seals}")).await;
    let now = report(db).await;
    let end = Subject::Seals { school: SCHOOL, first: seals, last: seals };
    let named = HashSet::from([gap, seal_at(6), end, Subject::Head(SCHOOL)]);
    assert_eq!(subjects_of(&now, Law::Chain), named, "{now}");

    owner.run("DELETE FROM seal_head").await;
    let now = report(db).await;
    assert!(subjects_of(&now, Law::Chain).contains(&Subject::Head(SCHOOL)), "{now}");
}

fn subjects_of(report: &Report, law: Law) -> HashSet<Subject> {
    report.finding(law).unwrap().named.iter().map(|found| found.subject).collect()
}

async fn added_rows_are_named(db: &TestDb) {
    let mut chance = chance("added_rows_are_named");
    history(db, &mut chance, 30, 3).await;
    let owner = Owner::of(db).await;
    let stray = Uuid::from_u128(7);
    let account = owner.record(owner.transfers().await[0]).await.legs[0];
    let leg = "INSERT INTO leg VALUES ($1, 0, $2, $3, 1)";
    let ends: [Value; 2] = [account.from.uuid().into(), account.to.uuid().into()];
    owner.all(leg, [&[stray.into()], &ends[..]].concat()).await;
    let now = report(db).await;
    assert_eq!(subjects(&now), HashSet::from([transfer_row(stray).subject]), "{now}");

    let digest = Value::from(vec![0_u8; 32]);
    let waiting = "INSERT INTO unsealed VALUES ($1, 1, 1, $2)";
    owner.all(waiting, vec![stray.into(), digest]).await;
    let now = report(db).await;
    assert!(subjects_of(&now, Law::Batches).contains(&Subject::Batch(stray)), "{now}");
    assert_eq!(now.waiting, 1);

    let sealed = owner.all("SELECT batch_id, digest FROM seal WHERE position = 2", vec![]).await;
    let id: Uuid = sealed[0].try_get_by_index(0).unwrap();
    let digest: Vec<u8> = sealed[0].try_get_by_index(1).unwrap();
    owner.all(waiting, vec![id.into(), digest.into()]).await;
    let now = report(db).await;
    assert!(subjects_of(&now, Law::Batches).contains(&Subject::Batch(id)), "{now}");

    let tail = "INSERT INTO tail VALUES ($1, $2, 5)";
    owner.all(tail, vec![Uuid::from_u128(8).into(), ends[0].clone()]).await;
    let now = report(db).await;
    let batch = Subject::Batch(Uuid::from_u128(8));
    let ends = Subject::Account(account.from.uuid());
    assert!(subjects_of(&now, Law::Balances).is_superset(&HashSet::from([batch, ends])), "{now}");
    assert!(broken(&now).contains(&Law::ZeroSum), "{now}");
}

/// Whoever alters a row and all that is derived from it, up to some layer, is found by the next.
async fn each_layer_is_proven(db: &TestDb) {
    for n in 0..6 {
        commit(&db.db, &[top_up(&format!("a{n}"), 1, 5), top_up(&format!("b{n}"), 2, 5)])
            .await
            .unwrap();
    }
    seal_some(&db.db, SCHOOL).await;
    let owner = Owner::of(db).await;
    let id = owner.transfers().await[4];
    let batch = owner.record(id).await.batch;
    owner.all("UPDATE leg SET amount_fen = 6 WHERE transfer_id = $1", vec![id.into()]).await;
    owner.rebalance().await;
    assert_eq!(subjects(&report(db).await), HashSet::from([transfer_row(id).subject]));
    owner.redigest().await;
    let position = owner.position_of(batch).await;
    for law in [Law::Batches, Law::Chain] {
        let now = report(db).await;
        assert_eq!(subjects(&now), HashSet::from([seal_at(position)]), "{now}");
        assert_eq!(broken(&now), [law], "{now}");
        owner.reseal_only(position).await;
    }
    owner.rebuild().await;
    proven(&db.db).await;
}

async fn a_debt_without_facts_is_named(db: &TestDb) {
    let took = |reference, of, from| {
        let legs = vec![leg(account(from, of), account("canteen", of), 50)];
        simple(reference, Nature::Fact, of, legs)
    };
    let facts =
        [top_up("a", 1, 10), took("b", 1, "card1"), took("c", 2, "hold"), took("d", 3, "e")];
    commit(&db.db, &facts).await.unwrap();
    seal_some(&db.db, SCHOOL).await;
    proven(&db.db).await;
    let owner = Owner::of(db).await;
    owner.run("UPDATE transfer SET nature = 1 WHERE reference IN ('b', 'c')").await;
    owner.rebuild().await;
    let now = report(db).await;
    let hold = account("hold", 2).row(SCHOOL, Some(person(2))).unwrap().id.uuid();
    let expected = HashSet::from([Subject::Person(person(1)), Subject::Account(hold)]);
    assert_eq!(subjects_of(&now, Law::Debts), expected, "{now}");
    assert_eq!(broken(&now), [Law::Debts], "{now}");
}

async fn altered_balances_are_named(db: &TestDb) {
    let mut chance = chance("altered_balances_are_named");
    history(db, &mut chance, 60, 3).await;
    let owner = Owner::of(db).await;
    let rows = owner.all("SELECT id FROM account ORDER BY id", vec![]).await;
    for row in rows {
        let id: Uuid = row.try_get_by_index(0).unwrap();
        let set = "UPDATE account SET balance_fen = balance_fen + $1 WHERE id = $2";
        owner.all(set, vec![1_i64.into(), id.into()]).await;
        let now = report(db).await;
        assert_eq!(
            subjects_of(&now, Law::Balances),
            HashSet::from([Subject::Account(id)]),
            "{now}"
        );
        let school = HashSet::from([Subject::School(SCHOOL)]);
        assert_eq!(subjects_of(&now, Law::ZeroSum), school, "{now}");
        owner.all(set, vec![(-1_i64).into(), id.into()]).await;
    }
    proven(&db.db).await;
}

async fn altered_accounts_are_named(db: &TestDb) {
    let mut chance = chance("altered_accounts_are_named");
    history(db, &mut chance, 60, 3).await;
    let owner = Owner::of(db).await;
    // A card's path does not say whose it is; the transfers that moved it do.
    let card = "SELECT a.id FROM account a JOIN leg l ON l.to_account = a.id \
                WHERE a.path LIKE 'card/%' ORDER BY a.id";
    let card: Uuid = owner.all(card, vec![]).await[0].try_get_by_index(0).unwrap();
    let give = "UPDATE account SET person_id = $1 WHERE id = $2";
    owner.all(give, vec![Uuid::from_u128(9).into(), card.into()]).await;
    assert_account_is_mentioned(&report(db).await, card);

    let of_person = "SELECT id FROM account WHERE path LIKE 'person/%' ORDER BY id";
    let rows = owner.all(of_person, vec![]).await;
    let alterations: [(&str, Value); 4] = [
        ("class", 3.into()),
        ("school_id", 2_i64.into()),
        ("person_id", Uuid::from_u128(9).into()),
        ("path", "person/nobody/e_account".into()),
    ];
    let mut altered = HashSet::new();
    for (row, (column, value)) in rows.iter().zip(alterations) {
        let id: Uuid = row.try_get_by_index(0).unwrap();
        let set = format!("UPDATE account SET {column} = $1 WHERE id = $2");
        owner.all(&set, vec![value, id.into()]).await;
        altered.insert(Subject::Account(id));
        let now = report(db).await;
        let named = subjects_of(&now, Law::Accounts);
        assert!(named.is_superset(&altered), "{column}: {now}");
    }
    let touched = owner.all("SELECT from_account FROM leg ORDER BY from_account", vec![]).await;
    let gone: Uuid = touched[0].try_get_by_index(0).unwrap();
    owner.all("DELETE FROM account WHERE id = $1", vec![gone.into()]).await;
    assert_account_is_mentioned(&report(db).await, gone);
}

/// A transfer is named that moves the account.
fn assert_account_is_mentioned(report: &Report, id: Uuid) {
    let named = &report.finding(Law::Accounts).unwrap().named;
    assert!(named.iter().any(|found| found.what.contains(&id.to_string())), "{report}");
}

async fn a_moved_head_is_named(db: &TestDb) {
    let mut chance = chance("a_moved_head_is_named");
    history(db, &mut chance, 20, 3).await;
    let owner = Owner::of(db).await;
    for alteration in ["position = position - 1", "position = position + 1"] {
        owner.run(&format!("UPDATE seal_head SET {alteration}")).await;
        let now = report(db).await;
        let named = subjects(&now);
        let expected = if alteration.contains('-') { vec![Subject::Head(SCHOOL)] } else { vec![] };
        assert_eq!(named, expected.into_iter().collect(), "{now}");
    }
    let end = report(db).await.reaches[0].head;
    owner.end_chain_at(end.position, [7; 32]).await;
    assert_eq!(subjects(&report(db).await), HashSet::from([Subject::Head(SCHOOL)]));
}

/// No person and the nil id have the same digest.
async fn nobody_is_somebody(db: &TestDb) {
    let unclaimed = vec![leg(account("wechat", 0), account("suspense", 0), 5)];
    let transfer = simple("unclaimed", Nature::Fact, 0, unclaimed);
    commit(&db.db, &[Transfer { person: None, ..transfer }]).await.unwrap();
    let owner = Owner::of(db).await;
    let rows = owner.all("SELECT id FROM transfer WHERE reference = 'unclaimed'", vec![]).await;
    let id: Uuid = rows[0].try_get_by_index(0).unwrap();
    let set = "UPDATE transfer SET person_id = $1 WHERE id = $2";
    owner.all(set, vec![Uuid::nil().into(), id.into()]).await;
    assert_eq!(subjects(&report(db).await), HashSet::from([transfer_row(id).subject]));
}
