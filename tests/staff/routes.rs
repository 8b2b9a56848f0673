//! Every path of staff, every role, and the age of the second factor: a path that this table does not know
//! fails it.

use super::{support::Member, whole_way::staff};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::{Answer, TestDb, World, eventually, on_each_database};

on_each_database!(
    every_path_is_closed_to_other_roles_and_old_factors,
    exports_need_the_rights_of_their_lists,
);

/// Card office, finance, network centre, counsellor, auditor, admin; in this order in [`PATHS`].
const ROLES: [&str; 6] =
    ["card_office", "finance", "network_center", "counsellor", "auditor", "admin"];

/// Nobody needs to be signed in.
const OPEN: &str = "open";
/// Whoever is signed in.
const ALL: &str = "CFNKAM";

/// Who may, and whether that needs a second factor of the last ten minutes.
const PATHS: &[(&str, &str, bool)] = &[
    ("post auth/login", OPEN, false),
    ("post auth/refresh", OPEN, false),
    ("post auth/logout", OPEN, false),
    ("post auth/second-factor", ALL, false),
    ("get me", ALL, false),
    ("get today", ALL, false),
    ("get account", ALL, false),
    ("post account/sessions/{id}/end", ALL, false),
    ("post account/recovery-codes", ALL, true),
    ("post account/factor", ALL, true),
    ("post account/factor/confirm", ALL, true),
    ("post account/password", ALL, true),
    ("get audit", ALL, false),
    ("get audit/heads", ALL, false),
    ("post exports", ALL, false),
    ("get exports", ALL, false),
    ("get exports/{id}", ALL, false),
    ("get exports/{id}/file", ALL, false),
    ("get health", "-FN-AM", false),
    ("post health/providers/{provider}/try", "--N--M", false),
    ("post people/search", "CFNKA-", false),
    ("get people/{id}", "CFNKA-", false),
    ("get people/{id}/statement", "CF--A-", false),
    ("get people/{id}/orders", "CF--A-", false),
    ("post people/{id}/reveal", "CFN---", true),
    ("post people/{id}/loss", "C-N---", false),
    ("post people/{id}/cancel-loss", "C-N---", false),
    ("post people/{id}/devices/{device}/end", "C-N---", false),
    ("post people/{id}/bindings/{binding}/end", "C-N---", false),
    ("post people/{id}/password-reset", "C-----", true),
    ("get password-resets", "C-----", false),
    ("get password-resets/{id}", "C-----", false),
    ("post password-resets/{id}/approve", "C-----", true),
    ("post password-resets/{id}/reject", "C-----", true),
    ("post password-resets/{id}/withdraw", "C-----", true),
    ("post people/{id}/adjust", "CF----", true),
    ("get adjustments", "CF--A-", false),
    ("get adjustments/{id}", "CF--A-", false),
    ("post adjustments/{id}/approve", "-F----", true),
    ("post adjustments/{id}/reject", "-F----", true),
    ("post adjustments/{id}/withdraw", "CF----", true),
    ("get orders", "CF--A-", false),
    ("post orders/search", "CF--A-", false),
    ("get orders/{id}", "CF--A-", false),
    ("post orders/{id}/query", "CF----", false),
    ("get refunds", "CF--A-", false),
    ("get refunds/{id}", "CF--A-", false),
    ("post refunds", "CF----", true),
    ("post refunds/{id}/query", "CF----", false),
    ("post refunds/{id}/approve", "-F----", true),
    ("post refunds/{id}/reject", "-F----", true),
    ("post refunds/{id}/withdraw", "CF----", true),
    ("post refunds/{id}/end", "CF----", true),
    ("get reconciliation/days", "CF--A-", false),
    ("get reconciliation/days/{id}/differences", "CF--A-", false),
    ("post reconciliation/{provider}/{date}/run", "-F----", false),
    ("post reconciliation/{provider}/{date}/close", "-F----", true),
    ("post reconciliation/differences/{id}/repair", "CF----", true),
    ("get reconciliation/repairs", "CF--A-", false),
    ("get reconciliation/repairs/{id}", "CF--A-", false),
    ("post reconciliation/repairs/{id}/approve", "-F----", true),
    ("post reconciliation/repairs/{id}/reject", "-F----", true),
    ("post reconciliation/repairs/{id}/withdraw", "CF----", true),
    ("get cases", "CFN-A-", false),
    ("get cases/{id}", "CFN-A-", false),
    ("post cases/{id}/take", "CFN---", false),
    ("post cases/{id}/release", "CFN---", false),
    ("post cases/{id}/take-over", "CFN---", false),
    // Only what is about money needs more, of which this path learns from the case.
    ("post cases/{id}/resolve", "CFN---", false),
    ("get door-rights", "C-N-A-", false),
    ("post door-rights", "C-----", true),
    ("post door-rights/{id}/end", "C-----", true),
    ("get access-log", "C---A-", true),
    ("get merchants", "CFN-A-", false),
    ("get merchants/{id}", "CFN-A-", false),
    ("post merchants", "C-N---", true),
    ("post merchants/{id}/disable", "CFN---", false),
    ("post merchants/{id}/enable", "C-N---", true),
    ("get terminals", "CFN-A-", false),
    ("get terminals/{id}", "CFN-A-", false),
    ("post terminals", "C-N---", true),
    ("post terminals/{id}/disable", "CFN---", false),
    ("post terminals/{id}/enable", "C-N---", true),
    ("post terminals/{id}/rotate-key", "C-N---", true),
    ("get roster-imports", "C-----", false),
    ("get roster-imports/{id}", "C-----", false),
    ("get roster-imports/{id}/refused", "C-----", false),
    ("post roster-imports", "C-----", true),
    ("post roster-imports/{id}/start", "C-----", true),
    ("get messages", "CFN-A-", false),
    ("get messages/failed", "CFN-A-", false),
    ("post messages/{id}/retry", "CFN---", false),
    ("get policy", "CFN-AM", false),
    ("get policy/versions", "CFN-AM", false),
    ("get policy/versions/{seq}", "CFN-AM", false),
    ("get policy/requests", "CFN-AM", false),
    ("get policy/requests/{id}", "CFN-AM", false),
    ("post policy/preview", "-----M", true),
    ("post policy/propose", "-----M", true),
    ("post policy/requests/{id}/approve", "-----M", true),
    ("post policy/requests/{id}/reject", "-----M", true),
    ("post policy/requests/{id}/withdraw", "-----M", true),
    ("get staff", "----AM", false),
    ("get staff/{id}", "----AM", false),
    ("post staff", "-----M", true),
    ("post staff/{id}/disable", "-----M", true),
    ("post staff/{id}/enable", "-----M", true),
    ("post staff/{id}/end-sessions", "-----M", true),
    ("post staff/{id}/roles", "-----M", true),
    ("post staff/{id}/reset-factor", "-----M", true),
    ("post staff/{id}/classes", "-----M", true),
    ("post staff/{id}/link-wecom", "-----M", true),
    ("post staff/{id}/unlink-wecom", "-----M", true),
    ("get staff-requests", "----AM", false),
    ("get staff-requests/{id}", "----AM", false),
    ("post staff-requests/{id}/approve", "-----M", true),
    ("post staff-requests/{id}/reject", "-----M", true),
    ("post staff-requests/{id}/withdraw", "-----M", true),
];

