//! What a browser sends: its session's cookie, and forms that it got from this console.

use super::{
    Console,
    frame::{PageError, form_encoded, to_sign_in},
    kept,
};
use crate::{
    base::http::{
        ApiError, Caller,
        problem::{INVALID, problem_kinds},
    },
    staff::guard::Right,
    staff_accounts::{FACTOR_LIFETIME, StaffMember, StaffRefusal, StaffSignInError},
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    cookie::{Cookie, SameSite, time},
    dev::Payload,
    http::header::{self, HeaderMap},
    web::{Data, Form, Query},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::{marker::PhantomData, sync::Arc};
use subtle::ConstantTimeEq;

problem_kinds! {
    FOREIGN_FORM = "foreign_form", 403, "表单来自其他网站，没有提交";
    STALE_FORM = "stale_form", 403, "登录状态已变化，请返回后重新填写";
}

/// The session. `__Host-`: of this host alone, on every path, over TLS.
const SESSION: &str = "__Host-onecard-staff";
/// That somebody has signed in here before; outlives the session.
const CLIENT: &str = "__Host-onecard-staff-client";
/// What the next page says once.
const FLASH: &str = "__Host-onecard-staff-said";
/// What it carries to the school's messenger and back.
const WORK: &str = "__Host-onecard-staff-work";
/// What was typed as the session ended, while its browser is at that messenger.
const KEPT: &str = "__Host-onecard-staff-kept";
/// How long a browser is known to a login.
const CLIENT_DAYS: i64 = 180;

/// Who needs what.
pub(super) trait Needs: 'static {
    /// Whether this member of staff may do it, and with how fresh a second factor.
    fn allow(member: &StaffMember, console: &Console) -> Result<(), StaffRefusal>;
}

/// Whoever is signed in.
#[derive(Debug)]
pub(super) struct Anybody;

impl Needs for Anybody {
    fn allow(_: &StaffMember, _: &Console) -> Result<(), StaffRefusal> {
        Ok(())
    }
}

impl<R: Right> Needs for R {
    fn allow(member: &StaffMember, console: &Console) -> Result<(), StaffRefusal> {
        member.may(R::ACT, console.clock.now())
    }
}

/// A member of staff at a browser who may do `N`.
#[derive(Debug)]
pub(super) struct Seat<N> {
    pub(super) member: StaffMember,
    /// For the forms of the page.
    pub(super) csrf: String,
    /// What the page says once.
    pub(super) said: Option<String>,
    needs: PhantomData<N>,
}

impl<N> Seat<N> {
    /// Refuses a form of another session.
    pub(super) fn check_csrf(&self, csrf: &str) -> Result<(), PageError> {
        if bool::from(csrf.as_bytes().ct_eq(self.csrf.as_bytes())) {
            Ok(())
        } else {
            Err(ApiError::new(STALE_FORM).into())
        }
    }
}

/// A form that a member of staff who may do `N` sent from a page of this session.
#[derive(Debug)]
pub(super) struct Sent<N, T> {
    pub(super) seat: Seat<N>,
    pub(super) form: T,
}

/// The field with the token of the page that a form came from.
const CSRF: &str = "csrf";

/// A form from its fields.
fn form_of<T: DeserializeOwned>(fields: &[(String, String)]) -> Result<T, PageError> {
    let pairs = fields.iter().filter(|(name, _)| name != CSRF);
    let pairs = pairs.map(|(name, value)| [form_encoded(name), form_encoded(value)].join("="));
    let form = Query::<T>::from_query(&pairs.collect::<Vec<_>>().join("&"));
    Ok(form.map_err(|_| ApiError::new(INVALID))?.into_inner())
}

impl<N: Needs> FromRequest for Seat<N> {
    type Error = PageError;
    type Future = LocalBoxFuture<'static, Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { seated(&request).await })
    }
}

