//! A change of the policy before it is made: what it changes, from when, and whom it hits.

use super::{
    Changed, HERE, LONGEST_REASON, changed,
    edit::{EditForm, Filled, base_of, edit_page, fields_of, fields_of_one},
    help::{Shown, as_students_see},
    request,
};
use crate::{
    base::{
        clock::Day,
        http::{ApiError, problem::INVALID},
    },
    console::{
        Console,
        browser::{Seat, Sent},
        frame::{Frame, PageError, Wrong, reason_of, sent_to, shown_as},
        second,
    },
    policies::{
        PolicyAsk, PolicyBook, PolicyChanges, PolicyContent, PolicyEdit, PolicyField, PolicyForm,
        PolicyOutcome, PolicyPreview, PolicyRefusal, changes_of,
    },
    schools::policy::Policy,
    staff::{StaffActError, guard::ChangePolicy},
    staff_accounts::StaffAct,
};
use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

#[derive(Template)]
#[template(path = "console/policy_preview.html")]
struct PreviewPage {
    frame: Frame,
    wrong: Option<Wrong>,
    question: String,
    rows: Vec<Changed>,
    /// The help as students will see it, where it changes.
    help: Vec<Shown>,
    impacts: Vec<(&'static str, String)>,
    two_persons: bool,
    /// That hardly anybody could decide it.
    alone: Option<&'static str>,
    base: i64,
    from: String,
    /// The new values as JSON, or none where an older version comes back.
    changes: String,
    restore: String,
    reason: String,
    form_id: Uuid,
    /// The form's fields, for the way back to it.
    typed: Vec<(String, String)>,
    back: &'static str,
    verb: &'static str,
}

/// What the page of the preview sends.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct ProposeForm {
    form_id: Uuid,
    base: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    changes: String,
    #[serde(default)]
    restore: String,
    #[serde(default)]
    reason: String,
}

/// A change with what the page sends again.
pub(super) struct Wanted {
    pub(super) edit: PolicyEdit,
    pub(super) reason: String,
    pub(super) form_id: Uuid,
    pub(super) back: &'static str,
}

pub(in crate::console) async fn preview(
    sent: Sent<ChangePolicy, EditForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let book = console.staff.policy(&seat.member).await?;
    let previewed = match read(&form, book.in_force.policy.as_ref()) {
        Ok(edit) => {
            let found = console.staff.preview_policy(&seat.member, &edit).await;
            found.map(|found| (edit, found)).map_err(ApiError::from)
        }
        Err(error) => Err(error),
    };
    match previewed {
        Ok((edit, found)) => {
            let back = "/staff/policy/edit";
            let (reason, form_id) = (String::new(), Uuid::new_v4());
            let wanted = Wanted { edit, reason, form_id, back };
            preview_page(&seat, &console, (wanted, found, None)).await
        }
        Err(error) => {
            let fields = merged(&console, &seat, (&form, &book)).await?;
            let filled = Filled { from: form.from, fields, wrong: Some(error) };
            edit_page(&seat, &console, (&book, filled)).await
        }
    }
}

