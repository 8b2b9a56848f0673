//! Many at once: nothing lost, nothing doubled, nothing stuck.

use crate::ledger::support::{
    SCHOOL, account, commit, lanes, leg, person, proven, seal_some, simple, spend, top_up,
};
use futures_util::future::{join, join_all};
use onecard::{
    base::{db::Db, lane::LaneError},
    ledger::{
        LedgerError, Outcome, Posted, Refusal,
        account::{Name, SchoolAccount},
        balances::{person_balances, school_balance},
        transfer::{BadTransfer, Nature, Transfer},
    },
};
use std::{
    cell::Cell,
    collections::{BTreeSet, HashSet},
};
use testkit::{TestDb, on_each_empty_database};

on_each_empty_database!(
    one_reference_posts_once_in_many_transactions,
    one_reference_posts_once_through_lanes,
    a_refusal_does_not_affect_the_batch,
    lanes_that_share_persons_lose_nothing,
    new_persons_in_opposite_order,
    several_sealers_make_one_chain,
    a_hot_balance_is_whole_while_sealing,
);

/// Exactly one is new, all name it.
fn assert_posted_once(outcomes: &[Outcome]) {
    let new = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Posted::New(_)))).count();
    let ids: HashSet<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(Posted::New(id) | Posted::Replayed(id)) => *id,
            Err(refusal) => panic!("{refusal}"),
        })
        .collect();
    assert_eq!((new, ids.len()), (1, 1), "of {}", outcomes.len());
}

async fn one_reference_posts_once_in_many_transactions(db: &TestDb) {
    let nobody = Transfer {
        person: None,
        legs: vec![leg(account("wechat", 0), account("suspense", 0), 5000)],
        ..top_up("nobody's", 1, 1)
    };
    for transfer in [top_up("a person's", 1, 5000), nobody] {
        let posts = (0..64).map(|_| commit(&db.db, std::slice::from_ref(&transfer)));
        let outcomes: Result<Vec<_>, _> = join_all(posts).await.into_iter().collect();
        assert_posted_once(&outcomes.unwrap().concat());
    }
    assert_eq!(balance(&db.db, 1).await, 5000);
    proven(&db.db).await;
}

async fn one_reference_posts_once_through_lanes(db: &TestDb) {
    let lanes = lanes(&db.db, 4);
    let posts = (0..64).map(|_| lanes.submit(top_up("one", 1, 5000)));
    for posted in join_all(posts).await {
        posted.unwrap().unwrap();
    }
    // Under locks, it is named.
    let again = commit(&db.db, &[top_up("one", 1, 5000)]).await.unwrap();
    assert!(matches!(again[..], [Ok(Posted::Replayed(_))]), "{again:?}");
    assert_eq!(balance(&db.db, 1).await, 5000);
    proven(&db.db).await;
}

