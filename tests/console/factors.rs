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
const FRESH: &[&str] = &[
    "get /staff/account/factor",
    "get /staff/account/password",
    "get /staff/account/recovery-codes",
    "get /staff/doors/log",
    "get /staff/doors/rights/{id}/end",
    "get /staff/help/edit",
    "get /staff/merchants/add",
    "get /staff/merchants/{id}/enable",
    "get /staff/orders/{id}/ask",
    "get /staff/people/{id}/adjust",
    "get /staff/people/{id}/password-reset",
    "get /staff/people/{id}/reveal",
    "get /staff/policy/edit",
    "get /staff/policy/versions/{seq}/restore",
    "get /staff/reconciliation/{day}/close",
    "get /staff/roster-imports/{id}/start",
    "get /staff/staff/add",
    "get /staff/staff/{id}/{act}",
    "get /staff/terminals/add",
    "get /staff/terminals/{id}/enable",
    "get /staff/terminals/{id}/rotate-key",
    "post /staff/account/factor",
    "post /staff/account/factor/confirm",
    "post /staff/account/password",
    "post /staff/account/recovery-codes",
    "post /staff/adjustments/{id}/approve",
    "post /staff/adjustments/{id}/reject",
    "post /staff/adjustments/{id}/withdraw",
    "post /staff/approvals/{kind}/{id}/approve",
    "post /staff/approvals/{kind}/{id}/reject",
    "post /staff/approvals/{kind}/{id}/withdraw",
    "post /staff/cases/{id}/end-refund",
    "post /staff/doors/log",
    "post /staff/doors/log/export",
    "post /staff/doors/rights",
    "post /staff/doors/rights/{id}/end",
    "post /staff/help/preview",
    "post /staff/merchants/add",
    "post /staff/merchants/{id}/enable",
    "post /staff/orders/{id}/ask",
    "post /staff/password-resets/{id}/approve",
    "post /staff/password-resets/{id}/reject",
    "post /staff/password-resets/{id}/withdraw",
    "post /staff/people/export",
    "post /staff/people/{id}/adjust",
    "post /staff/people/{id}/password-reset",
    "post /staff/people/{id}/reveal",
    "post /staff/policy/edit",
    "post /staff/policy/preview",
    "post /staff/policy/propose",
    "post /staff/policy/requests/{id}/approve",
    "post /staff/policy/requests/{id}/reject",
    "post /staff/policy/requests/{id}/withdraw",
    "post /staff/reconciliation/differences/{id}/repair",
    "post /staff/reconciliation/{day}/close",
    "post /staff/roster-imports",
    "post /staff/roster-imports/{id}/start",
    "post /staff/staff-requests/{id}/approve",
    "post /staff/staff-requests/{id}/reject",
    "post /staff/staff-requests/{id}/withdraw",
    "post /staff/staff/add",
    "post /staff/staff/{id}/classes",
    "post /staff/staff/{id}/link-wecom",
    "post /staff/staff/{id}/reset-factor",
    "post /staff/staff/{id}/roles",
    "post /staff/staff/{id}/{act}",
    "post /staff/terminals/add",
    "post /staff/terminals/{id}/enable",
    "post /staff/terminals/{id}/rotate-key",
];

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
    // One ends the session, one is the page that asks.
    let others = |path: &str| !["/staff/sign-out", "/staff/second-factor"].contains(&path);
    for (method, path, _) in PAGES.iter().filter(|(_, path, _)| others(path)) {
        let page = routes::ask(&browser, method, path, &csrf).await;
        // A form with something typed is kept in the page that asks.
        if page.location.starts_with("/staff/second-factor")
            || page.says("action=\"/staff/second-factor\"")
        {
            asked.insert(format!("{method} {path}"));
        }
    }
    let known: BTreeSet<String> = FRESH.iter().map(|line| (*line).to_owned()).collect();
    let too_many: Vec<_> = asked.difference(&known).collect();
    let too_few: Vec<_> = known.difference(&asked).collect();
    assert!(too_many.is_empty() && too_few.is_empty(), "asked: {too_many:#?}; not: {too_few:#?}");
}
