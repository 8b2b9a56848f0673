//! What posts, what repeats, what is refused: tables, a line for each transfer.
//!
//! `REFERENCE fact|command pN FROM>TO:FEN… = new|replayed|differs|insufficient|overflow`; `p-` is no
//! person. Lines next to each other are one commit; an empty line begins the next. `balance pN
//! CARD TRANSITION E` and `school ACCOUNT FEN` say what must stand then, `seal` seals.

use crate::ledger::support::{
    KIND, NOW, SCHOOL, account, commit, lanes, leg, on_day, person, proven, seal_some, simple,
    spend, top_up,
};
use onecard::{
    base::{
        clock::ManualClock,
        db::Tx,
        ids::SchoolId,
        money::{Balance, Fen},
    },
    cards::Purse,
    ledger::{
        LedgerError, LockedAccounts, Outcome, Posted, Refusal,
        account::{Account, SchoolAccount},
        balances::{person_balances, school_balance},
        post_all, seal,
        transfer::{BadTransfer, Nature, Transfer},
        verify::Law,
    },
};
use sea_orm::{ConnectionTrait, Database, Statement};
use std::collections::HashSet;
use testkit::{TestDb, on_each_empty_database};

on_each_empty_database!(
    commands_and_facts,
    repeats,
    several_accounts_of_one_person,
    debts,
    school_accounts,
    overflow,
    broken_transfers_post_nothing,
    schools_do_not_share_references,
    balances_can_be_read_inside_a_transaction,
    an_account_that_money_passes_through_is_not_written,
    the_purse_pays_goods_and_holds_with_locks_and_without,
    history_cannot_be_changed,
    an_empty_ledger_is_clean,
);

async fn commands_and_facts(db: &TestDb) {
    let table = "
        a fact    p1 wechat>e:5000                                = new
        b command p1 e>transition:1200 transition>canteen:1200    = new
        c command p1 e>canteen:3801                               = insufficient
        d command p1 e>canteen:3800                               = new
        e command p1 e>canteen:1                                  = insufficient
        balance p1 0 0 0
        school wechat -5000
        school canteen 5000

        a fact    p2 wechat>e:1                                   = differs
        f command p2 e>canteen:1                                  = insufficient
        g fact    p2 wechat>e:1                                   = new
        f command p2 e>canteen:1                                  = new
        balance p2 0 0 0
    ";
    play(db, table).await;
}

async fn repeats(db: &TestDb) {
    let table = "
        a fact    p1 wechat>e:5000                                = new
        a fact    p1 wechat>e:5000                                = replayed

        a fact    p1 wechat>e:5000                                = replayed
        a command p1 wechat>e:5000                                = differs
        a fact    p2 wechat>e:5000                                = differs
        a fact    p1 wechat>e:5001                                = differs
        a fact    p1 alipay>e:5000                                = differs
        a fact    p1 wechat>e:4000 wechat>e:1000                  = differs
        a fact    p1 wechat>transition:5000                       = differs
        a fact    p- wechat>suspense:5000                         = differs
        balance p1 0 0 5000
        balance p2 0 0 0

        b command p1 e>canteen:5001                               = insufficient
        b command p1 e>canteen:5000                               = new
        b command p1 e>canteen:5000                               = replayed
        seal
        b command p1 e>canteen:5000                               = replayed
        balance p1 0 0 0
    ";
    play(db, table).await;
    let other_day = on_day(top_up("a", 1, 5000), 1);
    assert_eq!(commit(&db.db, &[other_day]).await.unwrap(), [Err(Refusal::ReplayDiffers)]);
}

async fn several_accounts_of_one_person(db: &TestDb) {
    let table = "
        a fact    p1 wechat>e:1000                                = new
        b command p1 e>writing1:400                               = new
        c fact    p1 writing1>card1:400                           = new
        d command p1 transition>canteen:1000                      = new
        balance p1 400 -1000 600
        e command p1 transition>canteen:1                         = insufficient
        f command p1 e>transition:600                             = new
        balance p1 400 -400 0

        g command p1 e>hold:1                                     = insufficient
        h command p1 writing1>card1:1                             = insufficient
        i command p1 card1>frozen2:1                              = insufficient
        j fact    p1 wechat>card2:50                              = new
        i command p1 card1>frozen2:50                             = new
        balance p1 400 -400 0
        k command p1 frozen2>e:51                                 = insufficient
        k command p1 frozen2>e:50                                 = new
        balance p1 400 -400 50
        l command p1 e>hold:50 hold>canteen:20 hold>e:30          = new
        balance p1 400 -400 30
    ";
    play(db, table).await;
}

