//! What somebody typed as the session ended, or as the second factor was due again: it goes to the sign-in, or to
//! the page that asks for the factor, sealed, and comes back as a form to be sent. Where one signs in by the
//! school's messenger, the browser carries it there and back in a cookie.
//!
//! Invariant: nothing is done by it. Who signed in again sees what was typed, and sends it or not.
//! Invariant: only the login that typed it opens it, within a quarter of an hour. What comes from a page of an
//! earlier session is the browser's own, and is shown to whoever is signed in at it.
//! Invariant: no secrets are inside: a form that has a field for one is not kept at all.

use super::{
    Console, assets,
    browser::{Anybody, Seat, kept_token, seated, session_token},
    factor::kept_factor_page,
    frame::{PageError, form_encoded, shown},
    page_before::page_before,
    sign_in::sign_in_page,
};
use crate::{
    base::{clock::Timestamp, crypto::seal::Aad},
    staff_accounts::StaffId,
};
use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    web::{Data, Form},
};
use askama::Template;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The most that is kept of a form, in bytes of its names and values.
const MOST: usize = 8192;
/// The longest sealed form that fits into the form of a sign-in.
const MOST_SEALED: usize = 12 * 1024;
/// The longest that a browser carries to the messenger and back, beside its other cookies.
const MOST_CARRIED: usize = 3000;
/// How long.
const WITHIN: Duration = Duration::from_mins(15);
/// Forms about the own sign-in.
const OWN: [&str; 4] =
    ["/staff/sign-in", "/staff/sign-out", "/staff/second-factor", "/staff/account"];
/// What the name of a field has in it that may be a secret.
const SECRET: [&str; 7] =
    ["password", "first_code", "recovery_code", "totp", "repeated", "secret", "sealed"];
/// What goes along with no form: the session's own, and that a question was answered, which is asked again.
const LEFT: [&str; 2] = ["csrf", "seen"];
/// Forms whose fields are named after rules, which may be about passwords and codes.
const RULES: &str = "/staff/policy/";
/// The fields in which people type, with their words. Others go along unseen.
const TYPED: [(&str, &str); 11] = [
    ("code", "编号"),
    ("amount", "金额"),
    ("reason", "理由"),
    ("text", "说明"),
    ("classes", "班级"),
    ("number", "单号"),
    ("name", "名称"),
    ("login", "账号"),
    ("staff_no", "工号"),
    ("student_no", "学号或工号"),
    ("userid", "企业账号"),
];

/// A form as it was sent.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    path: String,
    fields: Vec<(String, String)>,
    until: i64,
}

/// A field as the page shows it.
struct Field {
    name: String,
    value: String,
    /// Where people type in it.
    word: Option<&'static str>,
}

/// The form again, as a part of a page.
#[derive(Template)]
#[template(path = "console/kept_form.html")]
pub(super) struct KeptForm {
    path: String,
    csrf: String,
    fields: Vec<Field>,
}

#[derive(Template)]
#[template(path = "console/kept.html")]
struct KeptPage {
    form: KeptForm,
    next: String,
    style: &'static str,
}

/// The sign-in with the form of this request inside, or the way there where nothing is kept of it; `None` where the
/// form is not read.
pub(super) async fn ask_sign_in(request: &HttpRequest, payload: &mut Payload) -> Option<PageError> {
    let console = request.app_data::<Data<Console>>()?;
    let token = session_token(request)?;
    let who = console.staff.accounts.was_signed_in(&token).await.ok()??;
    let (next, sealed) = sealed_form(console, request, payload, who).await?;
    let Some(sealed) = sealed else { return Some(elsewhere("sign-in", &next)) };
    let page = sign_in_page(console, (&next, &sealed)).await.ok()?;
    Some(PageError::SignIn(page, Some(sealed).filter(|sealed| is_carried(sealed))))
}

/// Whether a browser carries so much to the messenger and back.
pub(super) const fn is_carried(sealed: &str) -> bool {
    sealed.len() <= MOST_CARRIED
}

/// The page that asks for the second factor with the form of this request inside, likewise.
pub(super) async fn ask_factor(request: &HttpRequest, payload: &mut Payload) -> Option<PageError> {
    let console = request.app_data::<Data<Console>>()?;
    let seat: Seat<Anybody> = seated(request).await.ok()?;
    let (next, sealed) = sealed_form(console, request, payload, seat.member.id).await?;
    let Some(sealed) = sealed else { return Some(elsewhere("second-factor", &next)) };
    let page = kept_factor_page(&seat, console, (next, sealed)).await.ok()?;
    Some(PageError::Factor(page))
}

fn elsewhere(entrance: &str, next: &str) -> PageError {
    PageError::Elsewhere(format!("/staff/{entrance}?next={}", form_encoded(next)))
}

/// Where a form leads back to, and itself, sealed, if it is kept.
async fn sealed_form(
    console: &Console,
    request: &HttpRequest,
    payload: &mut Payload,
    who: StaffId,
) -> Option<(String, Option<String>)> {
    let fields = Form::<Vec<(String, String)>>::from_request(request, payload).await.ok()?;
    let next = page_before(request, back_in(&fields));
    let until = console.clock.now().plus(WITHIN).micros();
    let kept = Kept::of(request.path(), fields.into_inner(), until);
    Some((next, kept.and_then(|kept| kept.sealed(console, who))))
}

