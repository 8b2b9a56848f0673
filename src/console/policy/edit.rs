//! The form of the policy.

use super::HERE;
use crate::{
    base::http::{ApiError, problem::INVALID},
    console::{
        Console,
        browser::{Needs, Seat, Sent},
        frame::{Frame, PageError, Wrong, shown, shown_as},
    },
    policies::{PolicyBook, PolicyField, PolicyForm, PolicyInput},
    staff::guard::ChangePolicy,
};
use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;

/// A field as the form shows it.
pub(super) struct Input {
    field: &'static PolicyField,
    id: String,
    value: String,
    choices: Vec<OneOf>,
    wrong: Option<String>,
}

/// One of several that may be chosen.
struct OneOf {
    /// The name of a box, or the value of a choice.
    name: String,
    word: &'static str,
    chosen: bool,
}

/// The fields of a part.
pub(super) struct InputGroup {
    word: &'static str,
    inputs: Vec<Input>,
}

#[derive(Template)]
#[template(path = "console/policy_edit.html")]
struct EditPage {
    frame: Frame,
    wrong: Option<Wrong>,
    base: i64,
    from: String,
    today: String,
    coming: Vec<String>,
    groups: Vec<InputGroup>,
}

/// The form as it was sent.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct EditForm {
    pub(super) base: String,
    #[serde(default)]
    pub(super) from: String,
    #[serde(flatten)]
    pub(super) fields: PolicyForm,
}

/// The form as the page shows it.
pub(super) struct Filled {
    pub(super) from: String,
    pub(super) fields: PolicyForm,
    pub(super) wrong: Option<ApiError>,
}

pub(in crate::console) async fn ask_edit(
    seat: Seat<ChangePolicy>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let book = console.staff.policy(&seat.member).await?;
    let json = book.in_force.json();
    let fields = fields_of(|field| field.shown(field.of_policy(&json)));
    let filled = Filled { from: String::new(), fields, wrong: None };
    edit_page(&seat, &console, (&book, filled)).await
}

/// The form again, with what was typed: back from the preview.
pub(in crate::console) async fn edit_again(
    sent: Sent<ChangePolicy, EditForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let book = console.staff.policy(&seat.member).await?;
    let filled = Filled { from: form.from, fields: form.fields, wrong: None };
    edit_page(&seat, &console, (&book, filled)).await
}

/// What a form holds for each field.
pub(super) fn fields_of(shown: impl Fn(&PolicyField) -> String) -> PolicyForm {
    PolicyField::ALL.iter().flat_map(|field| fields_of_one(field, &shown(field))).collect()
}

/// The same of one field.
pub(super) fn fields_of_one(field: &PolicyField, shown: &str) -> PolicyForm {
    if let PolicyInput::Ticks(_) = field.input {
        let ticked = shown.split(", ").filter(|code| !code.is_empty());
        return ticked.map(|code| (field.tick(code), "on".to_owned())).collect();
    }
    let filled = (!shown.is_empty()).then(|| (field.key.to_owned(), shown.to_owned()));
    filled.into_iter().collect()
}

/// The form, with what is wrong with it beside its fields.
pub(super) async fn edit_page<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    (book, filled): (&PolicyBook, Filled),
) -> Result<HttpResponse, PageError> {
    let Filled { from, fields, wrong } = filled;
    let beside = wrong.as_ref().map(beside).unwrap_or_default();
    let wrong = wrong.as_ref().map(Wrong::of);
    let coming = |one: &crate::policies::PolicyVersion| {
        format!("第 {} 版将于 {} 生效；在那以前的更改也会带到这一版", one.version, one.from)
    };
    let page = EditPage {
        frame: Frame::of(seat, console, (HERE.0, "更改政策")).await?,
        base: book.newest.seq,
        from,
        today: console.clock.now().day().to_string(),
        coming: book.coming.iter().map(coming).collect(),
        groups: groups(&fields, &beside),
        wrong,
    };
    match &page.wrong {
        Some(wrong) => shown_as(wrong.status, &page),
        None => shown(&page),
    }
}

/// What is wrong, by the fields' keys.
fn beside(error: &ApiError) -> PolicyForm {
    let fields = error.problem();
    let errors = fields.errors.iter();
    let key = |pointer: &str| pointer.strip_prefix("/changes/").map(ToOwned::to_owned);
    errors.filter_map(|field| Some((key(&field.pointer)?, field.detail.to_string()))).collect()
}

fn groups(form: &PolicyForm, beside: &PolicyForm) -> Vec<InputGroup> {
    let mut groups: Vec<InputGroup> = Vec::new();
    for field in PolicyField::ALL {
        let input = input(field, form, beside.get(field.key).cloned());
        match groups.last_mut().filter(|group| group.word == field.group()) {
            Some(group) => group.inputs.push(input),
            None => groups.push(InputGroup { word: field.group(), inputs: vec![input] }),
        }
    }
    groups
}

fn input(field: &'static PolicyField, form: &PolicyForm, wrong: Option<String>) -> Input {
    let value = form.get(field.key).cloned().unwrap_or_default();
    let choices = match field.input {
        PolicyInput::Choice(choices) => choices
            .iter()
            .map(|(code, word)| OneOf { name: (*code).to_owned(), word, chosen: *code == value })
            .collect(),
        PolicyInput::Ticks(choices) => choices
            .iter()
            .map(|(code, word)| {
                let name = field.tick(code);
                OneOf { chosen: form.contains_key(&name), name, word }
            })
            .collect(),
        PolicyInput::Yuan { .. }
        | PolicyInput::YuanList
        | PolicyInput::Number(_)
        | PolicyInput::Flag
        | PolicyInput::Line { .. }
        | PolicyInput::Lines
        | PolicyInput::Times => Vec::new(),
    };
    Input { field, id: field.key.replace('.', "-"), value, choices, wrong }
}

impl Input {
    /// What the template draws.
    fn kind(&self) -> &'static str {
        match self.field.input {
            PolicyInput::Flag => "flag",
            PolicyInput::Choice(_) => "choice",
            PolicyInput::Ticks(_) => "ticks",
            PolicyInput::Lines => "lines",
            PolicyInput::Yuan { .. } => "yuan",
            PolicyInput::Number(_) => "number",
            PolicyInput::YuanList | PolicyInput::Line { .. } | PolicyInput::Times => "line",
        }
    }

    /// The unit, and what must be known.
    fn note(&self) -> String {
        let unit = match self.field.input {
            PolicyInput::Yuan { .. } | PolicyInput::YuanList => "元",
            PolicyInput::Number(unit) => unit,
            PolicyInput::Flag
            | PolicyInput::Choice(_)
            | PolicyInput::Ticks(_)
            | PolicyInput::Line { .. }
            | PolicyInput::Lines
            | PolicyInput::Times => "",
        };
        let two = if self.field.two_persons { "两人" } else { "" };
        let parts = [unit, self.field.hint, two].into_iter().filter(|part| !part.is_empty());
        let parts = parts.collect::<Vec<_>>().join("；");
        if parts.is_empty() { parts } else { format!("（{parts}）") }
    }
}

/// The version that a form saw.
pub(super) fn base_of(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| ApiError::new(INVALID))
}
