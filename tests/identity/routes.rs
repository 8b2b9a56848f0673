//! Every route and everybody who may come: a route that this table does not know fails it.

use crate::identity::support::{self, XIAOMEI, visitor};
use serde_json::json;
use std::collections::BTreeSet;
use testkit::{Answer, Student, TestDb, World, on_each_database};

on_each_database!(every_route_is_closed_to_whom_it_should_be);

/// Who passes the door of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Everybody, with a token or without.
    Open,
    /// Terminals, which sign; no token helps.
    Terminal,
    /// Who is signed in, whatever else.
    SignedIn,
    /// Who is signed in at the mini-program and has no change of password due.
    Newcomer,
    /// Who is bound, even if the default password must be changed.
    Bound,
    /// Who is bound and has no change due; the portal too.
    Reader,
    /// The same, without the portal.
    Actor,
    /// Who is bound, the portal too, even if the default password must be changed: a lost card cannot wait.
    Loser,
    /// Members of staff; no token of a student helps.
    Staff,
}

use Door::{Actor, Bound, Loser, Newcomer, Open, Reader, SignedIn, Staff, Terminal};

const ROUTES: &[(&str, &str, Door)] = &[
    ("get", "/healthz", Open),
    ("get", "/readyz", Open),
    ("get", "/api/v1/client", Open),
    ("get", "/api/v1/schools", Open),
    ("get", "/api/v1/schools/{code}", Open),
    ("post", "/api/v1/auth/wechat/login", Open),
    ("post", "/api/v1/auth/alipay/login", Open),
    ("post", "/api/v1/auth/portal/login", Open),
    ("post", "/api/v1/auth/refresh", Open),
    ("post", "/api/v1/auth/logout", Open),
    ("post", "/callbacks/{school}/wechat-pay/refunds", Open),
    ("post", "/callbacks/{school}/wechat-pay/transactions", Open),
    ("post", "/callbacks/{school}/alipay", Open),
    ("get", "/terminal/v1/config", Terminal),
    ("post", "/terminal/v1/charges", Terminal),
    ("post", "/terminal/v1/charges/{seq}/reversal", Terminal),
    ("post", "/terminal/v1/access", Terminal),
    ("get", "/api/v1/staff/door-rights", Staff),
    ("post", "/api/v1/staff/door-rights", Staff),
    ("post", "/api/v1/staff/door-rights/{id}/end", Staff),
    ("get", "/api/v1/staff/access-log", Staff),
    ("get", "/api/v1/me", SignedIn),
    ("get", "/api/v1/me/doors", Actor),
    ("get", "/api/v1/me/doors/openings/{id}", Actor),
    ("post", "/api/v1/me/doors/{door}/open", Actor),
    ("get", "/api/v1/me/phone", Actor),
    ("post", "/api/v1/me/phone", Actor),
    ("post", "/api/v1/me/phone/remove", Actor),
    ("get", "/api/v1/messages/templates", Actor),
    ("post", "/api/v1/me/portal-codes", Actor),
    ("post", "/api/v1/me/query-password", Bound),
    ("post", "/api/v1/bindings", Newcomer),
    ("post", "/api/v1/bindings/current/unbind", Bound),
    ("get", "/api/v1/card", Reader),
    ("get", "/api/v1/card/loss-reports", Loser),
    ("post", "/api/v1/card/loss-reports", Loser),
    ("post", "/api/v1/card/loss-reports/cancel", Actor),
    ("get", "/api/v1/card/statement", Reader),
    ("get", "/api/v1/card/statement.csv", Reader),
    ("get", "/api/v1/card/statement/months/{month}", Reader),
    ("post", "/api/v1/passcode/enrolments", Actor),
    ("get", "/api/v1/passcode/pay", Actor),
    ("get", "/api/v1/passcode/id", Actor),
    ("get", "/api/v1/orders", Reader),
    ("post", "/api/v1/orders", Actor),
    ("get", "/api/v1/orders/{id}", Reader),
    ("post", "/api/v1/orders/{id}/payments", Actor),
    ("post", "/api/v1/orders/{id}/close", Actor),
    ("get", "/api/v1/events", Reader),
    ("post", "/api/v1/staff/auth/login", Open),
    ("post", "/api/v1/staff/auth/refresh", Open),
    ("post", "/api/v1/staff/auth/logout", Open),
    ("post", "/api/v1/staff/auth/second-factor", Staff),
    ("get", "/api/v1/staff/me", Staff),
    ("get", "/api/v1/staff/account", Staff),
    ("post", "/api/v1/staff/account/sessions/{id}/end", Staff),
    ("post", "/api/v1/staff/account/recovery-codes", Staff),
    ("post", "/api/v1/staff/account/password", Staff),
    ("post", "/api/v1/staff/account/factor", Staff),
    ("post", "/api/v1/staff/account/factor/confirm", Staff),
    ("get", "/api/v1/staff/staff", Staff),
    ("post", "/api/v1/staff/staff", Staff),
    ("get", "/api/v1/staff/staff/{id}", Staff),
    ("post", "/api/v1/staff/staff/{id}/link-wecom", Staff),
    ("post", "/api/v1/staff/staff/{id}/unlink-wecom", Staff),
    ("post", "/api/v1/staff/staff/{id}/disable", Staff),
    ("post", "/api/v1/staff/staff/{id}/enable", Staff),
    ("post", "/api/v1/staff/staff/{id}/end-sessions", Staff),
    ("post", "/api/v1/staff/staff/{id}/roles", Staff),
    ("post", "/api/v1/staff/staff/{id}/reset-factor", Staff),
    ("post", "/api/v1/staff/staff/{id}/classes", Staff),
    ("get", "/api/v1/staff/staff-requests", Staff),
    ("get", "/api/v1/staff/staff-requests/{id}", Staff),
    ("post", "/api/v1/staff/staff-requests/{id}/approve", Staff),
    ("post", "/api/v1/staff/staff-requests/{id}/reject", Staff),
    ("post", "/api/v1/staff/staff-requests/{id}/withdraw", Staff),
    ("get", "/api/v1/staff/messages", Staff),
    ("get", "/api/v1/staff/messages/failed", Staff),
    ("post", "/api/v1/staff/messages/{id}/retry", Staff),
    ("get", "/api/v1/staff/policy", Staff),
    ("get", "/api/v1/staff/policy/versions", Staff),
    ("get", "/api/v1/staff/policy/versions/{seq}", Staff),
    ("post", "/api/v1/staff/policy/preview", Staff),
    ("post", "/api/v1/staff/policy/propose", Staff),
    ("get", "/api/v1/staff/policy/requests", Staff),
    ("get", "/api/v1/staff/policy/requests/{id}", Staff),
    ("post", "/api/v1/staff/policy/requests/{id}/approve", Staff),
    ("post", "/api/v1/staff/policy/requests/{id}/reject", Staff),
    ("post", "/api/v1/staff/policy/requests/{id}/withdraw", Staff),
    ("get", "/api/v1/staff/audit", Staff),
    ("get", "/api/v1/staff/audit/heads", Staff),
    ("get", "/api/v1/staff/health", Staff),
    ("get", "/api/v1/staff/today", Staff),
    ("post", "/api/v1/staff/exports", Staff),
    ("get", "/api/v1/staff/exports", Staff),
    ("get", "/api/v1/staff/exports/{id}", Staff),
    ("get", "/api/v1/staff/exports/{id}/file", Staff),
    ("post", "/api/v1/staff/health/providers/{provider}/try", Staff),
    ("get", "/api/v1/staff/terminals", Staff),
    ("post", "/api/v1/staff/terminals", Staff),
    ("get", "/api/v1/staff/terminals/{id}", Staff),
    ("post", "/api/v1/staff/terminals/{id}/disable", Staff),
    ("post", "/api/v1/staff/terminals/{id}/enable", Staff),
    ("post", "/api/v1/staff/terminals/{id}/rotate-key", Staff),
    ("get", "/api/v1/staff/merchants", Staff),
    ("post", "/api/v1/staff/merchants", Staff),
    ("get", "/api/v1/staff/merchants/{id}", Staff),
    ("post", "/api/v1/staff/merchants/{id}/disable", Staff),
    ("post", "/api/v1/staff/merchants/{id}/enable", Staff),
    ("get", "/api/v1/staff/orders", Staff),
    ("post", "/api/v1/staff/orders/search", Staff),
    ("get", "/api/v1/staff/orders/{id}", Staff),
    ("post", "/api/v1/staff/orders/{id}/query", Staff),
    ("post", "/api/v1/staff/refunds/{id}/query", Staff),
    ("post", "/api/v1/staff/people/search", Staff),
    ("get", "/api/v1/staff/people/{id}", Staff),
    ("get", "/api/v1/staff/people/{id}/orders", Staff),
    ("get", "/api/v1/staff/people/{id}/statement", Staff),
    ("post", "/api/v1/staff/people/{id}/loss", Staff),
    ("post", "/api/v1/staff/people/{id}/cancel-loss", Staff),
    ("post", "/api/v1/staff/people/{id}/devices/{device}/end", Staff),
    ("post", "/api/v1/staff/people/{id}/bindings/{binding}/end", Staff),
    ("post", "/api/v1/staff/people/{id}/reveal", Staff),
    ("get", "/api/v1/staff/roster-imports", Staff),
    ("post", "/api/v1/staff/roster-imports", Staff),
    ("get", "/api/v1/staff/roster-imports/{id}", Staff),
    ("post", "/api/v1/staff/roster-imports/{id}/start", Staff),
    ("get", "/api/v1/staff/roster-imports/{id}/refused", Staff),
    ("get", "/api/v1/staff/cases", Staff),
    ("get", "/api/v1/staff/cases/{id}", Staff),
    ("post", "/api/v1/staff/cases/{id}/take", Staff),
    ("post", "/api/v1/staff/cases/{id}/release", Staff),
    ("post", "/api/v1/staff/cases/{id}/take-over", Staff),
    ("post", "/api/v1/staff/cases/{id}/resolve", Staff),
    ("post", "/api/v1/staff/people/{id}/password-reset", Staff),
    ("get", "/api/v1/staff/password-resets", Staff),
    ("get", "/api/v1/staff/password-resets/{id}", Staff),
    ("post", "/api/v1/staff/password-resets/{id}/approve", Staff),
    ("post", "/api/v1/staff/password-resets/{id}/reject", Staff),
    ("post", "/api/v1/staff/password-resets/{id}/withdraw", Staff),
    ("post", "/api/v1/staff/people/{id}/adjust", Staff),
    ("get", "/api/v1/staff/adjustments", Staff),
    ("get", "/api/v1/staff/adjustments/{id}", Staff),
    ("post", "/api/v1/staff/adjustments/{id}/approve", Staff),
    ("post", "/api/v1/staff/adjustments/{id}/reject", Staff),
    ("post", "/api/v1/staff/adjustments/{id}/withdraw", Staff),
    ("get", "/api/v1/staff/refunds", Staff),
    ("post", "/api/v1/staff/refunds", Staff),
    ("get", "/api/v1/staff/refunds/{id}", Staff),
    ("post", "/api/v1/staff/refunds/{id}/approve", Staff),
    ("post", "/api/v1/staff/refunds/{id}/end", Staff),
    ("post", "/api/v1/staff/refunds/{id}/reject", Staff),
    ("post", "/api/v1/staff/refunds/{id}/withdraw", Staff),
    ("get", "/api/v1/staff/reconciliation/days", Staff),
    ("get", "/api/v1/staff/reconciliation/days/{id}/differences", Staff),
    ("post", "/api/v1/staff/reconciliation/differences/{id}/repair", Staff),
    ("post", "/api/v1/staff/reconciliation/{provider}/{date}/run", Staff),
    ("post", "/api/v1/staff/reconciliation/{provider}/{date}/close", Staff),
    ("get", "/api/v1/staff/reconciliation/repairs", Staff),
    ("get", "/api/v1/staff/reconciliation/repairs/{id}", Staff),
    ("post", "/api/v1/staff/reconciliation/repairs/{id}/approve", Staff),
    ("post", "/api/v1/staff/reconciliation/repairs/{id}/reject", Staff),
    ("post", "/api/v1/staff/reconciliation/repairs/{id}/withdraw", Staff),
];

