//! Signing in by the school's enterprise messenger: there, back, and the second factor.

use super::{
    Console, assets,
    browser::{
        check_origin, csrf_of, kept_token, next_of, no_work_cookie, work_cookie, work_token,
    },
    frame::{PageError, Wrong, sent_to, shown, shown_as},
    kept,
    sign_in::{landing, signed_in, with_session},
};
use crate::{
    base::http::{
        ApiError,
        problem::{NOT_FOUND, PROVIDER_UNAVAILABLE, problem_kinds},
    },
    staff_accounts::StaffSignInError,
    work_login::{DirectoryError, WorkLoginError, WorkVisit},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Form, Query},
};
use askama::Template;
use secrecy::SecretString;
use serde::Deserialize;

const FACTOR: &str = "/staff/auth/wecom/second-factor";

problem_kinds! {
    STALE = "work_login_stale", 400, "这次登录不是在本浏览器开始的，或已过期，请重新开始";
    CODE_REFUSED = "work_login_code", 403, "登录凭证无效或已用过，请重新开始";
    FACTOR_REFUSED = "work_login_factor", 401, "动态验证码不对或已用过，请等下一个验证码再试";
    NOT_LINKED = "work_login_not_linked", 403, "这个企业账号没有可用的工作人员账号，请找管理员关联，或用账号和密码登录";
}

/// Which school, and where to go afterwards.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Away {
    school: String,
    next: Option<String>,
}

/// What comes back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Back {
    code: String,
    state: String,
}

/// The second factor.
#[derive(Deserialize)]
pub(super) struct CodeForm {
    totp: String,
}

#[derive(Template)]
#[template(path = "console/work_factor.html")]
struct FactorPage {
    wrong: Option<Wrong>,
    style: &'static str,
}

pub(super) async fn begin(
    request: HttpRequest,
    away: Query<Away>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let next = next_of(away.next.as_deref());
    let user_agent = agent.unwrap_or_default();
    let visit = WorkVisit { school: &away.school, next: &next, user_agent };
    let (address, carried) = console.work.begin(&visit).await.map_err(refusal)?;
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, address)).cookie(work_cookie(carried));
    Ok(answer.finish())
}

/// Where the messenger sends the browser. The next page has neither code nor state in its address.
pub(super) async fn came_back(
    request: HttpRequest,
    back: Query<Back>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let cookie = work_token(&request);
    let known = console.work.came_back(cookie.as_deref(), (&back.code, &back.state)).await;
    let carried = known.map_err(refusal)?;
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, FACTOR)).cookie(work_cookie(carried));
    Ok(answer.finish())
}

pub(super) async fn ask_factor(
    request: HttpRequest,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    if !console.work.waits_for_factor(work_token(&request).as_deref()) {
        // Not as where nobody is signed in: that would end the session of who is.
        return Ok(sent_to("/staff/sign-in", None));
    }
    shown(&FactorPage { wrong: None, style: assets::style() })
}

pub(super) async fn finish(
    request: HttpRequest,
    form: Form<CodeForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    check_origin(request.headers())?;
    let totp = SecretString::from(form.totp.trim().to_owned());
    match console.work.finish(work_token(&request).as_deref(), totp).await {
        Ok((granted, next)) => {
            let next = landing(&granted, &next);
            let who = (granted.member.id, csrf_of(&granted.refresh_token));
            // What was typed before, as after a sign-in by password.
            let kept = kept_token(&request).unwrap_or_default();
            let mut answer = match kept::shown_again(&console, who, (&kept, &next)) {
                Some(page) => with_session(page?, granted)?,
                None => signed_in(granted, &next),
            };
            // A cookie that is none cannot fail to be removed.
            let _ = answer.add_cookie(&no_work_cookie());
            Ok(answer)
        }
        Err(WorkLoginError::SignIn(error)) => {
            let wrong = Wrong::of(&factor_refusal(error));
            let status = wrong.status;
            shown_as(status, &FactorPage { wrong: Some(wrong), style: assets::style() })
        }
        Err(error) => Err(refusal(error)),
    }
}

/// No login or password was given here: the words of the other way would mislead.
fn factor_refusal(error: StaffSignInError) -> ApiError {
    if matches!(error, StaffSignInError::Refused) {
        ApiError::new(FACTOR_REFUSED)
    } else {
        error.into()
    }
}

fn refusal(error: WorkLoginError) -> PageError {
    ApiError::new(match error {
        WorkLoginError::NotConfigured => NOT_FOUND,
        WorkLoginError::Stale => STALE,
        WorkLoginError::Directory(DirectoryError::CodeRefused) => CODE_REFUSED,
        WorkLoginError::Directory(DirectoryError::Unavailable) => PROVIDER_UNAVAILABLE,
        // Which it is would tell who works here.
        WorkLoginError::Directory(DirectoryError::NotMember) | WorkLoginError::NotLinked => {
            NOT_LINKED
        }
        WorkLoginError::SignIn(error) => return ApiError::from(error).into(),
        WorkLoginError::Unsealed | WorkLoginError::Db(_) => {
            return ApiError::internal(&error).into();
        }
    })
    .into()
}
