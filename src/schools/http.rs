//! Schools over HTTP: what a client needs before sign-in.

use super::{
    PasswordRule,
    policy::{CodePolicy, ConsentItem, Help, IdKind, Policy},
    school::{School, Schools},
};
use crate::{
    base::{
        http::{
            ApiError,
            problem::{Problem, problem_kinds},
        },
        money::Fen,
    },
    passcode::{CodePurpose, EnrolmentTerms},
};
use actix_web::{
    get,
    web::{Data, Json, Path, Query},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa_actix_web::service_config::ServiceConfig;

problem_kinds! {
    SCHOOL_NOT_FOUND = "school_not_found", 404, "没有这所学校";
}
const ID_NUMBER_PATTERN: &str = "^[0-9]{17}[0-9Xx]$";
const DEFAULT_LIMIT: u16 = 100;
const MAX_LIMIT: u16 = 200;

/// Mounts the paths of this room; needs `Data<Schools>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list).service(show);
}

/// Selects a page of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Page {
    /// The page size, 1 to 200; 100 by default.
    limit: Option<u16>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// A page of schools.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SchoolList {
    items: Vec<SchoolItem>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SchoolItem {
    code: String,
    name: String,
}

/// A school's settings for clients.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SchoolView {
    code: String,
    name: String,
    /// Whether people can sign in to the read-only web portal by number and query password.
    portal: bool,
    binding: BindingView,
    password: PasswordView,
    consent: ConsentView,
    top_up: TopUpView,
    passcode: PasscodeView,
    help: Vec<HelpView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct BindingView {
    /// The kinds of numbers accepted for binding, the usual one first.
    id_kinds: Vec<IdKind>,
    id_label: String,
    id_hint: String,
    /// A regular expression for student numbers.
    id_pattern: Option<String>,
    /// Regular expressions for each accepted kind that has one.
    id_patterns: IdPatterns,
    name_required: bool,
    password_hint: String,
}

/// Regular expressions for numbers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct IdPatterns {
    #[serde(skip_serializing_if = "Option::is_none")]
    student_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_number: Option<&'static str>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PasswordView {
    /// Whether it can be changed online; otherwise only at the counter.
    change_online: bool,
    /// Whether the default must be changed before anything else.
    must_change: bool,
    rule: PasswordRule,
    /// The school's instructions for changing it.
    hint: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ConsentView {
    version: String,
    items: Vec<ConsentItem>,
    text: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TopUpView {
    #[schema(value_type = i64, minimum = 1)]
    min_fen: Fen,
    #[schema(value_type = i64, minimum = 1)]
    max_fen: Fen,
    #[schema(value_type = Vec<i64>)]
    choices_fen: Vec<Fen>,
    /// Whether a top-up needs the query password.
    password_required: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PasscodeView {
    /// How long a code is shown. An enrolled phone uses the value of its enrolment.
    #[schema(minimum = 5, maximum = 60)]
    step_seconds: u16,
    /// The lifetime of a phone's keys: it must enrol again before.
    device_days: u64,
    /// A phone that was offline for longer is refused until it is online again.
    unseen_days: u64,
    prefixes: PrefixesView,
}

/// The first two digits of codes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PrefixesView {
    pay: u8,
    id: u8,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HelpView {
    title: String,
    text: String,
}

/// All schools, by code.
#[utoipa::path(
    tag = "schools",
    params(Page),
    responses((status = 200, description = "A page of schools", body = SchoolList))
)]
#[get("/api/v1/schools")]
async fn list(schools: Data<Schools>, page: Query<Page>) -> Result<Json<SchoolList>, ApiError> {
    let schools = schools.list().await.map_err(|error| ApiError::internal(&error))?;
    let after = page.cursor.as_deref().unwrap_or("");
    let limit = usize::from(page.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT));
    let mut rest = schools.iter().filter(|school| school.code.as_str() > after);
    let items: Vec<SchoolItem> = rest.by_ref().take(limit).map(|school| item(school)).collect();
    let next_cursor = rest.next().and(items.last()).map(|last| last.code.clone());
    Ok(Json(SchoolList { items, next_cursor }))
}

/// One school.
#[utoipa::path(
    tag = "schools",
    params(("code" = String, Path, description = "The school's code")),
    responses(
        (status = 200, description = "What a client must know", body = SchoolView),
        (status = 404, description = "`school_not_found`", body = Problem,
         content_type = "application/problem+json"),
    )
)]
#[get("/api/v1/schools/{code}")]
async fn show(schools: Data<Schools>, code: Path<String>) -> Result<Json<SchoolView>, ApiError> {
    let school = schools.by_code(&code).await.map_err(|error| ApiError::internal(&error))?;
    let school = school.ok_or_else(|| ApiError::new(SCHOOL_NOT_FOUND))?;
    Ok(Json(view(&school)))
}

fn item(school: &School) -> SchoolItem {
    SchoolItem { code: school.code.clone(), name: school.name.clone() }
}

fn view(school: &School) -> SchoolView {
    let policy = &school.policy;
    SchoolView {
        code: school.code.clone(),
        name: school.name.clone(),
        portal: policy.portal,
        binding: binding(policy),
        password: PasswordView {
            change_online: policy.password.change_online,
            must_change: policy.password.must_change,
            rule: policy.password.rule,
            hint: policy.password.hint.to_string(),
        },
        consent: ConsentView {
            version: policy.consent.version.to_string(),
            items: policy.consent.items.clone(),
            text: policy.consent.text.to_string(),
        },
        top_up: TopUpView {
            min_fen: policy.top_up.min,
            max_fen: policy.top_up.max,
            choices_fen: policy.top_up.choices.clone(),
            password_required: policy.top_up.password_required,
        },
        passcode: passcode(&policy.passcode),
        help: policy.help.iter().map(help).collect(),
    }
}

fn binding(policy: &Policy) -> BindingView {
    let binding = &policy.binding;
    let student_no = binding.id_pattern.as_ref().map(ToString::to_string);
    let offered = binding.id_kinds.contains(&IdKind::IdNumber);
    BindingView {
        id_kinds: binding.id_kinds.clone(),
        id_label: binding.id_label.to_string(),
        id_hint: binding.id_hint.to_string(),
        id_pattern: student_no.clone(),
        id_patterns: IdPatterns { student_no, id_number: offered.then_some(ID_NUMBER_PATTERN) },
        name_required: binding.name_required,
        password_hint: binding.password_hint.to_string(),
    }
}

fn passcode(policy: &CodePolicy) -> PasscodeView {
    let CodePolicy { terms: EnrolmentTerms { step, keys, unseen }, prefixes } = *policy;
    let days = |life: Duration| life.as_secs() / Duration::from_hours(24).as_secs();
    let (pay, id) = (prefixes.of(CodePurpose::Pay), prefixes.of(CodePurpose::Id));
    PasscodeView {
        step_seconds: step.seconds(),
        device_days: days(keys),
        unseen_days: days(unseen),
        prefixes: PrefixesView { pay, id },
    }
}

fn help(help: &Help) -> HelpView {
    HelpView { title: help.title.to_string(), text: help.text.to_string() }
}
