//! A charge that waited too long for the database is not made: whoever asked has gone, and may have
//! paid in cash.

use crate::spend::{
    counter::{Counter, code},
    shop::{is_sound, total},
};
use onecard::{base::lane::Batch, spend::TillReply};
use std::time::Duration;
use testkit::{TestDb, on_each_database};

on_each_database!(what_waited_too_long_is_not_decided);

async fn what_waited_too_long_is_not_decided(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let charging = counter.charging();
    let late = counter.scan(0, 1, 100);
    counter.clock.advance(Duration::from_secs(11));
    let batch = [late.clone(), counter.scan(0, 2, 100)];
    let told = charging.run(&batch).await.unwrap();
    assert_eq!((&told[0], code(&told[1]).as_str()), (&TillReply::Late, "ok"));
    let rows = &counter.world.rows;
    let stored = [rows.count("terminal_answer").await, rows.count("code_use").await];
    assert_eq!(stored, [1, 1], "nothing is kept of what came too late, and its code is not used");
    assert_eq!(total(&counter.world, counter.person(0)).await, 9_900);
    // Asked again, it is decided; and from then on a late one is told what was decided.
    let mut again = late.clone();
    again.looked_at = batch[1].looked_at;
    let told = charging.run(&[again, late]).await.unwrap();
    assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["ok", "ok"]);
    assert_eq!(total(&counter.world, counter.person(0)).await, 9_800);
    is_sound(&counter.world).await;
}