/// Somebody, and whom each door turns them away with.
type Visitor<'a> = (&'static str, Option<&'a Student>, fn(Door) -> Option<&'static str>);

const UNSIGNED: &str = "signature_invalid";
const UNKNOWN: &str = "unauthenticated";

fn without_token(door: Door) -> Option<&'static str> {
    match door {
        Open => None,
        Terminal => Some(UNSIGNED),
        SignedIn | Newcomer | Bound | Reader | Actor | Loser | Staff => Some(UNKNOWN),
    }
}

fn unbound(door: Door) -> Option<&'static str> {
    match door {
        Open | SignedIn | Newcomer => None,
        Terminal => Some(UNSIGNED),
        Staff => Some(UNKNOWN),
        Bound | Reader | Actor | Loser => Some("not_bound"),
    }
}

fn change_due(door: Door) -> Option<&'static str> {
    match door {
        Open | SignedIn | Bound | Loser => None,
        Terminal => Some(UNSIGNED),
        Staff => Some(UNKNOWN),
        Newcomer | Reader | Actor => Some("pin_default_must_change"),
    }
}

fn portal(door: Door) -> Option<&'static str> {
    match door {
        Open | SignedIn | Reader | Loser => None,
        Terminal => Some(UNSIGNED),
        Staff => Some(UNKNOWN),
        Newcomer | Bound | Actor => Some("portal_read_only"),
    }
}