async fn a_refusal_does_not_affect_the_batch(db: &TestDb) {
    commit(&db.db, &[top_up("start", 1, 100)]).await.unwrap();
    let lanes = lanes(&db.db, 1);
    let posts = (0..64).map(|n| {
        let transfer = match n % 4 {
            0 => spend(&format!("spend {n}"), 1, 1),
            1 => spend(&format!("too much {n}"), 1, 1000),
            2 => Transfer { legs: vec![], ..spend(&format!("broken {n}"), 1, 1) },
            _ => top_up(&format!("top-up {n}"), 2, 10),
        };
        let lanes = &lanes;
        async move { (n % 4, lanes.submit(transfer).await) }
    });
    for (sort, answer) in join_all(posts).await {
        match (sort, answer) {
            (0 | 3, Ok(Ok(())))
            | (1, Ok(Err(Refusal::Insufficient)))
            | (2, Err(LaneError::Failed(LedgerError::Bad(BadTransfer::Legs)))) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((balance(&db.db, 1).await, balance(&db.db, 2).await), (100 - 16, 160));
    proven(&db.db).await;
}

/// Every person has 100 fen; 150 spends of one fen each are tried at each of six persons, from
/// four lanes and from transactions beside them.
async fn lanes_that_share_persons_lose_nothing(db: &TestDb) {
    const PERSONS: u64 = 6;
    let grants: Vec<_> = (0..PERSONS).map(|p| top_up(&format!("grant {p}"), p, 100)).collect();
    commit(&db.db, &grants).await.unwrap();
    let lanes = lanes(&db.db, 4);
    let by_lanes = (0..PERSONS * 100).map(|n| {
        let lanes = &lanes;
        async move { lanes.submit(spend(&format!("lane {n}"), n % PERSONS, 1)).await.unwrap() }
    });
    let direct = (0..50).map(|n| {
        let order: Vec<u64> =
            if n % 2 == 0 { (0..PERSONS).collect() } else { (0..PERSONS).rev().collect() };
        let all = order.into_iter().map(|p| spend(&format!("direct {n} {p}"), p, 1));
        let all: Vec<_> = all.collect();
        async move { commit(&db.db, &all).await.unwrap() }
    });
    let (by_lanes, direct) = join(join_all(by_lanes), join_all(direct)).await;
    let direct = direct.concat();
    assert!(direct.iter().all(|o| !matches!(o, Ok(Posted::Replayed(_)))), "nothing is repeated");
    let direct = direct.into_iter().map(|outcome| outcome.map(drop)).collect();
    let outcomes = [by_lanes, direct].concat();
    let new = outcomes.iter().filter(|o| o.is_ok()).count();
    let refused = outcomes.iter().filter(|o| matches!(o, Err(Refusal::Insufficient))).count();
    assert_eq!((outcomes.len(), new, refused), (900, 600, 300));
    for p in 0..PERSONS {
        assert_eq!(balance(&db.db, p).await, 0);
    }
    assert_eq!(canteen(&db.db).await, 600);
    proven(&db.db).await;
}

async fn new_persons_in_opposite_order(db: &TestDb) {
    let posts = (0..40).map(|n| {
        let mut all: Vec<_> = (0..8).map(|p| top_up(&format!("{n} {p}"), p, 1)).collect();
        if n % 2 == 1 {
            all.reverse();
        }
        async move { commit(&db.db, &all).await.unwrap() }
    });
    let outcomes = join_all(posts).await.concat();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(Posted::New(_)))));
    for p in 0..8 {
        assert_eq!(balance(&db.db, p).await, 40);
    }
    proven(&db.db).await;
}

async fn several_sealers_make_one_chain(db: &TestDb) {
    const BATCHES: usize = 120;
    let posting = Cell::new(true);
    let posts = async {
        for n in 0..BATCHES {
            let refund = simple(
                &format!("refund {n}"),
                Nature::Command,
                1,
                vec![leg(account("e", 1), account("wechat", 1), 1)],
            );
            commit(&db.db, &[top_up(&format!("{n}"), 1, 2), refund]).await.unwrap();
        }
        posting.set(false);
    };
    let sealers = (0..4).map(|_| async {
        let mut sealed = Vec::new();
        // While another one has the school's head, this one seals nothing; the last is alone.
        loop {
            let was_posting = posting.get();
            sealed.push(seal_some(&db.db, SCHOOL).await);
            if !was_posting && sealed.last() == Some(&0) {
                return sealed;
            }
            tokio::task::yield_now().await;
        }
    });
    let ((), sealed) = join(posts, join_all(sealers)).await;
    let turns: Vec<usize> = sealed.concat().into_iter().filter(|batches| *batches > 0).collect();
    assert_eq!(turns.iter().sum::<usize>(), BATCHES);
    let report = proven(&db.db).await;
    assert_eq!(report.waiting, 0);
    let positions: Vec<_> = report.reaches.iter().map(|reach| reach.head.position).collect();
    assert_eq!(positions, [i64::try_from(turns.len()).unwrap()]);
}

async fn a_hot_balance_is_whole_while_sealing(db: &TestDb) {
    for round in 0..40 {
        for n in 0..3 {
            let pay =
                [top_up(&format!("in {round} {n}"), 1, 5), spend(&format!("{round} {n}"), 1, 5)];
            commit(&db.db, &pay).await.unwrap();
        }
        let expected = 15 * (round + 1);
        let reads = join_all((0..6).map(|_| canteen(&db.db)));
        let (read, sealed) = join(reads, seal_some(&db.db, SCHOOL)).await;
        assert_eq!(sealed, 3);
        assert_eq!(read.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([expected]));
        assert_eq!(canteen(&db.db).await, expected);
    }
    proven(&db.db).await;
}

async fn balance(db: &Db, of: u64) -> i64 {
    person_balances(db, SCHOOL, person(of)).await.unwrap().total().get()
}

async fn canteen(db: &Db) -> i64 {
    let canteen = SchoolAccount::Merchant(Name::parse("canteen").unwrap());
    school_balance(db, SCHOOL, &canteen).await.unwrap().get()
}