async fn debts(db: &TestDb) {
    let table = "
        a fact    p1 wechat>e:100                                 = new
        b fact    p1 card1>canteen:250                            = new
        balance p1 -250 0 100
        c command p1 e>canteen:1                                  = insufficient
        d command p1 e>transition:100                             = new
        e command p1 wechat>e:10                                  = new
        balance p1 -250 100 10

        f fact    p1 wechat>e:139                                 = new
        g command p1 e>canteen:1                                  = insufficient
        h fact    p1 wechat>e:2                                   = new
        g command p1 e>canteen:1                                  = new
        g command p1 e>canteen:1                                  = replayed
        i command p1 e>canteen:1                                  = insufficient
        balance p1 -250 100 150

        j fact    p1 hold>canteen:30                              = new
        k command p1 hold>e:1                                     = insufficient
        l command p1 e>hold:1                                     = insufficient
        m fact    p1 wechat>hold:10                               = new
        n fact    p1 hold>canteen:1                               = new
    ";
    play(db, table).await;
}

async fn school_accounts(db: &TestDb) {
    let table = "
        a fact    p- wechat>suspense:700                          = new
        b command p- suspense>wechat:900                          = new
        school suspense -200
        school wechat 200
        seal
        school suspense -200
        school canteen 0
        c command p- canteen>shop:5                               = new
        school canteen -5
        school shop 5
    ";
    play(db, table).await;
}

async fn overflow(db: &TestDb) {
    let table = "
        a fact    p1 wechat>e:9223372036854775807                 = new
        b fact    p2 alipay>e:1                                   = new
        c fact    p1 alipay>e:1                                   = overflow
        d command p1 e>transition:9223372036854775807             = new
        balance p1 0 9223372036854775807 0
        balance p2 0 0 1
    ";
    play(db, table).await;
}

async fn broken_transfers_post_nothing(db: &TestDb) {
    let good = top_up("good", 1, 1);
    let (e, wechat) = (account("e", 1), account("wechat", 1));
    let broken = [
        (BadTransfer::Legs, Transfer { legs: vec![], ..good.clone() }),
        (BadTransfer::Legs, Transfer { legs: vec![good.legs[0].clone(); 17], ..good.clone() }),
        (BadTransfer::Zero, Transfer { legs: vec![leg(wechat, e.clone(), 0)], ..good.clone() }),
        (BadTransfer::SameAccount, Transfer { legs: vec![leg(e.clone(), e, 1)], ..good.clone() }),
        (BadTransfer::NoPerson, Transfer { person: None, ..good.clone() }),
        (BadTransfer::Reference, Transfer { reference: String::new(), ..good.clone() }),
        (BadTransfer::Reference, Transfer { reference: "x".repeat(129), ..good.clone() }),
    ];
    for (why, transfer) in broken {
        match commit(&db.db, &[good.clone(), transfer]).await {
            Err(LedgerError::Bad(bad)) => assert_eq!(bad, why),
            other => panic!("{why}: {other:?}"),
        }
    }
    let report = proven(&db.db).await;
    assert_eq!(report.finding(Law::Transfers).unwrap().checked, "0 transfers, 0 legs");
}

async fn schools_do_not_share_references(db: &TestDb) {
    let one = top_up("a", 1, 5);
    let two = Transfer { school: SchoolId::from_number(2), person: Some(person(2)), ..one.clone() };
    let outcomes = commit(&db.db, &[one, two]).await.unwrap();
    assert!(outcomes.iter().all(|o| matches!(o, Ok(Posted::New(_)))), "{outcomes:?}");
    assert_eq!(seal::seal_all(&db.db, &ManualClock::new(NOW)).await.unwrap(), 2);
    assert_eq!(proven(&db.db).await.reaches.len(), 2);
}

