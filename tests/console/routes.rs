//! Every page and form, and everybody who may come: a path that this table does not know fails it.

use super::browser::Browser;
use std::collections::BTreeSet;
use testkit::{TestDb, World, on_each_database};

on_each_database!(every_page_is_closed_to_whom_it_should_be);

/// Who may use a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Everybody.
    Open,
    /// Whoever is signed in.
    SignedIn,
    /// These roles.
    Roles(&'static [&'static str]),
}

use Door::{Open, Roles, SignedIn};

const ORDERS: Door = Roles(&["card_office", "finance", "auditor"]);
const PEOPLE: Door = Roles(&["card_office", "finance", "network_center", "counsellor", "auditor"]);
const STOPS: Door = Roles(&["card_office", "network_center"]);
const REVEALS: Door = Roles(&["card_office", "finance", "network_center"]);
const REFUNDS: Door = Roles(&["card_office", "finance", "auditor"]);
const ASKS: Door = Roles(&["card_office", "finance"]);
const FINANCE: Door = Roles(&["finance"]);
const BILLS: Door = Roles(&["card_office", "finance", "auditor"]);
const DOORS: Door = Roles(&["card_office", "network_center", "auditor"]);
const OFFICE: Door = Roles(&["card_office"]);
const STAFF: Door = Roles(&["auditor", "admin"]);
const ADMIN: Door = Roles(&["admin"]);
const EVERY_ROLE: Door = Roles(&ROLES);
const CASES: Door = Roles(&["card_office", "finance", "network_center", "auditor"]);
const HANDLES: Door = Roles(&["card_office", "finance", "network_center"]);
const TERMINALS: Door = Roles(&["card_office", "finance", "network_center", "auditor"]);
const CHANGES: Door = Roles(&["card_office", "network_center"]);
const STOPS_TILLS: Door = Roles(&["card_office", "finance", "network_center"]);
const HEALTH: Door = Roles(&["finance", "network_center", "auditor", "admin"]);
const POLICY: Door = Roles(&["card_office", "finance", "network_center", "auditor", "admin"]);
const TRIES: Door = Roles(&["network_center", "admin"]);
const LOG: Door = Roles(&["card_office", "auditor"]);

