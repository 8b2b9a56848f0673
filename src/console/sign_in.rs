//! Signing in at a browser, the first sign-in, the second factor again, signing out.

use super::{
    Console, assets,
    browser::{
        Anybody, Sent, check_origin, client_cookie, client_token, csrf_of, next_of, no_kept_cookie,
        no_session_cookie, said_cookie, session_cookie, session_token,
    },
    frame::{PageError, Wrong, sent_to, shown, shown_as},
    kept::{self, KeptForm, is_carried},
    qr::qr_of,
    words,
};
use crate::{
    base::{
        clock::Timestamp,
        crypto::seal::Aad,
        http::{
            ApiError,
            problem::{INVALID, UNAUTHENTICATED},
        },
    },
    schools::School,
    staff_accounts::{OfferedFactor, SignInOutcome, StaffGrant, StaffSignIn},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Form, Query},
};
use askama::Template;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;
use zeroize::Zeroizing;

/// How long somebody may take to set up the second factor.
const ENROL_WITHIN: Duration = Duration::from_mins(15);

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub(super) struct Onward {
    pub(super) next: Option<String>,
}

/// Who signs in, and where to go afterwards: what both forms of a first sign-in need.
#[derive(Serialize, Deserialize)]
struct Who {
    school: String,
    login: String,
    password: String,
    #[serde(default)]
    first_code: String,
    #[serde(default)]
    recovery_code: String,
    #[serde(default)]
    next: String,
}

impl Who {
    fn attempt(&self, request: &HttpRequest, totp: &str) -> StaffSignIn {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        StaffSignIn {
            school: self.school.clone(),
            login: self.login.trim().to_owned(),
            password: SecretString::from(self.password.clone()),
            totp: given(totp).map(SecretString::from),
            recovery_code: given(&self.recovery_code).map(SecretString::from),
            client_token: client_token(request).map(SecretString::from),
            first_code: given(&self.first_code).map(SecretString::from),
            new_password: None,
        }
    }
}

/// A sign-in.
#[derive(Deserialize)]
pub(super) struct SignInForm {
    #[serde(flatten)]
    who: Who,
    totp: String,
    #[serde(default)]
    kept: String,
}

impl SignInForm {
    /// What the next page needs of this one.
    fn begun(self, offered: OfferedFactor, until: i64) -> Begun {
        let OfferedFactor { secret, otpauth_uri, needs_password } = offered;
        let (secret, otpauth_uri) = (secret.to_string(), otpauth_uri.to_string());
        Begun { who: self.who, secret, otpauth_uri, needs_password, until }
    }
}

/// The first sign-in: with a code of one's own secret.
#[derive(Deserialize)]
pub(super) struct EnrolForm {
    sealed: String,
    /// What was typed before, sealed.
    #[serde(default)]
    kept: String,
    totp: String,
    #[serde(default)]
    new_password: String,
    #[serde(default)]
    repeated: String,
}

/// What the form of the first sign-in carries through the browser, sealed.
#[derive(Serialize, Deserialize)]
struct Begun {
    who: Who,
    /// The picture and the text of the offered secret, to be shown again.
    secret: String,
    otpauth_uri: String,
    needs_password: bool,
    until: i64,
}

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage<'a> {
    schools: Vec<Arc<School>>,
    /// Those whose messenger signs in as well.
    work: Vec<Arc<School>>,
    school: &'a str,
    login: &'a str,
    next: &'a str,
    /// What was typed as the session ended, sealed.
    kept: &'a str,
    /// Whether the messenger's way brings it back as well.
    is_carried: bool,
    wrong: Option<Wrong>,
    said: Option<&'static str>,
    style: &'static str,
}

#[derive(Template)]
#[template(path = "console/enrol.html")]
struct EnrolPage<'a> {
    sealed: String,
    begun: &'a Begun,
    /// What was typed before, sealed.
    kept: &'a str,
    qr: String,
    wrong: Option<Wrong>,
    style: &'static str,
}

/// The recovery codes that come with a second factor of one's own.
#[derive(Template)]
#[template(path = "console/recovery_first.html")]
pub(super) struct FirstCodesPage<'a> {
    pub(super) codes: &'a [Zeroizing<String>],
    pub(super) next: &'a str,
    /// What was typed before.
    pub(super) kept: Option<KeptForm>,
    pub(super) style: &'static str,
}

