//! The page that asks before an import is started.

use super::{HERE, detail, path_of};
use crate::{
    console::{
        Console,
        browser::{Seat, Sent},
        confirm::ConfirmPage,
        frame::{Frame, PageError, sent_to, shown},
        list::grouped,
        way_back::{CameFrom, leading_back},
    },
    roster_imports::RosterJobId,
    staff::guard::ImportRoster,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};

/// Asks; sends to the roster where it does not wait for a start.
pub(in crate::console) async fn ask_start(
    seat: Seat<ImportRoster>,
    id: Path<RosterJobId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let job = console.rosters.find(&seat.member, id.into_inner()).await?.job;
    let (here, back) = (path_of(job.id), from.given());
    if !job.can_start(console.clock.now()) {
        return Ok(sent_to(&leading_back(&here, &back), None));
    }
    let counts = job.checked;
    let [added, changed, refused] = [counts.added, counts.changed, counts.refused].map(grouped);
    shown(&ConfirmPage {
        frame: Frame::of(&seat, &console, (HERE.0, "导入花名册")).await?,
        sentence: format!("导入？新增 {added}，更改 {changed}，拒绝 {refused}。"),
        facts: detail::facts(&job),
        wrong: None,
        notes: vec![FINAL.to_owned()],
        path: Some(format!("{here}/start")),
        button: "导入".to_owned(),
        keeps_old: None,
        reason: None,
        back: leading_back(&here, &back),
        hidden: vec![("back", back)],
    })
}

/// What an import is.
const FINAL: &str = "导入时按那时的人员再逐行决定，结果以导入后为准；导入不能撤回。";

/// Starts the import. A second click finds it started, and says the same.
pub(in crate::console) async fn start(
    sent: Sent<ImportRoster, CameFrom>,
    id: Path<RosterJobId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, id.into_inner());
    match console.rosters.start(&seat.member, id).await {
        Ok(job) => Ok(sent_to(&form.or(&path_of(job.id)), Some("roster-started"))),
        Err(error) => detail::again(&seat, &console, (id, form.given()), error.into()).await,
    }
}