pub const PAGES: &[(&str, &str, Door)] = &[
    ("get", "/staff/sign-in", Open),
    ("post", "/staff/sign-in", Open),
    ("post", "/staff/sign-in/first", Open),
    ("post", "/staff/sign-out", SignedIn),
    ("get", "/staff/auth/wecom", Open),
    ("get", "/staff/auth/wecom/callback", Open),
    ("get", "/staff/auth/wecom/second-factor", SignedIn),
    ("post", "/staff/auth/wecom/second-factor", Open),
    ("get", "/staff/second-factor", SignedIn),
    ("get", "/staff/account", SignedIn),
    ("post", "/staff/account/sessions/{id}/end", SignedIn),
    ("get", "/staff/account/recovery-codes", SignedIn),
    ("post", "/staff/account/recovery-codes", SignedIn),
    ("get", "/staff/account/factor", SignedIn),
    ("post", "/staff/account/factor", SignedIn),
    ("post", "/staff/account/factor/confirm", SignedIn),
    ("get", "/staff/account/password", SignedIn),
    ("post", "/staff/account/password", SignedIn),
    ("get", "/staff/staff", STAFF),
    ("post", "/staff/staff/export", STAFF),
    ("get", "/staff/staff/add", ADMIN),
    ("post", "/staff/staff/add", ADMIN),
    ("get", "/staff/staff/{id}", STAFF),
    ("post", "/staff/staff/{id}/roles", ADMIN),
    ("post", "/staff/staff/{id}/reset-factor", ADMIN),
    ("post", "/staff/staff/{id}/link-wecom", ADMIN),
    ("post", "/staff/staff/{id}/classes", ADMIN),
    ("get", "/staff/staff/{id}/{act}", ADMIN),
    ("post", "/staff/staff/{id}/{act}", ADMIN),
    ("get", "/staff/staff-requests", STAFF),
    ("post", "/staff/staff-requests/export", STAFF),
    ("post", "/staff/staff-requests/search", STAFF),
    ("get", "/staff/staff-requests/{id}", STAFF),
    ("post", "/staff/staff-requests/{id}/approve", ADMIN),
    ("post", "/staff/staff-requests/{id}/reject", ADMIN),
    ("post", "/staff/staff-requests/{id}/withdraw", ADMIN),
    ("post", "/staff/second-factor", SignedIn),
    ("get", "/staff", SignedIn),
    ("get", "/staff/people", PEOPLE),
    ("post", "/staff/people/search", PEOPLE),
    ("post", "/staff/people/export", OFFICE),
    ("get", "/staff/exports", SignedIn),
    ("get", "/staff/exports/{id}", SignedIn),
    ("get", "/staff/exports/{id}/file", SignedIn),
    ("get", "/staff/people/{id}", PEOPLE),
    ("get", "/staff/people/{id}/statement", ORDERS),
    ("post", "/staff/people/{id}/statement/export", ORDERS),
    ("get", "/staff/people/{id}/loss", STOPS),
    ("post", "/staff/people/{id}/loss", STOPS),
    ("get", "/staff/people/{id}/cancel-loss", STOPS),
    ("post", "/staff/people/{id}/cancel-loss", STOPS),
    ("get", "/staff/people/{id}/devices/{device}/end", STOPS),
    ("post", "/staff/people/{id}/devices/{device}/end", STOPS),
    ("get", "/staff/people/{id}/bindings/{binding}/end", STOPS),
    ("post", "/staff/people/{id}/bindings/{binding}/end", STOPS),
    ("get", "/staff/people/{id}/reveal", REVEALS),
    ("post", "/staff/people/{id}/reveal", REVEALS),
    ("get", "/staff/people/{id}/password-reset", OFFICE),
    ("post", "/staff/people/{id}/password-reset", OFFICE),
    ("get", "/staff/password-resets", OFFICE),
    ("post", "/staff/password-resets/export", OFFICE),
    ("post", "/staff/password-resets/search", OFFICE),
    ("get", "/staff/password-resets/{id}", OFFICE),
    ("post", "/staff/password-resets/{id}/approve", OFFICE),
    ("post", "/staff/password-resets/{id}/reject", OFFICE),
    ("post", "/staff/password-resets/{id}/withdraw", OFFICE),
    ("get", "/staff/people/{id}/adjust", ASKS),
    ("post", "/staff/people/{id}/adjust", ASKS),
    ("get", "/staff/adjustments", REFUNDS),
    ("post", "/staff/adjustments/export", REFUNDS),
    ("post", "/staff/adjustments/search", REFUNDS),
    ("get", "/staff/adjustments/{id}", REFUNDS),
    ("post", "/staff/adjustments/{id}/approve", FINANCE),
    ("post", "/staff/adjustments/{id}/reject", FINANCE),
    ("post", "/staff/adjustments/{id}/withdraw", ASKS),
    ("get", "/staff/orders", ORDERS),
    ("post", "/staff/orders/search", ORDERS),
    ("post", "/staff/orders/export", ORDERS),
    ("get", "/staff/orders/{id}", ORDERS),
    ("post", "/staff/orders/{id}/query", ASKS),
    ("get", "/staff/orders/{id}/ask", ASKS),
    ("post", "/staff/orders/{id}/ask", ASKS),
    ("get", "/staff/approvals", REFUNDS),
    ("post", "/staff/approvals/export", REFUNDS),
    ("post", "/staff/approvals/search", REFUNDS),
    ("get", "/staff/approvals/{kind}/{id}", REFUNDS),
    ("post", "/staff/approvals/refund/{id}/query", ASKS),
    ("post", "/staff/approvals/{kind}/{id}/approve", FINANCE),
    ("post", "/staff/approvals/{kind}/{id}/reject", FINANCE),
    ("post", "/staff/approvals/{kind}/{id}/withdraw", ASKS),
    ("get", "/staff/reconciliation", BILLS),
    ("post", "/staff/reconciliation/export", BILLS),
    ("get", "/staff/reconciliation/{day}", BILLS),
    ("post", "/staff/reconciliation/run", FINANCE),
    ("post", "/staff/reconciliation/{day}/run", FINANCE),
    ("get", "/staff/reconciliation/{day}/close", FINANCE),
    ("post", "/staff/reconciliation/{day}/close", FINANCE),
    ("post", "/staff/reconciliation/differences/{id}/repair", ASKS),
    ("get", "/staff/merchants", TERMINALS),
    ("post", "/staff/merchants/export", TERMINALS),
    ("get", "/staff/merchants/add", CHANGES),
    ("post", "/staff/merchants/add", CHANGES),
    ("get", "/staff/merchants/{id}", TERMINALS),
    ("get", "/staff/merchants/{id}/disable", STOPS_TILLS),
    ("post", "/staff/merchants/{id}/disable", STOPS_TILLS),
    ("get", "/staff/merchants/{id}/enable", CHANGES),
    ("post", "/staff/merchants/{id}/enable", CHANGES),
    ("get", "/staff/terminals", TERMINALS),
    ("post", "/staff/terminals/export", TERMINALS),
    ("get", "/staff/terminals/add", CHANGES),
    ("post", "/staff/terminals/add", CHANGES),
    ("get", "/staff/terminals/{id}", TERMINALS),
    ("get", "/staff/terminals/{id}/disable", STOPS_TILLS),
    ("post", "/staff/terminals/{id}/disable", STOPS_TILLS),
    ("get", "/staff/terminals/{id}/enable", CHANGES),
    ("post", "/staff/terminals/{id}/enable", CHANGES),
    ("get", "/staff/terminals/{id}/rotate-key", CHANGES),
    ("post", "/staff/terminals/{id}/rotate-key", CHANGES),
    ("get", "/staff/roster-imports", OFFICE),
    ("post", "/staff/roster-imports", OFFICE),
    ("get", "/staff/roster-imports/{id}", OFFICE),
    ("get", "/staff/roster-imports/{id}/start", OFFICE),
    ("post", "/staff/roster-imports/{id}/start", OFFICE),
    ("post", "/staff/roster-imports/{id}/refused", OFFICE),
    ("get", "/staff/health", HEALTH),
    ("get", "/staff/policy", POLICY),
    ("get", "/staff/policy/edit", ADMIN),
    ("post", "/staff/policy/edit", ADMIN),
    ("post", "/staff/policy/preview", ADMIN),
    ("post", "/staff/policy/propose", ADMIN),
    ("get", "/staff/policy/versions", POLICY),
    ("get", "/staff/policy/compare", POLICY),
    ("get", "/staff/policy/versions/{seq}", POLICY),
    ("get", "/staff/policy/versions/{seq}/restore", ADMIN),
    ("get", "/staff/policy/requests", POLICY),
    ("post", "/staff/policy/requests/export", POLICY),
    ("post", "/staff/policy/requests/search", POLICY),
    ("get", "/staff/policy/requests/{id}", POLICY),
    ("post", "/staff/policy/requests/{id}/approve", ADMIN),
    ("post", "/staff/policy/requests/{id}/reject", ADMIN),
    ("post", "/staff/policy/requests/{id}/withdraw", ADMIN),
    ("get", "/staff/messages", TERMINALS),
    ("get", "/staff/messages/failed", TERMINALS),
    ("post", "/staff/messages/failed/export", TERMINALS),
    ("post", "/staff/messages/{id}/retry", HANDLES),
    ("get", "/staff/help", POLICY),
    ("get", "/staff/help/edit", ADMIN),
    ("post", "/staff/help/preview", ADMIN),
    ("post", "/staff/health/providers/{provider}/try", TRIES),
    ("get", "/staff/audit", EVERY_ROLE),
    ("get", "/staff/audit/heads", EVERY_ROLE),
    ("post", "/staff/audit/export", EVERY_ROLE),
    ("get", "/staff/cases", CASES),
    ("post", "/staff/cases/export", CASES),
    ("get", "/staff/cases/{id}", CASES),
    ("post", "/staff/cases/{id}/take", HANDLES),
    ("post", "/staff/cases/{id}/release", HANDLES),
    ("post", "/staff/cases/{id}/take-over", HANDLES),
    ("post", "/staff/cases/{id}/resolve", HANDLES),
    ("post", "/staff/cases/{id}/end-refund", ASKS),
    ("get", "/staff/doors", DOORS),
    ("post", "/staff/doors/export", DOORS),
    ("post", "/staff/doors/search", DOORS),
    ("post", "/staff/doors/rights", OFFICE),
    ("get", "/staff/doors/rights/{id}/end", OFFICE),
    ("post", "/staff/doors/rights/{id}/end", OFFICE),
    ("get", "/staff/doors/log", LOG),
    ("post", "/staff/doors/log", LOG),
    ("post", "/staff/doors/log/export", LOG),
];

