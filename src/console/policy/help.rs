//! 帮助: what the school tells its students.

use super::change::{Wanted, preview_page};
use crate::{
    base::http::{ApiError, problem::INVALID},
    console::{
        Console,
        browser::{Needs, Seat, Sent},
        frame::{Frame, PageError, Wrong, shown, shown_as},
    },
    policies::{PolicyBook, PolicyChanges, PolicyContent, PolicyEdit, PolicyForm, PolicyPreview},
    schools::policy::{Help, Policy},
    staff::guard::{ChangePolicy, ReadPolicy},
    staff_accounts::StaffAct,
};
use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

const HERE: (&str, &str) = ("/staff/messages", "帮助");
/// The most texts of a form.
const MOST: usize = 60;

/// A text as students see it.
pub(super) struct Shown {
    pub(super) title: String,
    pub(super) paragraphs: Vec<String>,
}

/// A text in the form.
#[derive(Clone, Debug, Default)]
struct Entry {
    place: String,
    title: String,
    text: String,
    removed: bool,
}

#[derive(Template)]
#[template(path = "console/help.html")]
struct HelpPage {
    frame: Frame,
    rows: Vec<Shown>,
    changes: bool,
    messages: bool,
}

#[derive(Template)]
#[template(path = "console/help_edit.html")]
struct EditPage {
    frame: Frame,
    wrong: Option<Wrong>,
    base: i64,
    entries: Vec<Entry>,
}

/// The form as it was sent.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct HelpForm {
    base: String,
    #[serde(flatten)]
    fields: PolicyForm,
}

pub(in crate::console) async fn show_help(
    seat: Seat<ReadPolicy>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let book = console.staff.policy(&seat.member).await?;
    shown(&HelpPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        rows: entries_of(&book).iter().map(as_shown).collect(),
        changes: seat.member.roles.has(StaffAct::ChangePolicy),
        messages: seat.member.roles.has(StaffAct::ReadMessages),
    })
}

pub(in crate::console) async fn ask_help(
    seat: Seat<ChangePolicy>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let book = console.staff.policy(&seat.member).await?;
    edit_page(&seat, &console, (book.newest.seq, entries_of(&book), None)).await
}

/// What students will see, and what changes; a form that is wrong is shown again.
pub(in crate::console) async fn preview_help(
    sent: Sent<ChangePolicy, HelpForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let (base, entries) = (super::edit::base_of(&form.base)?, sent_entries(&form.fields));
    let help = ordered(&entries);
    let changes = PolicyChanges::from([("help".to_owned(), Value::Array(help))]);
    let edit = PolicyEdit { base, from: None, content: PolicyContent::Changes(changes) };
    let found = if entries.len() > MOST {
        Err(ApiError::new(INVALID).field("/changes/help", format!("最多 {MOST} 条")))
    } else {
        console.staff.preview_policy(&seat.member, &edit).await.map_err(ApiError::from)
    };
    match found {
        Ok(found) => {
            let (reason, form_id) = (String::new(), Uuid::new_v4());
            let wanted = Wanted { edit, reason, form_id, back: "/staff/help/edit" };
            preview_page(&seat, &console, (wanted, found, None)).await
        }
        Err(error) => {
            let newest = console.staff.policy(&seat.member).await?.newest.seq;
            edit_page(&seat, &console, (newest, entries, Some(Wrong::of(&error)))).await
        }
    }
}

async fn edit_page<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    (base, mut entries, wrong): (i64, Vec<Entry>, Option<Wrong>),
) -> Result<HttpResponse, PageError> {
    // One more, for a new text.
    let place = (entries.len() + 1).to_string();
    entries.push(Entry { place, ..Entry::default() });
    let frame = Frame::of(seat, console, (HERE.0, "更改帮助")).await?;
    let page = EditPage { frame, wrong, base, entries };
    shown_as(page.wrong.as_ref().map_or(200, |wrong| wrong.status), &page)
}

/// The help that a change makes, where it changes any.
pub(super) fn as_students_see(found: &PolicyPreview) -> Vec<Shown> {
    if found.differences.iter().any(|one| one.key == "help") {
        entries(&found.proposal.policy).iter().map(as_shown).collect()
    } else {
        Vec::new()
    }
}

fn entries_of(book: &PolicyBook) -> Vec<Entry> {
    book.in_force.policy.as_ref().map(entries).unwrap_or_default()
}

fn entries(policy: &Policy) -> Vec<Entry> {
    let entry = |(n, help): (usize, &Help)| Entry {
        place: (n + 1).to_string(),
        title: help.title.to_string(),
        text: help.text.to_string(),
        removed: false,
    };
    policy.help.iter().enumerate().map(entry).collect()
}

/// The texts that a form holds, without those that are empty.
fn sent_entries(form: &PolicyForm) -> Vec<Entry> {
    let text = |name: &str, n: usize| form.get(&format!("{name}{n}")).cloned();
    let entry = |n: usize| {
        let (title, body) = (text("title", n)?, text("text", n).unwrap_or_default());
        let (place, removed) = (text("place", n).unwrap_or_default(), text("remove", n).is_some());
        let is_empty = title.trim().is_empty() && body.trim().is_empty();
        (!is_empty).then(|| Entry { place, title, text: body.replace("\r\n", "\n"), removed })
    };
    (0..=MOST).filter_map(entry).collect()
}

/// The texts in the order of their places, those with one place as they stood.
fn ordered(entries: &[Entry]) -> Vec<Value> {
    let mut kept: Vec<&Entry> = entries.iter().filter(|entry| !entry.removed).collect();
    kept.sort_by_key(|entry| entry.place.trim().parse::<u32>().unwrap_or(u32::MAX));
    kept.iter().map(|entry| json!({ "title": entry.title, "text": entry.text })).collect()
}

/// Plain text, of which a blank line parts paragraphs, as the client shows it.
fn as_shown(entry: &Entry) -> Shown {
    let paragraphs = entry.text.split("\n\n").map(|text| text.trim().to_owned());
    Shown {
        title: entry.title.clone(),
        paragraphs: paragraphs.filter(|text| !text.is_empty()).collect(),
    }
}