pub(super) async fn show(
    request: HttpRequest,
    onward: Query<Onward>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let said = request.cookie(said_cookie("").name()).map(|said| said.value().to_owned());
    let next = next_of(onward.next.as_deref());
    shown(&SignInPage {
        schools: console.schools.list().await?,
        work: console.work.offered().await?,
        school: "",
        login: "",
        next: &next,
        kept: "",
        is_carried: true,
        wrong: None,
        said: said.as_deref().and_then(words::said),
        style: assets::style(),
    })
}

/// The page of the sign-in for what was typed as the session ended, and where to go afterwards.
pub(super) async fn sign_in_page(
    console: &Console,
    (next, kept): (&str, &str),
) -> Result<String, PageError> {
    let page = SignInPage {
        schools: console.schools.list().await?,
        school: "",
        login: "",
        next,
        kept,
        is_carried: is_carried(kept),
        work: console.work.offered().await?,
        wrong: None,
        said: Some("登录已失效，请重新登录。您刚才填写的内容会保留 15 分钟，没有办理"),
        style: assets::style(),
    };
    Ok(page.render().map_err(|error| ApiError::internal(&error))?)
}

pub(super) async fn sign_in(
    request: HttpRequest,
    form: Form<SignInForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    check_origin(request.headers())?;
    let mut form = form.into_inner();
    form.kept = kept::or_carried(form.kept, &request);
    let attempt = form.who.attempt(&request, &form.totp);
    match console.staff.accounts.sign_in(attempt).await {
        Ok(SignInOutcome::Granted(granted)) => {
            let next = landing(&granted, &form.who.next);
            let who = (granted.member.id, csrf_of(&granted.refresh_token));
            match kept::shown_again(&console, who, (&form.kept, &next)) {
                Some(page) => with_session(page?, granted),
                None => Ok(signed_in(granted, &next)),
            }
        }
        Ok(SignInOutcome::MustEnrol(offered)) => {
            let until = console.clock.now().plus(ENROL_WITHIN).micros();
            let kept = form.kept.clone();
            offer(&console, &form.begun(offered, until), &kept, None)
        }
        Err(error) => {
            let wrong = Wrong::of(&ApiError::from(error));
            let status = wrong.status;
            let page = SignInPage {
                schools: console.schools.list().await?,
                work: console.work.offered().await?,
                school: &form.who.school,
                login: &form.who.login,
                next: &form.who.next,
                kept: &form.kept,
                is_carried: is_carried(&form.kept),
                wrong: Some(wrong),
                said: None,
                style: assets::style(),
            };
            shown_as(status, &page)
        }
    }
}

/// Puts one's own second factor in force, and signs in.
pub(super) async fn enrol(
    request: HttpRequest,
    form: Form<EnrolForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    check_origin(request.headers())?;
    let form = form.into_inner();
    let Some(begun) = begun(&console, &form.sealed, console.clock.now()) else {
        return Err(PageError::Elsewhere("/staff/sign-in".to_owned()));
    };
    if begun.needs_password && form.new_password != form.repeated {
        let wrong = ApiError::new(INVALID).field("/repeated", "两次输入的新密码不同");
        return offer(&console, &begun, &form.kept, Some(Wrong::of(&wrong)));
    }
    let new_password = Some(form.new_password).filter(|new| !new.is_empty());
    let attempt = StaffSignIn {
        new_password: new_password.map(SecretString::from),
        ..begun.who.attempt(&request, &form.totp)
    };
    match console.staff.accounts.sign_in(attempt).await {
        Ok(SignInOutcome::Granted(granted)) => {
            let next = landing(&granted, &begun.who.next);
            enrolled(&console, granted, (&form.kept, &next))
        }
        // The code was one of the printed secret again: the offer before it is void.
        Ok(SignInOutcome::MustEnrol(offered)) => {
            let again = Begun {
                secret: offered.secret.to_string(),
                otpauth_uri: offered.otpauth_uri.to_string(),
                ..begun
            };
            let wrong = ApiError::new(INVALID)
                .field("/totp", "这是纸条上的验证码；请重新扫描下面的二维码，填写新的验证码");
            offer(&console, &again, &form.kept, Some(Wrong::of(&wrong)))
        }
        Err(error) => offer(&console, &begun, &form.kept, Some(Wrong::of(&ApiError::from(error)))),
    }
}