impl<N: Needs, T: DeserializeOwned + 'static> FromRequest for Sent<N, T> {
    type Error = PageError;
    type Future = LocalBoxFuture<'static, Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            check_origin(request.headers())?;
            let seat = match seated::<N>(&request).await {
                // What was typed is not lost with the session.
                Err(gone @ PageError::Elsewhere(_)) => {
                    let kept = if is_signed_in(&request).await {
                        kept::ask_factor(&request, &mut payload).await
                    } else {
                        kept::ask_sign_in(&request, &mut payload).await
                    };
                    return Err(kept.unwrap_or(gone));
                }
                seat => seat?,
            };
            let fields = Form::<Vec<(String, String)>>::from_request(&request, &mut payload).await;
            let fields = fields.map_err(|_| PageError::from(ApiError::new(INVALID)))?.into_inner();
            let csrf = fields.iter().find(|(name, _)| name == CSRF);
            let csrf = csrf.map(|(_, csrf)| csrf.as_str()).unwrap_or_default();
            if let Err(stale) = seat.check_csrf(csrf) {
                return Err(kept::ask_again(&request, &seat, fields).unwrap_or(stale));
            }
            Ok(Self { form: form_of(&fields)?, seat })
        })
    }
}

pub(super) async fn seated<N: Needs>(request: &HttpRequest) -> Result<Seat<N>, PageError> {
    let console = request.app_data::<Data<Console>>().ok_or_else(PageError::internal)?;
    let cookie = request.cookie(SESSION).ok_or_else(|| to_sign_in(request))?;
    let member = match console.staff.accounts.resume(cookie.value()).await {
        Ok(member) => member,
        Err(StaffSignInError::BadToken) => return Err(to_sign_in(request)),
        Err(error) => return Err(ApiError::from(error).into()),
    };
    // For what is noted of refusals.
    request.extensions_mut().insert(Caller(Ok(Arc::new(member.clone()))));
    N::allow(&member, console).map_err(|refusal| PageError::refused(refusal, request))?;
    let said = request.cookie(FLASH).map(|said| said.value().to_owned());
    Ok(Seat { member, csrf: csrf_of(cookie.value()), said, needs: PhantomData })
}

/// Whether the session of a request goes on: somebody may also be sent to give the second factor again.
async fn is_signed_in(request: &HttpRequest) -> bool {
    let (Some(console), Some(cookie)) =
        (request.app_data::<Data<Console>>(), request.cookie(SESSION))
    else {
        return false;
    };
    console.staff.accounts.resume(cookie.value()).await.is_ok()
}

/// Known to the pages of a session alone: its cookie is not readable to scripts or to other sites.
pub(super) fn csrf_of(session: &str) -> String {
    let digest = Sha256::new().chain_update("onecard-staff-csrf|").chain_update(session).finalize();
    URL_SAFE_NO_PAD.encode(digest)
}

/// Refuses what another site had the browser send. Browsers name the origin of each form.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), PageError> {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let host = text(header::HOST);
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
    match (origin, host) {
        (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
        (_, _) => Err(ApiError::new(FOREIGN_FORM).into()),
    }
}

fn cookie(name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}

/// The cookie of a session; it ends with the browser or the session.
pub(super) fn session_cookie(token: String) -> Cookie<'static> {
    cookie(SESSION, token)
}

/// The cookie that makes this browser known to a login.
pub(super) fn client_cookie(token: String) -> Cookie<'static> {
    let mut client = cookie(CLIENT, token);
    client.set_max_age(time::Duration::days(CLIENT_DAYS));
    client
}

/// The cookie of what the next page says.
pub(super) fn said_cookie(what: &'static str) -> Cookie<'static> {
    cookie(FLASH, what.to_owned())
}

/// Removes what was said.
pub(super) fn unsaid_cookie() -> Cookie<'static> {
    let mut said = cookie(FLASH, String::new());
    said.make_removal();
    said
}

