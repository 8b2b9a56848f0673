//! 更换验证器: a new second factor of the own login, while the one in force is at hand.

use super::{
    Console, assets,
    browser::{Seat, Sent, no_session_cookie},
    frame::{Frame, PageError, Wrong, shown, shown_as},
    qr::qr_of,
    sign_in::{FirstCodesPage, NoFields},
};
use crate::{
    base::http::{ApiError, problem::problem_kinds},
    staff::guard::ChangeOwnFactor,
    staff_accounts::{OfferedFactor, StaffSignInError},
};
use actix_web::{HttpResponse, web::Data};
use askama::Template;
use secrecy::SecretString;
use serde::Deserialize;
use zeroize::Zeroizing;

const HERE: (&str, &str) = ("/staff/account", "更换验证器");

problem_kinds! {
    WRONG_CODE = "staff_new_factor_code", 401, "验证码不是新验证器的，或已过时，请等下一个再填";
}

/// The secret that was offered, for the eyes of its owner.
struct Offer {
    secret: Zeroizing<String>,
    qr: String,
}

#[derive(Template)]
#[template(path = "console/own_factor.html")]
struct FactorPage {
    frame: Frame,
    wrong: Option<Wrong>,
    offer: Option<Offer>,
}

/// A code of the new authenticator.
#[derive(Deserialize)]
pub(super) struct CodeForm {
    totp: String,
}

pub(super) async fn show(
    seat: Seat<ChangeOwnFactor>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let frame = Frame::of(&seat, &console, HERE).await?;
    shown(&FactorPage { frame, wrong: None, offer: None })
}

pub(super) async fn offer(
    sent: Sent<ChangeOwnFactor, NoFields>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form: NoFields {} } = sent;
    let offered = console.staff.accounts.offer_own_factor(&seat.member).await;
    let offer = Some(drawn(&offered.map_err(ApiError::from)?)?);
    let frame = Frame::of(&seat, &console, HERE).await?;
    shown(&FactorPage { frame, wrong: None, offer })
}

/// Replaces the factor, which ends this session too; a wrong code leaves everything as it is.
pub(super) async fn replace(
    sent: Sent<ChangeOwnFactor, CodeForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let (accounts, totp) = (&console.staff.accounts, SecretString::from(form.totp.trim()));
    match accounts.replace_own_factor(&seat.member, &totp).await {
        Ok(codes) => {
            let (codes, next, style) = (codes.as_slice(), "/staff/sign-in", assets::style());
            let mut answer = shown(&FirstCodesPage { codes, next, style })?;
            // A cookie that is none cannot fail to be removed.
            let _ = answer.add_cookie(&no_session_cookie());
            Ok(answer)
        }
        Err(error) => {
            let error = if matches!(error, StaffSignInError::Refused) {
                ApiError::new(WRONG_CODE)
            } else {
                ApiError::from(error)
            };
            let offered = accounts.offered_own_factor(&seat.member).await?;
            let offer = offered.as_ref().map(drawn).transpose()?;
            let (frame, wrong) = (Frame::of(&seat, &console, HERE).await?, Wrong::of(&error));
            shown_as(wrong.status, &FactorPage { frame, wrong: Some(wrong), offer })
        }
    }
}

fn drawn(offered: &OfferedFactor) -> Result<Offer, PageError> {
    let qr = qr_of(&offered.otpauth_uri);
    let qr = qr.ok_or_else(|| ApiError::internal(&std::fmt::Error))?;
    Ok(Offer { secret: offered.secret.clone(), qr })
}