/// The way back that a form carries.
fn back_in(fields: &[(String, String)]) -> &str {
    let back = fields.iter().find(|(name, _)| name == "back");
    back.map(|(_, back)| back.as_str()).unwrap_or_default()
}

/// What was typed on a page of another session than the one that goes on; `None` where nothing is kept of it.
pub(super) fn ask_again<N>(
    request: &HttpRequest,
    seat: &Seat<N>,
    fields: Vec<(String, String)>,
) -> Option<PageError> {
    let next = page_before(request, back_in(&fields));
    let kept = Kept::of(request.path(), fields, i64::MAX)?;
    let page = kept.form(seat.csrf.clone()).page(next).render().ok()?;
    Some(PageError::Factor(page))
}

/// What the form of a sign-in carries; else what its browser does, which may have been to the messenger without signing
/// in there.
pub(super) fn or_carried(kept: String, request: &HttpRequest) -> String {
    if kept.is_empty() { kept_token(request).unwrap_or_default() } else { kept }
}

/// What was typed, for who is signed in as the login that typed it, with the `csrf` of the session.
pub(super) fn shown_again(
    console: &Console,
    who: (StaffId, String),
    (kept, next): (&str, &str),
) -> Option<Result<HttpResponse, PageError>> {
    Some(shown(&form_again(console, who, kept)?.page(next.to_owned())))
}

/// The same as a part of another page.
pub(super) fn form_again(
    console: &Console,
    (who, csrf): (StaffId, String),
    kept: &str,
) -> Option<KeptForm> {
    Some(Kept::opened(console, who, kept, console.clock.now())?.form(csrf))
}

impl KeptForm {
    fn page(self, next: String) -> KeptPage {
        KeptPage { form: self, next, style: assets::style() }
    }
}

impl Kept {
    fn of(path: &str, fields: Vec<(String, String)>, until: i64) -> Option<Self> {
        // Who approves must see what, with the figures of now.
        let approves = path.ends_with("/approve");
        let is_own = approves || OWN.iter().any(|own| path.starts_with(own));
        let has_rules = path.starts_with(RULES);
        let is_secret =
            |name: &str| !has_rules && SECRET.iter().any(|secret| name.contains(secret));
        let size: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        // What was not typed is sent again as quickly.
        let is_typed = |(name, value): &(String, String)| {
            has_rules || (!value.is_empty() && TYPED.iter().any(|(typed, _)| typed == name))
        };
        let is_secret = fields.iter().any(|(name, _)| is_secret(name));
        if is_own || size > MOST || is_secret || !fields.iter().any(is_typed) {
            return None;
        }
        let fields = fields.into_iter().filter(|(name, _)| !LEFT.contains(&&**name)).collect();
        Some(Self { path: path.to_owned(), fields, until })
    }

    fn form(self, csrf: String) -> KeptForm {
        let field = |(name, value): (String, String)| {
            let word = TYPED.iter().find(|(typed, _)| *typed == name).map(|(_, word)| *word);
            Field { name, value, word }
        };
        let fields = self.fields.into_iter().map(field).collect();
        KeptForm { path: self.path, csrf, fields }
    }

    fn sealed(&self, console: &Console, who: StaffId) -> Option<String> {
        let text = serde_json::to_vec(self).ok()?;
        let sealed = URL_SAFE_NO_PAD.encode(console.sealer.seal(&text, &aad(who)).ok()?);
        Some(sealed).filter(|sealed| sealed.len() <= MOST_SEALED)
    }

    fn opened(console: &Console, who: StaffId, sealed: &str, now: Timestamp) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok().filter(|sealed| !sealed.is_empty())?;
        let text = console.sealer.open(&sealed, &aad(who)).ok()?;
        let kept: Self = serde_json::from_slice(&text).ok()?;
        (now < Timestamp::from_micros(kept.until)).then_some(kept)
    }
}

/// What a form is sealed for: the login that typed it.
fn aad(who: StaffId) -> Aad {
    Aad { table: "console", column: "kept_form", row: who.uuid() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_and_no_secret_is_kept() {
        let long = "长".repeat(2800);
        let cases = [
            ("/staff/people/1/adjust", "reason", "多扣", true),
            ("/staff/people/1/adjust", "reason", &*long, false),
            ("/staff/people/1/adjust", "new_password", "x", false),
            ("/staff/people/1/adjust", "first_code", "x", false),
            ("/staff/people/1/adjust", "seen", "4680", false),
            ("/staff/merchants/add", "code", "M1", true),
            ("/staff/policy/preview", "password.shortest", "8", true),
            ("/staff/approvals/refund/1/approve", "reason", "x", false),
            ("/staff/sign-in", "reason", "x", false),
            ("/staff/sign-in/first", "reason", "x", false),
            ("/staff/account/password", "reason", "x", false),
            ("/staff/second-factor", "next", "x", false),
        ];
        for (path, name, value, kept) in cases {
            let fields = [("csrf", "t"), ("seen", "4680"), (name, value)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            let found = Kept::of(path, fields.to_vec(), 0);
            assert_eq!(found.is_some(), kept, "{path} {name}");
            let fields = found.map(|kept| kept.fields).unwrap_or_default();
            assert!(fields.iter().all(|(name, _)| !LEFT.contains(&&**name)), "{path}");
        }
    }
}
