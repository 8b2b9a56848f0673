//! Versions of the policy, what differs between two, and going back to one.

use super::{
    Changed, HERE, Part, VersionRow,
    change::{Wanted, preview_page},
    changed, parts, row, state_of,
};
use crate::{
    base::db::Keyset,
    console::{
        Console,
        browser::Seat,
        frame::{Frame, PageError, shown},
        list::{Address, Pages, Place},
    },
    policies::{PolicyContent, PolicyDifference, PolicyEdit, PolicyVersion},
    staff::guard::{ChangePolicy, ReadPolicy},
    staff_accounts::StaffAct,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

const LIST: Address = Address::of("/staff/policy/versions");

#[derive(Template)]
#[template(path = "console/policy_versions.html")]
struct VersionsPage {
    frame: Frame,
    rows: Vec<VersionRow>,
    pages: Pages,
}

#[derive(Template)]
#[template(path = "console/policy_version.html")]
struct VersionPage {
    frame: Frame,
    row: VersionRow,
    parts: Vec<Part>,
    /// What it changed of the version before.
    differences: Vec<Changed>,
    /// Where one goes back to it.
    restores: Option<String>,
    /// Where it does not begin after all.
    stops: Option<String>,
}

#[derive(Template)]
#[template(path = "console/policy_compare.html")]
struct ComparePage {
    frame: Frame,
    words: [String; 2],
    differences: Vec<Changed>,
}

/// Which two; who may not see them is told so first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Two {
    from: i64,
    to: i64,
}

/// From which day.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct RestoreAsked {
    from: Option<String>,
}

pub(in crate::console) async fn list(
    seat: Seat<ReadPolicy>,
    place: Query<Place<i64>>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let desk = &console.staff;
    let found = desk.policy_versions(&seat.member, place.keyset()).await?;
    let (found, pages) = place.turn(found, |one| one.seq, &LIST);
    let book = desk.policy(&seat.member).await?;
    let state = |one: &PolicyVersion| state_of(one, book.in_force.seq, &book.coming);
    shown(&VersionsPage {
        frame: Frame::of(&seat, &console, (HERE.0, "政策的版本")).await?,
        rows: found.iter().map(|one| row(one, state(one))).collect(),
        pages,
    })
}

pub(in crate::console) async fn version(
    seat: Seat<ReadPolicy>,
    seq: Path<i64>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (desk, member) = (&console.staff, &seat.member);
    let one = desk.policy_version(member, seq.into_inner()).await?;
    let book = desk.policy(member).await?;
    let before = Keyset { beyond: Some(one.seq), descending: true, most: 1 };
    let before = desk.policy_versions(member, before).await?;
    let before = before.into_iter().next().and_then(|before| before.policy);
    let differences = match (&before, &one.policy) {
        (Some(before), Some(policy)) => PolicyDifference::between(before, policy),
        (_, _) => Vec::new(),
    };
    let state = state_of(&one, book.in_force.seq, &book.coming);
    let (may, coming) = (member.roles.has(StaffAct::ChangePolicy), state == "尚未生效");
    let restore = |seq: i64| format!("{}/versions/{seq}/restore", HERE.0);
    let earlier = book.coming.iter().rev().find(|other| other.from < one.from);
    let stops = format!("{}?from={}", restore(earlier.unwrap_or(&book.in_force).seq), one.from);
    let title = format!("政策第 {} 版", one.version);
    shown(&VersionPage {
        frame: Frame::of(&seat, &console, (HERE.0, &title)).await?,
        parts: parts(&one.json()),
        differences: changed(&differences),
        restores: (may && !coming && state != "现行").then(|| restore(one.seq)),
        stops: (may && coming).then_some(stops),
        row: row(&one, state),
    })
}

pub(in crate::console) async fn compare(
    seat: Seat<ReadPolicy>,
    two: Query<Two>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (desk, member) = (&console.staff, &seat.member);
    let before = desk.policy_version(member, two.from).await?;
    let after = desk.policy_version(member, two.to).await?;
    let differences = match (&before.policy, &after.policy) {
        (Some(before), Some(after)) => PolicyDifference::between(before, after),
        (_, _) => Vec::new(),
    };
    let word = |one: &PolicyVersion| format!("第 {} 版（{} 起）", one.version, one.from);
    shown(&ComparePage {
        frame: Frame::of(&seat, &console, (HERE.0, "两个版本的差别")).await?,
        words: [word(&before), word(&after)],
        differences: changed(&differences),
    })
}

/// What going back to a version changes, before it is done.
pub(in crate::console) async fn ask_restore(
    seat: Seat<ChangePolicy>,
    seq: Path<i64>,
    asked: Query<RestoreAsked>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let base = console.staff.policy(&seat.member).await?.newest.seq;
    let from = asked.from.as_deref().and_then(|day| day.parse().ok());
    let edit = PolicyEdit { base, from, content: PolicyContent::Restored(seq.into_inner()) };
    let found = console.staff.preview_policy(&seat.member, &edit).await?;
    let (reason, form_id) = (String::new(), Uuid::new_v4());
    let wanted = Wanted { edit, reason, form_id, back: HERE.0 };
    preview_page(&seat, &console, (wanted, found, None)).await
}
