//! The weeks that `make run` begins with, shortened, on both databases: every law holds, every page of the
//! staff has something to show, and a second run adds nothing.

use crate::identity::support;
use onecard::base::clock::Timestamp;
use std::{path::Path, time::Duration};
use testkit::{Demo, TestDb, World, now, on_each_database};

on_each_database!(some_days_at_a_school,);

/// The last day is over: its moments do not depend on when the test runs.
fn last_night() -> Timestamp {
    now().day().start().minus(Duration::from_mins(1))
}

async fn some_days_at_a_school(db: &TestDb) {
    let mut world = World::unserved(db).await;
    // What one process keeps in memory would be shared with other tests there.
    world.set("REDIS__URL", "");
    support::import(&world.db, "ynart").await;
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let demo = Demo {
        config: None,
        variables: world.settings("http://127.0.0.1:1"),
        sandbox: testkit::sandbox_folder(),
        roster: repository.join("schools/demo/ynart-roster.csv"),
        paid: world.path("paid.json").into(),
        days: 6,
        people: 12,
        until: last_night(),
    };
    let made = Box::pin(demo.run(|_| ())).await.unwrap();
    assert!(made.charges > 100 && made.orders > 20 && made.passes > 40, "{made:?}");
    let report = world.report().await;
    assert!(report.is_clean(), "{report}");
    for (what, least) in [
        ("refund WHERE state = 'done'", 1),
        ("approval WHERE state = 'requested'", 6),
        ("roster_job WHERE state = 'checked'", 1),
        ("payment WHERE provider = 'alipay'", 4),
        ("bill_difference WHERE state = 'open'", 2),
        ("bill_day WHERE state = 'closed'", 3),
        ("person WHERE lost_at IS NOT NULL", 1),
        ("review_case WHERE closed_at IS NULL", 2),
        ("charge", 100),
        ("outbox WHERE state = 'refused'", 1),
        ("terminal_contact", 2),
    ] {
        assert!(world.rows.count(what).await >= least, "{what}");
    }

    let before = world.rows.everything().await;
    assert_eq!(Box::pin(demo.run(|_| ())).await, None);
    assert_eq!(world.rows.everything().await, before, "a second run adds nothing");
}
