//! Random postings against the model: the same answers, the same balances, and every law holds.

use crate::ledger::{
    model::{Act, Answer, Model},
    support::{chance, commit, long_run, proven, seal_some},
};
use onecard::{
    base::{db::Db, ids::SchoolId, money::Balance},
    ledger::{
        account::Account,
        balances::{person_balances, school_balance},
        transfer::Transfer,
        verify::Law,
    },
};
use proptest::{
    collection::vec,
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use rand::{RngExt, rngs::StdRng};
use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};
use testkit::{TestDb, on_each_empty_database};

const CASES: i64 = 40;
const SHRINKS: usize = 200;
/// How far back repeats reach.
const RECENT: usize = 1000;
/// Of the long test: postings, persons, and postings in a commit.
const LONG: (u32, u16, usize) = (1_000_000, 2000, 64);
const SHORT: (u32, u16, usize) = (3_000, 40, 64);

on_each_empty_database!(small_books_match_the_model, one_large_book_matches_the_model);

/// A case is a list of commits; one after which the school is sealed is marked.
type Case = Vec<(Vec<Act>, bool)>;

async fn small_books_match_the_model(db: &TestDb) {
    let seed: [u8; 32] = chance("small_books_match_the_model").random();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let cases = vec((vec(Act::strategy(3, 30), 1..12), proptest::bool::ANY), 1..10);
    let mut school = 0;
    for _ in 0..CASES {
        let mut tree = cases.new_tree(&mut runner).unwrap();
        school += 1;
        let Err(mut why) = play(&db.db, school, &tree.current()).await else { continue };
        let mut smallest = tree.current();
        for _ in 0..SHRINKS {
            school += 1;
            match play(&db.db, school, &tree.current()).await {
                Err(again) => {
                    (why, smallest) = (again, tree.current());
                    if !tree.simplify() {
                        break;
                    }
                }
                Ok(()) if tree.complicate() => {}
                Ok(()) => break,
            }
        }
        panic!("{why}\nin {smallest:#?}");
    }
    proven(&db.db).await;
}

/// Plays a case in a school of its own.
async fn play(db: &Db, school: i64, case: &Case) -> Result<(), String> {
    let (id, first) = (SchoolId::from_number(school), u64::try_from(school).unwrap() * 1000);
    let mut model = Model::default();
    for (acts, seals) in case {
        let transfers: Vec<_> = acts.iter().map(|act| act.transfer(id, first)).collect();
        let expected: Vec<_> = transfers.iter().map(|transfer| model.post(transfer)).collect();
        let outcomes = commit(db, &transfers).await.map_err(|error| error.to_string())?;
        let found: Vec<_> = outcomes.iter().map(Answer::of).collect();
        if found != expected {
            return Err(format!("answers {found:?}, the model {expected:?}"));
        }
        if *seals {
            seal_some(db, id).await;
        }
    }
    same_balances(db, id, &model).await
}

async fn same_balances(db: &Db, school: SchoolId, model: &Model) -> Result<(), String> {
    for (person, expected) in model.persons() {
        let found = person_balances(db, school, person).await.unwrap();
        let parts = [found.card, found.transition, found.e_account].map(Balance::get);
        if parts != expected {
            return Err(format!("{person} has {parts:?}, in the model {expected:?}"));
        }
    }
    for (account, expected) in model.school() {
        let Account::School(account) = account else { panic!("{account:?} is not the school's") };
        let found = school_balance(db, school, account).await.unwrap().get();
        if found != expected {
            return Err(format!("{account:?} has {found}, in the model {expected}"));
        }
    }
    Ok(())
}

/// One in fifty is a repeat of a recent one, and one in fifty only has its reference.
fn again(chance: &mut StdRng, recent: &VecDeque<Transfer>, fresh: Transfer) -> Transfer {
    let (dice, past) = (chance.random_range(0..50), chance.random_range(0..RECENT));
    match (dice, recent.get(past)) {
        (0, Some(past)) => past.clone(),
        (1, Some(past)) => Transfer { reference: past.reference.clone(), ..fresh },
        _ => fresh,
    }
}

async fn one_large_book_matches_the_model(db: &TestDb) {
    let mut chance = chance("one_large_book_matches_the_model");
    let (postings, persons, batch) = if long_run() { LONG } else { SHORT };
    let (school, mut model, mut counts) =
        (SchoolId::from_number(1), Model::default(), HashMap::<Answer, u32>::new());
    let (mut next, mut batches, started) = (0, 0, Instant::now());
    let mut recent: VecDeque<Transfer> = VecDeque::new();
    while next < postings {
        let mut transfers = Vec::new();
        for _ in 0..chance.random_range(1..=batch) {
            let act = Act::random(&mut chance, persons, next).transfer(school, 0);
            transfers.push(again(&mut chance, &recent, act));
            next += 1;
        }
        recent.extend(transfers.iter().cloned());
        recent.drain(..recent.len().saturating_sub(RECENT));
        let expected: Vec<_> = transfers.iter().map(|transfer| model.post(transfer)).collect();
        let outcomes = commit(&db.db, &transfers).await.unwrap();
        let found: Vec<_> = outcomes.iter().map(Answer::of).collect();
        assert_eq!(found, expected, "batch {batches}");
        for answer in found {
            *counts.entry(answer).or_default() += 1;
        }
        batches += 1;
        if batches % 50 == 0 {
            seal_some(&db.db, school).await;
        }
    }
    let posted = started.elapsed();
    same_balances(&db.db, school, &model).await.unwrap();
    let started = Instant::now();
    let report = proven(&db.db).await;
    println!(
        "{postings} postings in {posted:.1?}: {counts:?}; verified in {:.1?}",
        started.elapsed()
    );
    println!("{report}");
    let transfers = &report.finding(Law::Transfers).unwrap().checked;
    let new = counts[&Answer::New].to_string();
    assert!(transfers.replace(',', "").starts_with(&format!("{new} transfers")), "{transfers}");
    assert_eq!(counts.len(), 4, "every answer occurs: {counts:?}");
}
