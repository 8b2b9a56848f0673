//! The page that asks before an import is started.

use super::{HERE, detail, path_of};
use crate::{
    console::{
        Console,
        browser::{Seat, Sent},
        frame::{Frame, PageError, sent_to, shown},
        list::grouped,
    },
    roster_imports::RosterJobId,
    staff::guard::ImportRoster,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "console/roster_start.html")]
struct StartPage {
    frame: Frame,
    sentence: String,
    facts: Vec<(&'static str, String)>,
    path: String,
    back: String,
}

/// The form has nothing but its token.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct StartForm {}

/// Asks; sends to the roster where it does not wait for a start.
pub(in crate::console) async fn ask_start(
    seat: Seat<ImportRoster>,
    id: Path<RosterJobId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let job = console.rosters.find(&seat.member, id.into_inner()).await?.job;
    let here = path_of(job.id);
    if !job.can_start(console.clock.now()) {
        return Ok(sent_to(&here, None));
    }
    let counts = job.checked;
    let [added, changed, refused] = [counts.added, counts.changed, counts.refused].map(grouped);
    shown(&StartPage {
        frame: Frame::of(&seat, &console, (HERE.0, "导入花名册")).await?,
        sentence: format!("导入？新增 {added}，更改 {changed}，拒绝 {refused}。"),
        facts: detail::facts(&job),
        path: format!("{here}/start"),
        back: here,
    })
}

/// Starts the import. A second click finds it started, and says the same.
pub(in crate::console) async fn start(
    sent: Sent<ImportRoster, StartForm>,
    id: Path<RosterJobId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form: StartForm {} }, id) = (sent, id.into_inner());
    match console.rosters.start(&seat.member, id).await {
        Ok(job) => Ok(sent_to(&path_of(job.id), Some("roster-started"))),
        Err(error) => detail::again(&seat, &console, id, error.into()).await,
    }
}