async fn balances_can_be_read_inside_a_transaction(db: &TestDb) {
    let wechat = school_account("wechat");
    let seen = db
        .db
        .in_tx(async |tx| {
            assert!(post_all(tx, NOW, &[top_up("a", 1, 7)]).await?[0].is_ok());
            let person = person_balances(tx, SCHOOL, person(1)).await?;
            Ok::<_, LedgerError>((person, school_balance(tx, SCHOOL, &wechat).await?))
        })
        .await
        .unwrap();
    assert_eq!((seen.0.e_account.get(), seen.0.total().get(), seen.1.get()), (7, 7, -7));
}

/// Yet the person's version rises with every posting, whatever it moves.
async fn an_account_that_money_passes_through_is_not_written(db: &TestDb) {
    let raw = Database::connect(&db.url).await.unwrap();
    let versions = async || {
        let sql = "SELECT version FROM account WHERE person_id IS NOT NULL ORDER BY path";
        let rows = Statement::from_string(raw.get_database_backend(), sql);
        let rows = raw.query_all_raw(rows).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect::<Vec<i64>>()
    };
    let back = || vec![leg(account("transition", 1), account("e", 1), 2)];
    let there = || vec![leg(account("e", 1), account("transition", 1), 2)];
    let there_and_back = [there(), back()].concat();
    // 电子账户, which tells that something was decided, and 过渡余额.
    let cases = [
        (top_up("a", 1, 9), [1, 0]),
        (spend("b", 1, 3), [2, 0]),
        (simple("c", Nature::Command, 1, there_and_back), [3, 0]),
        (simple("d", Nature::Command, 1, there()), [4, 1]),
        (simple("e", Nature::Command, 1, back()), [5, 2]),
    ];
    for (transfer, expected) in cases {
        commit(&db.db, std::slice::from_ref(&transfer)).await.unwrap();
        assert_eq!(versions().await, expected, "{}", transfer.reference);
    }
    proven(&db.db).await;
}

/// An account of the person that is paid for the first time is opened under the lock.
async fn the_purse_pays_goods_and_holds_with_locks_and_without(db: &TestDb) {
    commit(&db.db, &[top_up("a", 1, 5000)]).await.unwrap();
    let lanes = lanes(&db.db, 1);
    for (n, word) in ["hold", "goods", "canteen"].into_iter().enumerate() {
        let payee = account(word, 1);
        let pay = async |tx: &Tx| {
            let persons = HashSet::from([(SCHOOL, person(1))]);
            let read = LockedAccounts::lock(tx, persons, &[(SCHOOL, payee.clone())]).await?;
            let mut purse = Purse::new(&read.accounts().balances(SCHOOL, person(1))?, false);
            let drawn = purse.draw(Fen::new(100).unwrap()).unwrap();
            let paid = simple(&format!("pay {word}"), Nature::Command, 1, drawn.legs(&payee));
            read.post(tx, NOW, &[paid], vec![]).await?;
            Ok::<_, LedgerError>(drawn)
        };
        let drawn = db.db.in_tx(pay).await.unwrap();
        let again = simple(&format!("again {word}"), Nature::Command, 1, drawn.legs(&payee));
        lanes.submit(again).await.unwrap().unwrap();
        let back = simple(&format!("back {word}"), Nature::Command, 1, drawn.legs_back(&payee));
        lanes.submit(back).await.unwrap().unwrap();
        let balances = person_balances(&db.db, SCHOOL, person(1)).await.unwrap();
        assert_eq!(balances.total().get(), 4900 - 100 * i64::try_from(n).unwrap(), "{word}");
    }
    // There are 100 fen withheld.
    let all =
        simple("all", Nature::Command, 1, vec![leg(account("hold", 1), account("e", 1), 101)]);
    assert_eq!(commit(&db.db, &[all]).await.unwrap(), [Err(Refusal::Insufficient)]);
    proven(&db.db).await;
}

