//! 我的账号: the sessions and the recovery codes of the own login.

use super::{
    Console,
    browser::{Anybody, Seat, Sent},
    frame::{Frame, PageError, sent_to, shown},
    sign_in::NoFields,
    words,
};
use crate::{
    base::http::{ApiError, problem::NOT_FOUND},
    staff::guard::ChangeOwnFactor,
    staff_accounts::{OwnSession, RECOVERY_CODES, StaffSessionId},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;
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
