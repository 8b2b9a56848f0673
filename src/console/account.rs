//! 我的账号: the sessions and the recovery codes of the own login.

use super::{
    Console,
    browser::{Anybody, Seat, Sent},
    frame::{Frame, PageError, Wrong, sent_to, shown, shown_as},
    sign_in::NoFields,
    words,
};
use crate::{
    base::http::{
        ApiError,
        problem::{INVALID, NOT_FOUND},
    },
    staff::guard::ChangeOwnFactor,
    staff_accounts::{OwnSession, RECOVERY_CODES, StaffSessionId},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use secrecy::SecretString;
use serde::Deserialize;
use uuid::Uuid;
use zeroize::Zeroizing;

const HERE: (&str, &str) = ("/staff/account", "我的账号");

/// A session, as a page shows it.
struct SessionRow {
    id: Uuid,
    since: String,
    until: String,
    is_this: bool,
}

#[derive(Template)]
#[template(path = "console/account.html")]
struct AccountPage {
    frame: Frame,
    staff_no: String,
    sessions: Vec<SessionRow>,
    codes_left: usize,
    codes: usize,
}

#[derive(Template)]
#[template(path = "console/recovery.html")]
struct CodesPage {
    frame: Frame,
    codes: Vec<Zeroizing<String>>,
}

pub(super) async fn show(
    seat: Seat<Anybody>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let own = console.staff.accounts.own(&seat.member).await.map_err(ApiError::from)?;
    shown(&AccountPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        staff_no: seat.member.staff_no.to_string(),
        sessions: own.sessions.into_iter().map(row).collect(),
        codes_left: own.recovery_codes_left,
        codes: RECOVERY_CODES,
    })
}

fn row(session: OwnSession) -> SessionRow {
    let OwnSession { id, created_at, expires_at, is_this } = session;
    let (since, until) = (words::when(created_at), words::when(expires_at));
    SessionRow { id: id.uuid(), since, until, is_this }
}

pub(super) async fn end_session(
    sent: Sent<Anybody, NoFields>,
    id: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let NoFields {} = sent.form;
    let session = StaffSessionId::from_uuid(id.into_inner());
    let ending = console.staff.accounts.end_session(&sent.seat.member, session).await;
    if !ending.map_err(ApiError::from)? {
        return Err(ApiError::new(NOT_FOUND).into());
    }
    Ok(sent_to("/staff/account", Some("session-ended")))
}

/// The page to confirm new recovery codes: its form needs a second factor that was just given.
pub(super) async fn ask_codes(
    seat: Seat<ChangeOwnFactor>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let frame = Frame::of(&seat, &console, ("/staff/account", "更换恢复码")).await?;
    shown(&CodesPage { frame, codes: Vec::new() })
}

pub(super) async fn renew_codes(
    sent: Sent<ChangeOwnFactor, NoFields>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let NoFields {} = sent.form;
    let renewing = console.staff.accounts.renew_recovery(&sent.seat.member).await;
    let codes = renewing.map_err(ApiError::from)?;
    let frame = Frame::of(&sent.seat, &console, ("/staff/account", "新的恢复码")).await?;
    shown(&CodesPage { frame, codes })
}

/// A new password of one's own.
#[derive(Deserialize)]
pub(super) struct PasswordForm {
    password: String,
    new_password: String,
    repeated: String,
}

#[derive(Template)]
#[template(path = "console/password.html")]
struct PasswordPage {
    frame: Frame,
    wrong: Option<Wrong>,
}

const PASSWORD: (&str, &str) = ("/staff/account", "更改密码");

pub(super) async fn ask_password(
    seat: Seat<ChangeOwnFactor>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    shown(&PasswordPage { frame: Frame::of(&seat, &console, PASSWORD).await?, wrong: None })
}

/// Changes the password, which ends this session too. What was typed is not shown again.
pub(super) async fn change_password(
    sent: Sent<ChangeOwnFactor, PasswordForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let PasswordForm { password, new_password, repeated } = form;
    let changed = if new_password == repeated {
        let (password, new) = (SecretString::from(password), SecretString::from(new_password));
        console
            .staff
            .accounts
            .change_password(&seat.member, password, new)
            .await
            .map_err(ApiError::from)
    } else {
        Err(ApiError::new(INVALID).field("/repeated", "两次输入的新密码不同"))
    };
    match changed {
        Ok(()) => Ok(sent_to("/staff/sign-in", Some("password-changed"))),
        Err(error) => {
            let (frame, wrong) = (Frame::of(&seat, &console, PASSWORD).await?, Wrong::of(&error));
            shown_as(wrong.status, &PasswordPage { frame, wrong: Some(wrong) })
        }
    }
}
