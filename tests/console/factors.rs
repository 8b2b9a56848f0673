//! The age of the second factor at every page and form: those that need one of the last ten minutes ask for
//! it, and no other does.

use super::{
    browser::Browser,
    routes::{self, PAGES},
};
use std::collections::BTreeSet;
use testkit::{TestDb, World, on_each_database};

on_each_database!(an_old_second_factor_is_asked_for_where_the_table_says);

const ROLES: [&str; 6] =
    ["card_office", "finance", "network_center", "counsellor", "auditor", "admin"];

/// What needs a second factor of the last ten minutes. Stopping what is lost or stolen never does.
const FRESH: &[&str] = &[];

async fn an_old_second_factor_is_asked_for_where_the_table_says(db: &TestDb) {
    let world = World::start(db).await;
    let (browser, _) = Browser::of(&world, "all", "9001", &ROLES).await;
    let csrf = browser.get("/staff").await.with(200).field("csrf");
    let older = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(older, [600_000_000_i64.into()]).await;
    testkit::eventually("the copy of the session is old", async || {
        (browser.get("/staff/doors/log").await.status == 303).then_some(())
    })
    .await;
    let mut asked = BTreeSet::new();
    // The last one ends the session.
    for (method, path, _) in PAGES.iter().filter(|(_, path, _)| *path != "/staff/sign-out") {
        let page = routes::ask(&browser, method, path, &csrf).await;
        if page.location.starts_with("/staff/second-factor") {
            assert_eq!(page.status, 303, "{method} {path}");
            asked.insert(format!("{method} {path}"));
        }
    }
    let known: BTreeSet<String> = FRESH.iter().map(|line| (*line).to_owned()).collect();
    let too_many: Vec<_> = asked.difference(&known).collect();
    let too_few: Vec<_> = known.difference(&asked).collect();
    assert!(too_many.is_empty() && too_few.is_empty(), "asked: {too_many:#?}; not: {too_few:#?}");
}
