//! What all pages have around them, and what stands where a page cannot be shown.

use super::{
    Console, assets,
    browser::{
        Needs, Seat, kept_cookie, no_kept_cookie, no_session_cookie, said_cookie, unsaid_cookie,
    },
    page_before::page_before,
    words,
};
use crate::{
    base::{
        db::DbError,
        http::{
            ApiError, FieldError,
            problem::{INTERNAL, INVALID, NOT_FOUND},
        },
    },
    staff::StaffDesk,
    staff_accounts::{StaffAct, StaffRefusal},
};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError,
    http::{StatusCode, header},
};
use askama::Template;
use std::fmt::{self, Write};

/// Pages load styles and pictures from this server alone, send forms to it alone, run nothing inline, and
/// are framed by nobody.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// A room of the console that the member may enter.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: &'static str,
    pub(super) word: &'static str,
    pub(super) here: bool,
}

/// What stands around a page of somebody who is signed in.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) school: String,
    pub(super) login: String,
    pub(super) roles: String,
    pub(super) entries: Vec<Entry>,
    /// What is under 更多, and the word that stands there: the room one is in, if it is one of these.
    pub(super) more: Vec<Entry>,
    pub(super) more_word: &'static str,
    pub(super) csrf: String,
    pub(super) said: Option<&'static str>,
    pub(super) style: &'static str,
    /// The time, for what is printed.
    pub(super) now: String,
}

/// The rooms, in the order of the menu, with the right that opens each.
const ENTRIES: [(&str, &str, Option<StaffAct>); 17] = [
    ("/staff", "今日待办", None),
    ("/staff/people", "人员", Some(StaffAct::ReadPeople)),
    ("/staff/orders", "订单", Some(StaffAct::ReadOrders)),
    ("/staff/approvals", "复核", Some(StaffAct::ReadRefunds)),
    ("/staff/reconciliation", "对账", Some(StaffAct::ReadBills)),
    ("/staff/cases", "异常", Some(StaffAct::ReadCases)),
    ("/staff/merchants", "商户", Some(StaffAct::ReadTerminals)),
    ("/staff/terminals", "终端", Some(StaffAct::ReadTerminals)),
    ("/staff/doors", "门禁权限", Some(StaffAct::ReadDoorRights)),
    ("/staff/doors/log", "门禁记录", Some(StaffAct::ReadAccessLog)),
    ("/staff/roster-imports", "花名册", Some(StaffAct::ReadRoster)),
    ("/staff/messages", "消息与帮助", Some(StaffAct::ReadMessages)),
    ("/staff/policy", "政策", Some(StaffAct::ReadPolicy)),
    ("/staff/staff", "工作人员", Some(StaffAct::ReadStaff)),
    ("/staff/exports", "导出", Some(StaffAct::ReadAudit)),
    ("/staff/audit", "记录", Some(StaffAct::ReadAudit)),
    ("/staff/health", "运行状况", Some(StaffAct::ReadHealth)),
];
/// So many rooms stand beside each other; what follows is under 更多.
const BESIDE: usize = 5;

impl Frame {
    /// The frame of a page of the room at `path`.
    pub(super) async fn of<N: Needs>(
        seat: &Seat<N>,
        console: &Console,
        (path, title): (&'static str, &str),
    ) -> Result<Self, PageError> {
        let school = console.schools.require(seat.member.school).await?;
        let roles = seat.member.roles.codes();
        let may = |act: Option<StaffAct>| act.is_none_or(|act| seat.member.roles.has(act));
        let entries = ENTRIES.into_iter().filter(|(.., act)| may(*act));
        let entries = entries.map(|(at, word, _)| Entry { path: at, word, here: at == path });
        let mut entries: Vec<Entry> = entries.collect();
        let more = entries.split_off(entries.len().min(BESIDE));
        let here = more.iter().find(|entry| entry.here);
        Ok(Self {
            title: title.to_owned(),
            school: school.name.clone(),
            login: seat.member.login.to_string(),
            roles: roles.into_iter().map(words::role).collect::<Vec<_>>().join("、"),
            entries,
            more_word: here.map_or("更多", |entry| entry.word),
            more,
            csrf: seat.csrf.clone(),
            said: seat.said.as_deref().and_then(words::said),
            style: assets::style(),
            now: words::when(console.clock.now()),
        })
    }
}

/// A page as an answer.
pub(super) fn shown(page: &impl Template) -> Result<HttpResponse, PageError> {
    rendered(HttpResponse::Ok(), page)
}

/// The same with a status of its own: a form with what is wrong with it.
pub(super) fn shown_as(status: u16, page: &impl Template) -> Result<HttpResponse, PageError> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    rendered(HttpResponse::build(status), page)
}