const ROLES: [&str; 6] =
    ["card_office", "finance", "network_center", "counsellor", "auditor", "admin"];

async fn every_page_is_closed_to_whom_it_should_be(db: &TestDb) {
    let known: BTreeSet<(&str, String)> =
        PAGES.iter().map(|(method, path, _)| (*method, (*path).to_owned())).collect();
    assert_eq!(onecard::console::paths().collect::<BTreeSet<_>>(), known);
    let world = World::start(db).await;
    let nobody = Browser::at(&world);
    for (method, path, door) in PAGES {
        let asked = ask(&nobody, method, path, "").await;
        let away = asked.status == 303 && asked.location.starts_with("/staff/sign-in");
        assert_eq!(away, *door != Open, "nobody at {method} {path}: {}", asked.status);
    }
    for (nth, role) in ROLES.into_iter().enumerate() {
        let login = format!("m{nth}");
        let (browser, _) = Browser::of(&world, &login, &format!("10{nth}"), &[role]).await;
        let csrf = browser.get("/staff").await.with(200).field("csrf");
        // The last one ends the session.
        let pages = PAGES.iter().filter(|(_, path, _)| *path != "/staff/sign-out");
        for (method, path, door) in pages {
            let may = match door {
                Open | SignedIn => true,
                Roles(roles) => roles.contains(&role),
            };
            let status = ask(&browser, method, path, &csrf).await.status;
            let refused = status == 403;
            assert_eq!(refused, !may, "{role} at {method} {path}: {status}");
            assert!(status < 500, "{role} at {method} {path}: {status}");
        }
    }
    let lost = nobody.get("/staff/nowhere").await.with(404);
    assert!(lost.says("没有找到") && lost.headers["content-type"].starts_with("text/html"));
}

pub async fn ask(browser: &Browser, method: &str, path: &str, csrf: &str) -> super::browser::Page {
    let id = "01931c7e-0000-7000-8000-000000000000";
    let path = path.replace("{kind}", "refund").replace("{id}", id).replace("{day}", id);
    let path = path.replace("{act}", "disable").replace("{seq}", "1");
    let path = path.replace("{device}", id).replace("{binding}", id);
    match method {
        "get" => browser.get(&path).await,
        _ => browser.send(&path, &[("csrf", csrf.to_owned())]).await,
    }
}