/// What a form holds, and of the fields that were left as its version had them what they are now: another
/// version may have come in between.
pub(super) async fn merged(
    console: &Console,
    seat: &Seat<ChangePolicy>,
    (form, book): (&EditForm, &PolicyBook),
) -> Result<PolicyForm, PageError> {
    let base = base_of(&form.base)?;
    if base == book.newest.seq {
        return Ok(form.fields.clone());
    }
    let seen = console.staff.policy_version(&seat.member, base).await?.json();
    let newest = book.in_force.json();
    let mut fields = form.fields.clone();
    for field in PolicyField::ALL {
        let one = |json: &Value| fields_of_one(field, &field.shown(field.of_policy(json)));
        let (was, is) = (one(&seen), one(&newest));
        let here = |key: &String| field.owns(key);
        let typed: PolicyForm = fields
            .iter()
            .filter(|(key, _)| here(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        if typed == was {
            fields.retain(|key, _| !here(key));
            fields.extend(is);
        }
    }
    Ok(fields)
}

/// The change that a form asks for.
fn read(form: &EditForm, policy: Option<&Policy>) -> Result<PolicyEdit, ApiError> {
    let unreadable = || ApiError::from(StaffActError::Policy(PolicyRefusal::NotFound));
    let policy = policy.ok_or_else(unreadable)?;
    let changes = changes_of(&form.fields, policy);
    let changes = changes.map_err(|wrong| StaffActError::from(PolicyRefusal::Invalid(wrong)))?;
    let (base, from) = (base_of(&form.base)?, day_of(&form.from)?);
    Ok(PolicyEdit { base, from, content: PolicyContent::Changes(changes) })
}

fn day_of(text: &str) -> Result<Option<Day>, ApiError> {
    let text = text.trim();
    let day = if text.is_empty() { None } else { Some(text.parse()) };
    let wrong = |_| ApiError::new(INVALID).field("/from", "生效日期写成 2026-12-01，不填是立即");
    day.transpose().map_err(wrong)
}

/// What a change does, with the button that makes it.
pub(super) async fn preview_page(
    seat: &Seat<ChangePolicy>,
    console: &Console,
    (wanted, found, wrong): (Wanted, PolicyPreview, Option<Wrong>),
) -> Result<HttpResponse, PageError> {
    let Wanted { edit, reason, form_id, back } = wanted;
    let impacts = console.staff.policy_impact(&seat.member, &found).await?;
    let from = edit.from.map_or_else(String::new, |day| day.to_string());
    let when = if from.is_empty() { "立即".to_owned() } else { format!("从 {from} 起") };
    let what = match found.differences.as_slice() {
        [one] => format!("{} {} 改为 {}", one.label, one.before, one.after),
        many => format!("更改 {} 项", many.len()),
    };
    let verb = if found.two_persons { "申请" } else { "更改" };
    let (changes, restore) = match &edit.content {
        PolicyContent::Changes(changes) => {
            (serde_json::to_string(changes).unwrap_or_default(), String::new())
        }
        PolicyContent::Restored(seq) => (String::new(), seq.to_string()),
    };
    let typed = match &edit.content {
        PolicyContent::Changes(_) if back == "/staff/policy/edit" => typed(&found),
        PolicyContent::Changes(_) | PolicyContent::Restored(_) => Vec::new(),
    };
    let alone = if found.two_persons {
        second::warning(console, &seat.member, StaffAct::ChangePolicy).await?
    } else {
        None
    };
    let page = PreviewPage {
        frame: Frame::of(seat, console, (HERE.0, "核对更改")).await?,
        question: format!("{verb}{when}{what}？"),
        rows: changed(&found.differences),
        help: as_students_see(&found),
        impacts: impacts.into_iter().map(|one| (one.group, one.sentence)).collect(),
        two_persons: found.two_persons,
        alone,
        base: edit.base,
        from,
        changes,
        restore,
        reason,
        form_id,
        typed,
        back,
        verb,
        wrong,
    };
    shown_as(page.wrong.as_ref().map_or(200, |wrong| wrong.status), &page)
}

fn typed(found: &PolicyPreview) -> Vec<(String, String)> {
    let json = found.proposal.json();
    fields_of(|field| field.shown(field.of_policy(&json))).into_iter().collect()
}

/// Makes the change, or asks for it. A form that another version overtook is shown again with what that
/// changed.
pub(in crate::console) async fn propose(
    sent: Sent<ChangePolicy, ProposeForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let (edit, back) = edit_of(&form)?;
    let reason = reason_of(&form.reason, LONGEST_REASON);
    let proposed = match reason {
        Ok(reason) => {
            let ask = PolicyAsk { edit: edit.clone(), reason, key: form.form_id.to_string() };
            let proposing = console.staff.propose_policy(&seat.member, &ask).await;
            proposing.map_err(ApiError::from)
        }
        Err(PageError::Said(error)) => Err(error),
        Err(elsewhere) => return Err(elsewhere),
    };
    match proposed {
        Ok(PolicyOutcome::Published(_)) => Ok(sent_to(back.1, Some("policy-changed"))),
        Ok(PolicyOutcome::Asked(asked)) => Ok(sent_to(&request::path_of(asked.id), Some("asked"))),
        Err(error) => {
            let newest = console.staff.policy(&seat.member).await?.newest.seq;
            let edit = PolicyEdit { base: newest, ..edit };
            let Ok(found) = console.staff.preview_policy(&seat.member, &edit).await else {
                // The change itself is no longer possible, or nothing is left of it.
                return Err(error.into());
            };
            let wrong = Some(Wrong::of(&error));
            let wanted =
                Wanted { edit, reason: form.reason, form_id: Uuid::new_v4(), back: back.0 };
            preview_page(&seat, &console, (wanted, found, wrong)).await
        }
    }
}

/// The change, with the form that it came from and the page that shows it.
fn edit_of(form: &ProposeForm) -> Result<(PolicyEdit, (&'static str, &'static str)), ApiError> {
    let invalid = || ApiError::new(INVALID);
    let content = if form.restore.is_empty() {
        let changes: PolicyChanges = serde_json::from_str(&form.changes).map_err(|_| invalid())?;
        PolicyContent::Changes(changes)
    } else {
        PolicyContent::Restored(base_of(&form.restore)?)
    };
    let is_help =
        matches!(&content, PolicyContent::Changes(changes) if changes.contains_key("help"));
    let back = match (&content, is_help) {
        (PolicyContent::Changes(_), true) => ("/staff/help/edit", "/staff/help"),
        (PolicyContent::Changes(_), false) => ("/staff/policy/edit", HERE.0),
        (PolicyContent::Restored(_), _) => (HERE.0, HERE.0),
    };
    let edit = PolicyEdit { base: base_of(&form.base)?, from: day_of(&form.from)?, content };
    Ok((edit, back))
}
