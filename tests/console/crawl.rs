//! Names, reasons and texts that are markup and formulas, in every page that links lead to: they are text
//! there, no file begins a cell with them, and neither an address nor the log of the server names a person.

use super::{
    browser::{Browser, Page},
    people::listed,
    routes,
};
use crate::{ONECARD, staff::cases};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use testkit::{Program, TestDb, World, eventually, on_each_database};

on_each_database!(nothing_that_was_typed_runs_and_no_address_names_a_person);

const SCRIPT: &str = "<script>alert(1)</script>";
const FORMULA: &str = "=1+1<script>alert(1)</script>";
const NUMBER: &str = "X990417";
const PHONE: &str = "13800137731";
const NAME: &str = "=王<script>alert(1)</script>";
const ROLES: [&str; 6] =
    ["card_office", "finance", "network_center", "counsellor", "auditor", "admin"];

/// Pages that are opened at least; more are as they are linked.
const OPENED: &[&str] = &[
    "/staff",
    "/staff/account",
    "/staff/account/password",
    "/staff/account/recovery-codes",
    "/staff/adjustments",
    "/staff/adjustments/{id}",
    "/staff/approvals",
    "/staff/audit",
    "/staff/cases",
    "/staff/cases/{id}",
    "/staff/doors",
    "/staff/doors/log",
    "/staff/exports",
    "/staff/health",
    "/staff/help",
    "/staff/help/edit",
    "/staff/merchants",
    "/staff/merchants/add",
    "/staff/merchants/{id}",
    "/staff/merchants/{id}/disable",
    "/staff/messages",
    "/staff/messages/failed",
    "/staff/orders",
    "/staff/password-resets",
    "/staff/password-resets/{id}",
    "/staff/people",
    "/staff/people/{id}",
    "/staff/people/{id}/adjust",
    "/staff/people/{id}/loss",
    "/staff/people/{id}/password-reset",
    "/staff/people/{id}/reveal",
    "/staff/policy",
    "/staff/policy/edit",
    "/staff/policy/versions/{seq}",
    "/staff/reconciliation",
    "/staff/roster-imports",
    "/staff/roster-imports/{id}",
    "/staff/staff",
    "/staff/staff/add",
    "/staff/staff/{id}",
    "/staff/staff-requests/{id}",
    "/staff/terminals",
    "/staff/terminals/add",
    "/staff/terminals/{id}",
    "/staff/terminals/{id}/disable",
    "/staff/terminals/{id}/rotate-key",
];

/// Sends a form as its page has it, with these fields; the page that it leads to.
async fn fill(browser: &Browser, of: &str, to: &str, fields: &[(&str, &str)]) -> Page {
    let form = browser.get(of).await.with(200);
    let hidden = ["form_id", "version", "seen", "base", "from", "changes", "restore"];
    let known: BTreeMap<&str, String> = hidden
        .into_iter()
        .filter(|name| form.says(&format!("name=\"{name}\" value=\"")))
        .map(|name| (name, form.field(name).replace("&#34;", "\"")))
        .collect();
    let hidden = known.iter().map(|(name, value)| (*name, value.as_str()));
    let fields: Vec<_> = hidden
        .filter(|(name, _)| fields.iter().all(|(own, _)| own != name))
        .chain(fields.iter().copied())
        .collect();
    let sent = browser.submit(&form, to, &fields).await;
    assert!([200, 303].contains(&sent.status), "{to}: {} {}", sent.status, sent.html);
    if sent.status == 303 { browser.follow(&sent).await.with(200) } else { sent }
}

