//! The second factor of somebody who is signed in, asked for again.

use super::{
    Console,
    browser::{Anybody, FACTOR_MINUTES, Seat, Sent, next_of},
    frame::{Frame, PageError, Wrong, sent_to, shown, shown_as},
    kept,
    sign_in::Onward,
};
use crate::base::http::ApiError;
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;
use secrecy::SecretString;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "console/second_factor.html")]
struct FactorPage {
    frame: Frame,
    next: String,
    /// What was typed before, sealed.
    kept: String,
    minutes: u64,
    wrong: Option<Wrong>,
}

/// The second factor again.
#[derive(Deserialize)]
pub(super) struct FactorForm {
    totp: String,
    next: String,
    /// What was typed before, sealed.
    #[serde(default)]
    kept: String,
}

pub(super) async fn ask_factor(
    seat: Seat<Anybody>,
    onward: Query<Onward>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let next = next_of(onward.next.as_deref());
    shown(&factor_page(&seat, &console, (next, String::new()), None).await?)
}

pub(super) async fn confirm_factor(
    sent: Sent<Anybody, FactorForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let totp = SecretString::from(form.totp.trim().to_owned());
    let (next, kept) = (next_of(Some(&form.next)), form.kept);
    match console.staff.accounts.confirm_factor(&seat.member, &totp).await {
        Ok(()) => {
            let who = (seat.member.id, seat.csrf);
            let again = kept::shown_again(&console, who, (&kept, &next));
            again.unwrap_or_else(|| Ok(sent_to(&next, None)))
        }
        Err(error) => {
            let wrong = Wrong::of(&ApiError::from(error));
            let status = wrong.status;
            shown_as(status, &factor_page(&seat, &console, (next, kept), Some(wrong)).await?)
        }
    }
}

async fn factor_page(
    seat: &Seat<Anybody>,
    console: &Console,
    (next, kept): (String, String),
    wrong: Option<Wrong>,
) -> Result<FactorPage, PageError> {
    let frame = Frame::of(seat, console, ("", "动态验证码")).await?;
    Ok(FactorPage { frame, next, kept, minutes: FACTOR_MINUTES, wrong })
}

/// The page that asks for the second factor, with what was typed before, sealed.
pub(super) async fn kept_factor_page(
    seat: &Seat<Anybody>,
    console: &Console,
    onward: (String, String),
) -> Result<String, PageError> {
    let page = factor_page(seat, console, onward, None).await?.render();
    page.map_err(|error| ApiError::internal(&error).into())
}
