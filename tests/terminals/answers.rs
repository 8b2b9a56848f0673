//! What terminals were answered: each number decided once, however many ask at the same time.

use onecard::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Source},
        ids::SchoolId,
    },
    terminals::{
        TerminalId, keep, known,
        seq::{
            AnswerKind, AnsweredRequest, NumberedRequest, Seq, SeqCheck, SeqStep, StoredResponse,
            check_seq,
        },
    },
};
use testkit::{TestDb, on_each_empty_database};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_seconds(1_795_233_600);

fn charge(terminal: u128, seq: i64, nonce: &str, content: u8) -> NumberedRequest {
    let mut signature_digest = [content; 32];
    signature_digest[..nonce.len()].copy_from_slice(nonce.as_bytes());
    NumberedRequest {
        terminal: TerminalId::from_uuid(Uuid::from_u128(terminal)),
        school: SchoolId::from_number(1),
        seq: Seq::new(seq).unwrap(),
        step: SeqStep::Act,
        kind: AnswerKind::Charge,
        nonce: nonce.to_owned(),
        signature_digest,
        content_digest: [content; 32],
    }
}

fn answer(text: &str) -> StoredResponse {
    StoredResponse { status: 200, body: text.as_bytes().to_vec() }
}

/// Decides a request as a journey does: looked up, decided and kept in one transaction.
async fn ask(db: &Db, asked: &NumberedRequest, text: &str) -> SeqCheck {
    let decided: Result<SeqCheck, DbError> = db
        .in_tx(async |tx| {
            let kept = known(Source::Tx(tx), &[asked]).await?;
            let seen = check_seq(asked, &kept);
            if seen == SeqCheck::First {
                let new = AnsweredRequest { asked: asked.clone(), answer: answer(text) };
                keep(tx, &[new], NOW).await?;
            }
            Ok(seen)
        })
        .await;
    decided.unwrap()
}

async fn a_number_is_decided_once(test: &TestDb) {
    let db = &test.db;
    let most = Seq::LAST;
    let steps = [
        ("the first", charge(1, 5, "a", 1), SeqCheck::First),
        ("the very same", charge(1, 5, "a", 1), SeqCheck::Repeat(answer("the first"))),
        ("signed anew", charge(1, 5, "b", 1), SeqCheck::Repeat(answer("the first"))),
        ("something else", charge(1, 5, "c", 2), SeqCheck::Conflict),
        ("a used nonce", charge(1, 6, "a", 2), SeqCheck::NonceReused),
        ("another terminal", charge(2, 5, "a", 2), SeqCheck::First),
        ("a lower number", charge(1, 4, "d", 3), SeqCheck::First),
        ("the highest number", charge(1, most, "e", 4), SeqCheck::First),
    ];
    for (what, asked, expected) in steps {
        assert_eq!(ask(db, &asked, what).await, expected, "{what}");
    }
    let many = [charge(1, 4, "d", 3), charge(2, 5, "a", 2), charge(3, 1, "z", 9)];
    let many: Vec<&NumberedRequest> = many.iter().collect();
    let kept = known(Source::Db(db), &many).await.unwrap();
    let seen: Vec<SeqCheck> = many.iter().map(|asked| check_seq(asked, &kept)).collect();
    let expected =
        ["a lower number", "another terminal"].map(|text| SeqCheck::Repeat(answer(text)));
    assert_eq!(seen, [expected[0].clone(), expected[1].clone(), SeqCheck::First]);
}

async fn of_many_at_once_one_is_first(test: &TestDb) {
    for round in 1..=5 {
        let tasks = (0..8).map(|n| {
            let db = test.db.clone();
            async move {
                let told = format!("answer {n}");
                let asked = charge(7, round, &format!("{round}.{n}"), 1);
                (ask(&db, &asked, &told).await, told)
            }
        });
        let seen = futures_util::future::join_all(tasks).await;
        let first: Vec<_> = seen.iter().filter(|(seen, _)| *seen == SeqCheck::First).collect();
        assert_eq!(first.len(), 1, "{seen:?}");
        let repeat = SeqCheck::Repeat(answer(&first[0].1));
        let repeats = seen.iter().filter(|(seen, _)| *seen == repeat).count();
        assert_eq!(repeats, 7, "{seen:?}");
    }
}

async fn a_charge_and_its_reversal_race_for_the_number(test: &TestDb) {
    for round in 1..=10 {
        let act = charge(9, round, &format!("c{round}"), 1);
        let reversal = NumberedRequest {
            step: SeqStep::Reversal,
            kind: AnswerKind::Reversal,
            ..charge(9, round, &format!("r{round}"), 2)
        };
        let mark = reversal.reversed_before();
        let (charged, marked) =
            tokio::join!(ask(&test.db, &act, "charged"), ask(&test.db, &mark, "reversed"));
        match (charged, marked) {
            (SeqCheck::First, SeqCheck::Conflict) => {}
            (SeqCheck::Repeat(told), SeqCheck::First) => assert_eq!(told, answer("reversed")),
            both => panic!("{both:?}"),
        }
        assert_eq!(ask(&test.db, &reversal, "done").await, SeqCheck::First);
        assert_eq!(ask(&test.db, &reversal, "twice").await, SeqCheck::Repeat(answer("done")));
    }
}

on_each_empty_database!(
    a_number_is_decided_once,
    of_many_at_once_one_is_first,
    a_charge_and_its_reversal_race_for_the_number,
);