/// Removes the session's cookie.
pub(super) fn no_session_cookie() -> Cookie<'static> {
    let mut session = cookie(SESSION, String::new());
    session.make_removal();
    session
}

/// The cookie of somebody on the way to the messenger, or back. It ends with the browser or what is sealed
/// in it.
pub(super) fn work_cookie(carried: String) -> Cookie<'static> {
    cookie(WORK, carried)
}

/// Removes it.
pub(super) fn no_work_cookie() -> Cookie<'static> {
    let mut work = cookie(WORK, String::new());
    work.make_removal();
    work
}

/// What a browser carries on that way.
pub(super) fn work_token(request: &HttpRequest) -> Option<String> {
    request.cookie(WORK).map(|cookie| cookie.value().to_owned())
}

/// The cookie of what was typed, sealed. It ends with what is sealed in it, or as somebody signs in.
pub(super) fn kept_cookie(sealed: String) -> Cookie<'static> {
    cookie(KEPT, sealed)
}

/// Removes it.
pub(super) fn no_kept_cookie() -> Cookie<'static> {
    let mut kept = cookie(KEPT, String::new());
    kept.make_removal();
    kept
}

/// What was typed, sealed, that a browser carries.
pub(super) fn kept_token(request: &HttpRequest) -> Option<String> {
    request.cookie(KEPT).map(|cookie| cookie.value().to_owned())
}

/// The token of the session of a request, if it sent one.
pub(super) fn session_token(request: &HttpRequest) -> Option<String> {
    request.cookie(SESSION).map(|cookie| cookie.value().to_owned())
}

/// The token that makes a browser known.
pub(super) fn client_token(request: &HttpRequest) -> Option<String> {
    request.cookie(CLIENT).map(|cookie| cookie.value().to_owned())
}

/// Where somebody wanted to go: a path of this console, else its first page.
pub(super) fn next_of(next: Option<&str>) -> String {
    let within = next.filter(|next| *next == "/staff" || next.starts_with("/staff/"));
    let plain = within.filter(|next| next.bytes().all(|byte| byte.is_ascii_graphic()));
    plain.unwrap_or("/staff").to_owned()
}

/// The minutes for which a second factor is good, as pages say it.
pub(super) const FACTOR_MINUTES: u64 = FACTOR_LIFETIME.as_secs() / 60;

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn forms_come_from_this_host() {
        let cases = [
            (Some("https://card.example.cn"), Some("card.example.cn"), true),
            (Some("http://127.0.0.1:8080"), Some("127.0.0.1:8080"), true),
            (Some("https://CARD.example.cn"), Some("card.example.cn"), true),
            (Some("https://card.example.cn:444"), Some("card.example.cn"), false),
            (Some("https://other.example.cn"), Some("card.example.cn"), false),
            (Some("null"), Some("card.example.cn"), false),
            (None, Some("card.example.cn"), false),
            (Some("https://card.example.cn"), None, false),
        ];
        for (origin, host, good) in cases {
            let mut request = TestRequest::post();
            let named = [(header::ORIGIN, origin), (header::HOST, host)];
            for (name, value) in named.into_iter().filter_map(|(n, v)| Some((n, v?))) {
                request = request.insert_header((name, value));
            }
            let request = request.to_http_request();
            assert_eq!(check_origin(request.headers()).is_ok(), good, "{origin:?} at {host:?}");
        }
    }

    #[test]
    fn one_is_sent_on_within_the_console() {
        let cases = [
            (Some("/staff/approvals?state=open"), "/staff/approvals?state=open"),
            (Some("/staff"), "/staff"),
            (Some("/staffed"), "/staff"),
            (Some("//evil.example"), "/staff"),
            (Some("https://evil.example/staff/"), "/staff"),
            (Some("/staff/a\r\nSet-Cookie: x"), "/staff"),
            (None, "/staff"),
        ];
        for (asked, sent) in cases {
            assert_eq!(next_of(asked), sent, "{asked:?}");
        }
    }
}