pub(super) async fn sign_out(
    sent: Sent<Anybody, NoFields>,
    request: HttpRequest,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let NoFields {} = sent.form;
    if let Some(token) = session_token(&request) {
        console.staff.accounts.sign_out(&token).await?;
    }
    let mut answer = sent_to("/staff/sign-in", Some("signed-out"));
    // A cookie that is none cannot fail to be removed.
    let _ = answer.add_cookie(&no_session_cookie());
    Ok(answer)
}

/// A form with a button alone.
#[derive(Debug, Deserialize)]
pub(super) struct NoFields {}

/// Where somebody who is signed in goes: where they wanted to go, else to the page that their role begins
/// with.
pub(super) fn landing(granted: &StaffGrant, next: &str) -> String {
    first_page(&granted.member.roles.codes(), next_of(Some(next)))
}

fn first_page(roles: &[&str], next: String) -> String {
    match (next.as_str(), roles) {
        ("/staff", ["auditor"]) => "/staff/audit".to_owned(),
        ("/staff", ["admin"]) => "/staff/staff".to_owned(),
        _ => next,
    }
}

/// Signed in: a session of this browser.
pub(super) fn signed_in(granted: StaffGrant, next: &str) -> HttpResponse {
    let mut answer = HttpResponse::SeeOther();
    answer
        .insert_header((header::LOCATION, next))
        .cookie(session_cookie(granted.refresh_token))
        .cookie(client_cookie(granted.client_token))
        .cookie(no_kept_cookie());
    answer.finish()
}

/// Signed in with a second factor of one's own: its recovery codes, once, and what was typed before.
fn enrolled(
    console: &Console,
    granted: StaffGrant,
    (kept, next): (&str, &str),
) -> Result<HttpResponse, PageError> {
    let codes = granted.recovery_codes.as_slice();
    let who = (granted.member.id, csrf_of(&granted.refresh_token));
    let kept = kept::form_again(console, who, kept);
    let answer = shown(&FirstCodesPage { codes, next, kept, style: assets::style() })?;
    with_session(answer, granted)
}

/// A page that comes with the session of this browser.
pub(super) fn with_session(
    mut answer: HttpResponse,
    granted: StaffGrant,
) -> Result<HttpResponse, PageError> {
    let (session, client) =
        (session_cookie(granted.refresh_token), client_cookie(granted.client_token));
    for cookie in [session, client, no_kept_cookie()] {
        answer.add_cookie(&cookie).map_err(|error| ApiError::internal(&error))?;
    }
    Ok(answer)
}

/// The page with a secret of one's own.
fn offer(
    console: &Console,
    begun: &Begun,
    kept: &str,
    wrong: Option<Wrong>,
) -> Result<HttpResponse, PageError> {
    let status = wrong.as_ref().map_or(200, |wrong| wrong.status);
    let text = serde_json::to_vec(begun).map_err(|error| ApiError::internal(&error))?;
    let sealed = console.sealer.seal(&text, &AAD).map_err(|error| ApiError::internal(&error))?;
    let qr = qr_of(&begun.otpauth_uri).ok_or_else(|| ApiError::new(UNAUTHENTICATED))?;
    let sealed = URL_SAFE_NO_PAD.encode(sealed);
    shown_as(status, &EnrolPage { sealed, begun, kept, qr, wrong, style: assets::style() })
}

/// What a form of the first sign-in is sealed for.
const AAD: Aad = Aad { table: "console", column: "first_sign_in", row: Uuid::nil() };

fn begun(console: &Console, sealed: &str, now: Timestamp) -> Option<Begun> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let text = console.sealer.open(&sealed, &AAD).ok()?;
    let begun: Begun = serde_json::from_slice(&text).ok()?;
    (now < Timestamp::from_micros(begun.until)).then_some(begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_begin_with_their_page() {
        for (roles, next, page) in [
            (&["auditor"][..], "/staff", "/staff/audit"),
            (&["admin"], "/staff", "/staff/staff"),
            (&["auditor", "admin"], "/staff", "/staff"),
            (&["card_office"], "/staff", "/staff"),
            (&["auditor"], "/staff/orders?day=2026-11-28", "/staff/orders?day=2026-11-28"),
        ] {
            assert_eq!(first_page(roles, next.to_owned()), page, "{roles:?} {next}");
        }
    }
}
