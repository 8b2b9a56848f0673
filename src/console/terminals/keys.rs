//! A new key, shown once: in the answer to the form that asked for it.

use super::{HERE, path_of};
use crate::{
    console::{
        Console,
        browser::Seat,
        frame::{Frame, PageError, shown},
        way_back::leading_back,
        words,
    },
    staff::{IssuedKey, guard::ChangeTerminals},
};
use actix_web::HttpResponse;
use askama::Template;
use zeroize::Zeroizing;

#[derive(Template)]
#[template(path = "console/terminal_key.html")]
struct KeyPage {
    frame: Frame,
    path: String,
    key_id: String,
    fingerprint: String,
    private: Zeroizing<String>,
    /// Until when the old one is good.
    old_until: Option<String>,
}

pub(super) async fn page(
    seat: &Seat<ChangeTerminals>,
    console: &Console,
    (issued, back): (IssuedKey, &str),
) -> Result<HttpResponse, PageError> {
    let school = console.schools.require(seat.member.school).await?;
    let code = issued.code;
    shown(&KeyPage {
        frame: Frame::of(seat, console, (HERE.0, &format!("{code} 的新密钥"))).await?,
        path: leading_back(&path_of(issued.terminal), back),
        key_id: format!("{}/{code}", school.code),
        fingerprint: issued.key.public.fingerprint(),
        private: Zeroizing::new(issued.key.private_pem().to_owned()),
        old_until: issued.old_until.map(words::when),
    })
}