/// What somebody types at every desk.
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn type_everywhere(world: &World, browser: &Browser) {
    let rows = format!("{NUMBER},{NAME},,{PHONE},student,{FORMULA},{FORMULA},\n");
    listed(world, "xnec", &rows).await;
    let person = format!("/staff/people/{}", world.rows.person("xnec", NUMBER).await);
    let reason = ("reason", FORMULA);
    let right = [("student_no", NUMBER), ("group", FORMULA), ("until", ""), ("hours", ""), reason];
    fill(browser, "/staff/doors", "/staff/doors/rights", &right).await;
    let merchant = [("code", "m9"), ("name", FORMULA), reason];
    fill(browser, "/staff/merchants/add", "/staff/merchants/add", &merchant).await;
    let till = [("code", "T9"), ("kind", "pos"), ("merchant", "m9"), ("door_group", ""), reason];
    fill(browser, "/staff/terminals/add", "/staff/terminals/add", &till).await;
    let reset = format!("{person}/password-reset");
    fill(browser, &reset, &reset, &[reason]).await;
    let adjust = format!("{person}/adjust");
    let change = [("way", "up"), ("amount", "12"), reason];
    let asks = fill(browser, &adjust, &adjust, &change).await;
    let seen = asks.field("seen");
    let (id, csrf) = (asks.field("form_id"), &asks);
    let sure = [&change[..], &[("seen", &*seen), ("form_id", &*id)]].concat();
    browser.submit(csrf, &adjust, &sure).await.with(303);
    let login =
        [("login", "zhao"), ("staff_no", "1005"), ("card_office", "on"), ("finance", "on"), reason];
    fill(browser, "/staff/staff/add", "/staff/staff/add", &login).await;
    let loss = format!("{person}/loss");
    fill(browser, &loss, &loss, &[reason]).await;
    let open = [("shipping", "1".repeat(32), FORMULA)];
    let case = format!("/staff/cases/{}", cases::open(world, &open).await[0]);
    fill(browser, &case, &format!("{case}/take"), &[]).await;
    fill(browser, &case, &format!("{case}/resolve"), &[("text", FORMULA)]).await;
    cases::two(world).await;
    let list = browser.get("/staff/roster-imports").await.with(200);
    let file = format!(
        "student_no,name,id_number,phone,kind,department,class_name,valid_until\n\
         {NUMBER},{NAME},,{PHONE},student,{SCRIPT},{SCRIPT},\n{FORMULA},王,,{FORMULA},student,,,\n"
    );
    let named = ("<b>=1.csv", file.as_bytes());
    let sent = browser.send_file(&list, "/staff/roster-imports", named).await;
    let roster = sent.with(303).location;
    eventually("the roster is checked", async || {
        (!browser.get(&roster).await.with(200).says("<progress")).then_some(())
    })
    .await;
    let job = "INSERT INTO outbox (id, school_id, kind, subject, day, created_at, due_at, leased_until, \
               tries, state, reason) VALUES ($1, $2, 'message_credited', 'x', 1, 1, 1, 0, 1, 'refused', $3)";
    let school = world.rows.school("xnec").await;
    let id = uuid::Uuid::now_v7();
    world.rows.change(job, [id.into(), school.into(), FORMULA.into()]).await;
    for text in [NUMBER, NAME, PHONE] {
        fill(browser, "/staff/people", "/staff/people/search", &[("text", text)]).await;
    }
    let held = [("student_no", NUMBER), ("group", "")];
    fill(browser, "/staff/doors", "/staff/doors/search", &held).await;
}

fn attributes(page: &Page, name: &str) -> Vec<String> {
    let before = format!(" {name}=\"");
    let values = page.html.split(before.as_str()).skip(1);
    values.map(|rest| rest.split_once('"').unwrap().0.replace("&#38;", "&")).collect()
}

fn names_a_person(address: &str) -> bool {
    [NUMBER, PHONE, "%E7%8E%8B", "王"].iter().any(|word| address.contains(word))
}

/// What is wrong with a page.
fn faults(path: &str, page: &Page) -> Vec<String> {
    let said = page.html.replace("<script src=\"/staff/assets/", "");
    let markup = ["<script", "<b>", "javascript:"].into_iter().filter(|one| said.contains(one));
    let mut found: Vec<String> = markup.map(|one| format!("{path}: {one}")).collect();
    // Addresses that name nobody may be told to our own pages alone.
    for (name, value) in [("referrer-policy", "same-origin"), ("cache-control", "no-store")] {
        if page.headers.get(name).is_none_or(|is| is != value) {
            found.push(format!("{path}: {name}"));
        }
    }
    for name in ["href", "action", "src"] {
        let addresses = attributes(page, name);
        let named = addresses.iter().filter(|one| !one.starts_with("data:") && names_a_person(one));
        found.extend(named.map(|address| format!("{path}: {address}")));
    }
    found
}