fn student(door: Door) -> Option<&'static str> {
    match door {
        Terminal => Some(UNSIGNED),
        Staff => Some(UNKNOWN),
        Open | SignedIn | Newcomer | Bound | Reader | Actor | Loser => None,
    }
}

async fn every_route_is_closed_to_whom_it_should_be(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "ynart").await;
    let bound = world.student(0).await;
    let due = world.login(1).await;
    due.bind("ynart", (XIAOMEI.0, XIAOMEI.2)).await.body(201);
    let (stranger, looker) =
        (world.login(2).await, visitor(&world, "xnec", ("2301002", "102008")).await);
    let visitors: [Visitor<'_>; 5] = [
        ("nobody", None, without_token),
        ("unbound", Some(&stranger), unbound),
        ("a change is due", Some(&due), change_due),
        ("portal", Some(&looker), portal),
        ("student", Some(&bound), student),
    ];
    let document = world.api().get("/api/openapi.json").await.body(200);
    let mut unknown: BTreeSet<_> =
        ROUTES.iter().map(|(method, path, _)| (*method, *path)).collect();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let route = ROUTES.iter().find(|(m, p, _)| m == method && p == path);
            let (_, _, door) = route.unwrap_or_else(|| panic!("who may {method} {path}?"));
            unknown.remove(&(method.as_str(), path.as_str()));
            for (who, student, refused) in &visitors {
                let answer = ask(&world, *student, method, path).await;
                let what = format!("{who}: {method} {path}");
                check(&answer, refused(*door), &what);
            }
        }
    }
    assert!(unknown.is_empty(), "in the table and nowhere else: {unknown:?}");
}