fn rendered(answer: HttpResponseBuilder, page: &impl Template) -> Result<HttpResponse, PageError> {
    let html = page.render().map_err(|error| PageError::from(ApiError::internal(&error)))?;
    Ok(as_page(answer, html))
}

fn as_page(mut answer: HttpResponseBuilder, html: String) -> HttpResponse {
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .cookie(unsaid_cookie())
        .body(html)
}

/// Sends the browser to a path of the console, where a GET shows what came of it.
pub(super) fn sent_to(path: &str, said: Option<&'static str>) -> HttpResponse {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, path));
    if let Some(said) = said {
        answer.cookie(said_cookie(said));
    }
    answer.finish()
}

/// Why a page cannot be shown.
#[derive(Debug)]
pub(super) enum PageError {
    /// Nobody is signed in, or the second factor is due: the way there, and back.
    Elsewhere(String),
    /// The sign-in, as a page that carries what was typed; and the same for the browser to carry, if it can.
    SignIn(String, Option<String>),
    /// The second factor again, likewise.
    Factor(String),
    /// A page that says what is wrong.
    Said(ApiError),
}

impl PageError {
    /// What a form was refused for, to be said on its page.
    pub(super) fn refusal(self) -> Result<ApiError, Self> {
        if let Self::Said(error) = self {
            return if is_refusal(&error) { Ok(error) } else { Err(Self::Said(error)) };
        }
        Err(self)
    }

    pub(super) fn internal() -> Self {
        ApiError::new(INTERNAL).into()
    }

    /// A right that is missing, or a second factor that is due.
    pub(super) fn refused(refusal: StaffRefusal, request: &HttpRequest) -> Self {
        match refusal {
            StaffRefusal::NoRight => Self::Said(refusal.into()),
            StaffRefusal::FactorStale => {
                Self::Elsewhere(format!("/staff/second-factor?next={}", here(request)))
            }
        }
    }
}

/// Whether an error is said on the page of its form, with what was typed. Others have a page of their own.
pub(super) fn is_refusal(error: &ApiError) -> bool {
    matches!(error.problem().status, 403 | 409 | 422 | 429 | 503)
}

/// To the sign-in, and back.
pub(super) fn to_sign_in(request: &HttpRequest) -> PageError {
    PageError::Elsewhere(format!("/staff/sign-in?next={}", here(request)))
}

/// The page of a request, as a value in a query.
fn here(request: &HttpRequest) -> String {
    form_encoded(&page_before(request, ""))
}

/// A text as a value in a query.
pub(super) fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Why somebody does something, without blanks around it: 1 to so many characters.
pub(super) fn reason_of(text: &str, longest: usize) -> Result<String, PageError> {
    let reason = text.trim();
    if (1..=longest).contains(&reason.chars().count()) {
        return Ok(reason.to_owned());
    }
    let wrong = format!("请填写理由，最多 {longest} 个字");
    Err(ApiError::new(INVALID).field("/reason", wrong).into())
}

/// What is wrong with a form, for the page that has it.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) title: &'static str,
    pub(super) details: Vec<Detail>,
    pub(super) status: u16,
}

/// A part of what is wrong.
#[derive(Debug)]
pub(super) struct Detail {
    /// The field that has it, by its id on the page.
    pub(super) field: Option<String>,
    /// Where one goes on.
    pub(super) path: Option<String>,
    pub(super) text: String,
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Self { field: None, path: None, text }
    }
}