/// The route of an address.
fn route_of(path: &str) -> Option<&'static str> {
    let path = path.split(['?', '#']).next().unwrap();
    let gets = routes::PAGES.iter().filter(|(method, ..)| *method == "get");
    let mut fits = gets.map(|(_, route, _)| *route).filter(|route| {
        let (a, b): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.starts_with('{') || a == b)
    });
    let first = fits.next()?;
    Some(fits.fold(first, |best, one| if one.contains('{') { best } else { one }))
}

/// What was found at every page that links lead to from the first one.
#[derive(Default)]
struct Found {
    routes: BTreeSet<&'static str>,
    /// Forms that export.
    exports: BTreeSet<String>,
    faults: Vec<String>,
}

async fn crawl(browser: &Browser) -> Found {
    let mut waits: VecDeque<String> =
        ["/staff".to_owned(), "/staff/reconciliation".to_owned()].into();
    let (mut known, mut found) = (BTreeSet::new(), Found::default());
    while let Some(path) = waits.pop_front() {
        let at = path.split('#').next().unwrap().to_owned();
        if !known.insert(at.clone()) || known.len() > 600 {
            continue;
        }
        let page = browser.get(&at).await;
        if page.status == 303 {
            if names_a_person(&page.location) {
                found.faults.push(format!("{at}: {}", page.location));
            }
            waits.push_back(page.location);
            continue;
        }
        if page.status != 200 {
            found.faults.push(format!("{at}: {}", page.status));
            continue;
        }
        if !page.headers["content-type"].starts_with("text/html") {
            continue;
        }
        found.faults.extend(faults(&at, &page));
        found.routes.extend(route_of(&at));
        let links = attributes(&page, "href").into_iter();
        // Each sort and filter of a list once more, and each day before, would be without end.
        let links = links.filter(|to| {
            to.starts_with("/staff") && !to.contains("/assets/") && !to.contains("?day=")
        });
        waits.extend(links.filter(|to| to.matches('&').count() < 2 && !to.contains("/auth/")));
        let forms = attributes(&page, "action").into_iter();
        found.exports.extend(forms.filter(|to| to.split('?').next().unwrap().ends_with("/export")));
    }
    assert!(known.len() <= 600, "without end: {known:?}");
    found
}

async fn nothing_that_was_typed_runs_and_no_address_names_a_person(db: &TestDb) {
    let world = World::unserved(db).await;
    let mut program = Program::of(&world, ONECARD);
    program.start().await;
    let browser = Browser::at_program(&program);
    let (browser, _) = browser.enrolled(&world, ("all", "9001"), &ROLES).await;
    type_everywhere(&world, &browser).await;
    let Found { routes, exports, mut faults } = crawl(&browser).await;
    let missing = OPENED.iter().filter(|route| !routes.contains(*route));
    faults.extend(missing.map(|route| format!("no link led to {route}")));
    assert!(exports.len() >= 5, "{exports:?}");
    for export in exports {
        let of = export.replacen("/export", "", 1);
        let page = browser.get(&of).await.with(200);
        let file = browser.submit(&page, &export, &[("format", "csv")]).await;
        if file.status == 200 {
            let cells = file.html.split(['\n', ',', '\u{feff}']);
            let cells = cells.filter(|cell| cell.trim_start_matches('"').starts_with('='));
            faults.extend(cells.map(|cell| format!("{export}: {cell}")));
        }
    }
    let log = program.log();
    assert!(log.contains("/staff/people"), "requests are logged by their routes: {log}");
    let told = [NUMBER, PHONE, "alert(1)"].into_iter().filter(|person| log.contains(person));
    faults.extend(told.map(|person| format!("the log has {person}")));
    assert!(faults.is_empty(), "{faults:#?}");
}