const BASE: &str = "/api/v1/staff/";

/// The paths of the document below [`BASE`], which must be those of the table.
async fn assert_complete(world: &World) {
    let document = world.api().get("/api/openapi.json").await.body(200);
    let mut known: BTreeSet<String> = PATHS.iter().map(|(line, ..)| (*line).to_owned()).collect();
    assert_eq!(known.len(), PATHS.len(), "a path stands twice in the table");
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(path) = path.strip_prefix(BASE) else { continue };
        for method in methods.as_object().unwrap().keys() {
            let line = format!("{method} {path}");
            assert!(known.remove(&line), "who may {line}?");
        }
    }
    assert!(known.is_empty(), "in the table and nowhere else: {known:?}");
}

async fn ask(member: &Member, line: &str) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let id = "01931c7e-0000-7000-8000-000000000000";
    let path = ["{id}", "{device}", "{binding}"]
        .iter()
        .fold(path.to_owned(), |path, name| path.replace(name, id))
        .replace("{provider}", "wecom")
        .replace("{date}", "2026-11-28")
        .replace("{seq}", "1");
    match method {
        "get" => member.get(&format!("{BASE}{path}")).await,
        _ => member.post(&format!("{BASE}{path}"), &json!({})).await,
    }
}

fn code(answer: &Answer) -> (u16, String) {
    let body: Value = if answer.status == 403 { answer.json() } else { Value::Null };
    (answer.status, body["code"].as_str().unwrap_or_default().to_owned())
}