async fn ask(world: &World, student: Option<&Student>, method: &str, path: &str) -> Answer {
    let (id, body) = (uuid::Uuid::nil().to_string(), json!({}));
    let path = path.replace("{id}", &id).replace("{code}", "xnec").replace("{school}", "xnec");
    let path = path.replace("{month}", "2026-11").replace("{seq}", "1").replace("{door}", &id);
    let path = path.replace("{device}", &id).replace("{binding}", &id);
    match (student, method) {
        (Some(student), "get") => student.get(&path).await,
        (Some(student), _) => student.post(&path, &body).await,
        (None, "get") => world.api().get(&path).await,
        (None, _) => world.api().post(&path, &body).await,
    }
}

/// Turned away with that code, or let in, whatever is then wrong with the request.
fn check(answer: &Answer, refused: Option<&str>, what: &str) {
    const DOORS: [&str; 3] = ["not_bound", "pin_default_must_change", "portal_read_only"];
    match refused {
        Some(code @ (UNKNOWN | UNSIGNED)) => drop(answer.problem(what, 401, code)),
        Some(code) => drop(answer.problem(what, 403, code)),
        None if answer.status >= 400 => {
            let problem = answer.json();
            let code = problem["code"].as_str().unwrap();
            assert!(!DOORS.contains(&code), "{what}: {code}");
            assert!(answer.status < 500, "{what}: {code}");
        }
        None => {}
    }
}
