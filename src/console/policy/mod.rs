//! 政策: what is in force, its versions, and what is proposed.

mod change;
mod edit;
mod help;
mod request;
mod versions;

pub(super) use change::{preview, propose};
pub(super) use edit::{ask_edit, edit_again};
pub(super) use help::{ask_help, preview_help, show_help};
pub(super) use request::{PolicyRequests, path_of as request_path};
pub(super) use versions::{ask_restore, compare, list, version};

use super::{
    Console,
    audit::who,
    browser::Seat,
    frame::{Frame, PageError, shown},
    words,
};
use crate::{
    base::db::Keyset,
    policies::{PolicyDifference, PolicyField, PolicySource, PolicyVersion, SchoolTask},
    staff::guard::ReadPolicy,
    staff_accounts::StaffAct,
};
use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde_json::Value;

const HERE: (&str, &str) = ("/staff/policy", "政策");
/// The list of what is proposed.
pub(super) const REQUESTS: &str = "/staff/policy/requests";
/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;
/// So many versions are on the first page.
const VERSIONS: u16 = 10;

/// The rules of a part of the policy, in words.
struct Part {
    word: &'static str,
    rules: Vec<(&'static str, String)>,
}

/// A version as a list shows it.
struct VersionRow {
    seq: i64,
    word: String,
    from: String,
    state: &'static str,
    by: String,
    approved_by: String,
    reason: String,
    at: String,
}

/// A field that differs.
struct Changed {
    label: &'static str,
    before: String,
    after: String,
    two_persons: bool,
}

#[derive(Template)]
#[template(path = "console/policy.html")]
struct PolicyPage {
    frame: Frame,
    /// What a new school has still to do.
    tasks: Vec<SchoolTask>,
    now: String,
    parts: Vec<Part>,
    coming: Vec<VersionRow>,
    /// The newest version, where something is to begin.
    request: Option<(String, String)>,
    rows: Vec<VersionRow>,
    changes: bool,
    more: bool,
}

pub(super) async fn show(
    seat: Seat<ReadPolicy>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (desk, member) = (&console.staff, &seat.member);
    let book = desk.policy(member).await?;
    let newest = Keyset { beyond: None, descending: true, most: VERSIONS + 1 };
    let mut kept = desk.policy_versions(member, newest).await?;
    let more = kept.len() > usize::from(VERSIONS);
    kept.truncate(VERSIONS.into());
    let request = desk.waiting_policy_request(member).await?;
    let state = |one: &PolicyVersion| state_of(one, book.in_force.seq, &book.coming);
    let tasks = desk.school_tasks(member).await?;
    shown(&PolicyPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        tasks: if tasks.iter().all(|task| task.done) { Vec::new() } else { tasks },
        now: format!("第 {} 版，{} 起", book.in_force.version, book.in_force.from),
        parts: parts(&book.in_force.json()),
        coming: book.coming.iter().map(|one| row(one, "尚未生效")).collect(),
        request: request.map(|asked| {
            (request::path_of(asked.id), format!("{}：{}", asked.asked_by.login, asked.reason))
        }),
        rows: kept.iter().map(|one| row(one, state(one))).collect(),
        changes: member.roles.has(StaffAct::ChangePolicy),
        more,
    })
}

/// The rules by part, in the order of the form.
fn parts(policy: &Value) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for field in PolicyField::ALL {
        let rule = (field.label, field.words(field.of_policy(policy)));
        match parts.last_mut().filter(|part| part.word == field.group()) {
            Some(part) => part.rules.push(rule),
            None => parts.push(Part { word: field.group(), rules: vec![rule] }),
        }
    }
    parts
}

fn state_of(one: &PolicyVersion, in_force: i64, coming: &[PolicyVersion]) -> &'static str {
    if one.seq == in_force {
        return "现行";
    }
    if coming.iter().any(|other| other.seq == one.seq) {
        return "尚未生效";
    }
    if one.seq > in_force { "被替代，没有生效" } else { "以前" }
}

fn row(one: &PolicyVersion, state: &'static str) -> VersionRow {
    let source = match one.source {
        PolicySource::File => "文件导入",
        PolicySource::Console => "工作台",
    };
    VersionRow {
        seq: one.seq,
        word: format!("第 {} 版", one.version),
        from: one.from.to_string(),
        state,
        by: format!("{}，{source}", who(&one.proposed_by)),
        approved_by: one.approved_by.as_deref().map(who).unwrap_or_default(),
        reason: one.reason.clone(),
        at: words::when(one.recorded_at),
    }
}

fn changed(differences: &[PolicyDifference]) -> Vec<Changed> {
    let one = |one: &PolicyDifference| Changed {
        label: one.label,
        before: one.before.clone(),
        after: one.after.clone(),
        two_persons: one.two_persons,
    };
    differences.iter().map(one).collect()
}