impl Detail {
    /// A sentence that leads on.
    pub(super) fn leading(path: String, text: &str) -> Self {
        Self { field: None, path: Some(path), text: text.to_owned() }
    }
}

/// What an input says of itself where it is wrong, for templates.
#[expect(clippy::ref_option, reason = "templates pass references to their fields")]
pub(super) fn marks(wrong: &Option<Wrong>, field: &str) -> String {
    let details = wrong.iter().flat_map(|wrong| &wrong.details);
    let mut fields = details.filter_map(|detail| detail.field.as_deref());
    if fields.any(|wrong| wrong == field) {
        format!(" aria-invalid=\"true\" aria-describedby=\"wrong-{field}\"")
    } else {
        String::new()
    }
}

/// The id that the field of a pointer has on pages: the name of the field.
fn id_of(pointer: &str) -> Option<String> {
    let name = match pointer.trim_start_matches('/') {
        "change_fen" | "amount_fen" => "amount".to_owned(),
        // A field of the policy.
        name => name.trim_start_matches("changes/").replace('.', "-"),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

impl Wrong {
    pub(super) fn of(error: &ApiError) -> Self {
        StaffDesk::said(error);
        let problem = error.problem();
        let detail = |error: &FieldError| Detail {
            field: id_of(&error.pointer),
            path: None,
            text: error.detail.to_string(),
        };
        let details = problem.errors.iter().map(detail);
        let details = details.chain(problem.detail.clone().map(Detail::from));
        let details = details.filter(|detail| detail.text != problem.title);
        Self { title: problem.title, details: details.collect(), status: problem.status }
    }
}

/// What the JSON of staff answers with, as a page.
impl<E: Into<ApiError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self::Said(error.into())
    }
}

impl From<DbError> for PageError {
    fn from(error: DbError) -> Self {
        Self::Said(ApiError::internal(&error))
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere(path) => f.write_str(path),
            Self::SignIn(..) => f.write_str("the session has ended"),
            Self::Factor(_) => f.write_str("the second factor is due"),
            Self::Said(error) => error.fmt(f),
        }
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Elsewhere(_) => StatusCode::SEE_OTHER,
            Self::SignIn(..) => StatusCode::UNAUTHORIZED,
            Self::Factor(_) => StatusCode::FORBIDDEN,
            Self::Said(error) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Elsewhere(path) => {
                let mut answer = sent_to(path, None);
                if path.starts_with("/staff/sign-in") {
                    // A cookie that is none cannot fail to be removed.
                    let _ = answer.add_cookie(&no_session_cookie());
                }
                answer
            }
            Self::SignIn(page, kept) => {
                let mut answer = as_page(HttpResponse::Unauthorized(), page.clone());
                let kept = kept.clone().map_or_else(no_kept_cookie, kept_cookie);
                for cookie in [no_session_cookie(), kept] {
                    // A cookie of letters and digits cannot fail to be set, and none not to be removed.
                    let _ = answer.add_cookie(&cookie);
                }
                answer
            }
            Self::Factor(page) => as_page(HttpResponse::Forbidden(), page.clone()),
            Self::Said(error) => {
                StaffDesk::said(error);
                let problem = error.problem();
                let details = problem.errors.iter().map(|field| field.detail.to_string()).collect();
                let page = Refused {
                    title: problem.title,
                    details,
                    request_id: &problem.request_id,
                    style: assets::style(),
                };
                shown_as(problem.status, &page).unwrap_or_else(|_| error.error_response())
            }
        }
    }
}

#[derive(Template)]
#[template(path = "console/refused.html")]
struct Refused<'a> {
    title: &'static str,
    details: Vec<String>,
    request_id: &'a str,
    style: &'static str,
}

/// What stands at addresses of the console that are none.
pub(super) async fn nothing_here() -> Result<HttpResponse, PageError> {
    Err(ApiError::new(NOT_FOUND).into())
}