async fn history_cannot_be_changed(db: &TestDb) {
    commit(&db.db, &[top_up("a", 1, 7)]).await.unwrap();
    assert_eq!(seal_some(&db.db, SCHOOL).await, 1);
    let raw = Database::connect(&db.url).await.unwrap();
    for (table, column) in [("transfer", "at"), ("leg", "amount_fen"), ("seal", "sealed_at")] {
        for act in [format!("UPDATE {table} SET {column} = 1"), format!("DELETE FROM {table}")] {
            let error = raw.execute_unprepared(&act).await.unwrap_err().to_string();
            assert!(error.contains(&format!("rows of {table} are final")), "{act}: {error}");
        }
    }
    proven(&db.db).await;
}

async fn an_empty_ledger_is_clean(db: &TestDb) {
    let report = proven(&db.db).await;
    assert_eq!((report.reaches.len(), report.waiting), (0, 0));
    assert_eq!(seal_some(&db.db, SCHOOL).await, 0);
    proven(&db.db).await;
}

/// Plays a table and proves the ledger.
async fn play(db: &TestDb, table: &str) {
    let (mut asked, mut expected) = (Vec::new(), Vec::new());
    for line in table.lines().map(str::trim).chain([""]) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(at) = words.iter().position(|word| *word == "=") {
            asked.push(transfer(&words[..at]));
            expected.push((line, words[at + 1]));
            continue;
        }
        if !asked.is_empty() {
            let outcomes = commit(&db.db, &asked).await.unwrap();
            let found: Vec<_> =
                expected.iter().zip(&outcomes).map(|((line, _), o)| (*line, word(o))).collect();
            assert_eq!(found, expected);
            asked.clear();
            expected.clear();
        }
        check(db, line, &words).await;
    }
    proven(&db.db).await;
    seal_some(&db.db, SCHOOL).await;
    assert_eq!(proven(&db.db).await.waiting, 0);
}

fn transfer(words: &[&str]) -> Transfer {
    let (reference, nature, of) = (words[0], words[1], &words[2][1..]);
    let number = of.parse().ok();
    let legs = words[3..].iter().map(|word| {
        let (from, rest) = word.split_once('>').unwrap();
        let (to, fen) = rest.split_once(':').unwrap();
        let of = number.unwrap_or(0);
        leg(account(from, of), account(to, of), fen.parse().unwrap())
    });
    Transfer {
        school: SCHOOL,
        person: number.map(person),
        kind: KIND,
        reference: reference.to_owned(),
        nature: match nature {
            "fact" => Nature::Fact,
            "command" => Nature::Command,
            other => panic!("no nature is called {other}"),
        },
        value_day: NOW.day(),
        legs: legs.collect(),
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Ok(Posted::New(_)) => "new",
        Ok(Posted::Replayed(_)) => "replayed",
        Err(Refusal::ReplayDiffers) => "differs",
        Err(Refusal::Insufficient) => "insufficient",
        Err(Refusal::Overflow) => "overflow",
    }
}

async fn check(db: &TestDb, line: &str, words: &[&str]) {
    match words {
        [] => {}
        ["seal"] => assert!(seal_some(&db.db, SCHOOL).await > 0),
        ["balance", of, card, transition, e] => {
            let of = person(of[1..].parse().unwrap());
            let found = person_balances(&db.db, SCHOOL, of).await.unwrap();
            let parts = [found.card, found.transition, found.e_account].map(Balance::get);
            let expected = [card, transition, e].map(|fen| fen.parse::<i64>().unwrap());
            assert_eq!(parts, expected, "{line}");
            assert_eq!(found.total().get(), expected.iter().sum::<i64>(), "{line}");
        }
        ["school", name, fen] => {
            let found = school_balance(&db.db, SCHOOL, &school_account(name)).await.unwrap();
            assert_eq!(found.get(), fen.parse::<i64>().unwrap(), "{line}");
        }
        other => panic!("not a line of a table: {other:?}"),
    }
}

fn school_account(word: &str) -> SchoolAccount {
    match account(word, 0) {
        Account::School(account) => account,
        Account::Person(_) | Account::Card(..) => panic!("{word} is not the school's"),
    }
}
