//! Accounts in partitions: places in a table are unique within a partition only, keys everywhere.

use crate::ledger::support::{SCHOOL, commit, person, proven, seal_some, spend, top_up};
use onecard::ledger::{balances::person_balances, transfer::Transfer};
use sea_orm::{ConnectionTrait, Database};
use testkit::TestDb;

type Post = fn(&str, u64, i64) -> Transfer;

#[tokio::test]
async fn postings_move_their_own_accounts_in_every_partition() {
    testkit::on_empty_postgres(async |db: &TestDb| {
        let raw = Database::connect(&db.url).await.unwrap();
        let part = |n| {
            format!(
                "CREATE TABLE account_{n} PARTITION OF account \
                     FOR VALUES WITH (MODULUS 4, REMAINDER {n})"
            )
        };
        let tables = [
            "ALTER TABLE account RENAME TO account_before".to_owned(),
            "CREATE TABLE account (LIKE account_before INCLUDING DEFAULTS, PRIMARY KEY (id)) \
             PARTITION BY HASH (id)"
                .to_owned(),
        ];
        for sql in tables.into_iter().chain((0..4).map(part)) {
            raw.execute_unprepared(&sql).await.unwrap();
        }
        // Another amount for each, so that a balance that went to somebody else is seen.
        let each = |name: &str, post: Post, times: i64| -> Vec<_> {
            let post = |n: i64| post(&format!("{name} {n}"), n.unsigned_abs(), n * times);
            (1..=24).map(post).collect()
        };
        for posted in [each("in", top_up, 10), each("again", top_up, 10), each("out", spend, 1)] {
            let outcomes = commit(&db.db, &posted).await.unwrap();
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        }
        for n in 1..=24_i64 {
            let of = person(n.unsigned_abs());
            let balances = person_balances(&db.db, SCHOOL, of).await.unwrap();
            assert_eq!(balances.total().get(), 19 * n, "{n}");
        }
        seal_some(&db.db, SCHOOL).await;
        proven(&db.db).await;
    })
    .await;
}
