//! 更换验证器: a new second factor of the own login, while the one in force is at hand.

use super::{
    Console, assets,
    browser::{Seat, Sent},
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
    NOTHING_OFFERED = "staff_no_new_factor", 409, "没有等待启用的新验证器。刚才已经更换而没有看到恢复码的，请在“我的账号”更换恢复码";
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

/// Replaces the factor, which ends the other sessions; a wrong code leaves everything as it is.
pub(super) async fn replace(
    sent: Sent<ChangeOwnFactor, CodeForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let (accounts, totp) = (&console.staff.accounts, SecretString::from(form.totp.trim()));
    match accounts.replace_own_factor(&seat.member, &totp).await {
        Ok(codes) => {
            let (codes, next, style) = (codes.as_slice(), HERE.0, assets::style());
            shown(&FirstCodesPage { codes, next, kept: None, style })
        }
        Err(error) => {
            let offered = accounts.offered_own_factor(&seat.member).await?;
            let error = match (&error, &offered) {
                (StaffSignInError::Refused, None) => ApiError::new(NOTHING_OFFERED),
                (StaffSignInError::Refused, Some(_)) => ApiError::new(WRONG_CODE),
                (_, _) => ApiError::from(error),
            };
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