async fn every_path_is_closed_to_other_roles_and_old_factors(db: &TestDb) {
    let world = World::start(db).await;
    assert_complete(&world).await;
    for (nth, role) in ROLES.into_iter().enumerate() {
        let member = staff(&world, &format!("m{nth}"), &format!("10{nth}"), role).await;
        for (line, who, _) in PATHS {
            let may = *who == OPEN || who.as_bytes()[nth] != b'-';
            let (status, code) = code(&ask(&member, line).await);
            assert_eq!(code == "staff_right_missing", !may, "{role}: {line}: {status} {code}");
            assert_ne!(code, "second_factor_needed", "{role}: {line}");
            assert!(status < 500, "{role}: {line}: {status}");
        }
        stale(&world, &member).await;
        for (line, who, needs_fresh) in PATHS {
            let may = *who == OPEN || who.as_bytes()[nth] != b'-';
            let refused = match (may, needs_fresh) {
                (false, _) => "staff_right_missing",
                (true, true) => "second_factor_needed",
                (true, false) => "",
            };
            let (status, code) = code(&ask(&member, line).await);
            assert_eq!(code, refused, "{role}, later: {line}: {status}");
        }
    }
}

/// Ten minutes later, without the second factor since. The copy of a session is at most a second old.
async fn stale(world: &World, member: &Member) {
    let older = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(older, [600_000_000_i64.into()]).await;
    eventually("the copy of the session is old", async || {
        let code = code(&ask(member, "post account/recovery-codes").await).1;
        (code == "second_factor_needed").then_some(())
    })
    .await;
}

async fn exports_need_the_rights_of_their_lists(db: &TestDb) {
    let world = World::start(db).await;
    let lists = [
        ("orders", "CF--A-", false),
        ("people", "C-----", true),
        ("cases", "CFN-A-", false),
        ("terminals", "CFN-A-", false),
        ("audit", "CFNKAM", false),
    ];
    for (nth, role) in ROLES.into_iter().enumerate() {
        let member = staff(&world, &format!("m{nth}"), &format!("10{nth}"), role).await;
        for is_stale in [false, true] {
            if is_stale {
                stale(&world, &member).await;
            }
            for (list, who, needs_fresh) in lists {
                let may = who.as_bytes()[nth] != b'-';
                let refused = match (may, needs_fresh && is_stale) {
                    (false, _) => "staff_right_missing",
                    (true, true) => "second_factor_needed",
                    (true, false) => "",
                };
                let body = json!({ "list": list, "format": "csv" });
                let answer = member.post("/api/v1/staff/exports", &body).await;
                let (status, code) = code(&answer);
                assert_eq!(code, refused, "{role}: {list}: {status}");
            }
        }
    }
}
