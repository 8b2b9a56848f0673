//! What one admin does alone to a login: asked first, with what it stops.

use super::{HERE, LONGEST_REASON, MemberRow, may_change, path_of};
use crate::{
    base::http::{ApiError, problem::NOT_FOUND},
    console::{
        Console,
        browser::{Seat, Sent},
        confirm::{ConfirmPage, Why},
        frame::{Frame, PageError, Wrong, reason_of, sent_to, shown, shown_as},
        way_back::{CameFrom, after, leading_back},
        words,
    },
    staff::{MemberAct, guard::ChangeStaff},
    staff_accounts::{ListedStaff, StaffId},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use serde::Deserialize;
use uuid::Uuid;

/// What a form does to a login, as its address names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::console) enum Act {
    Disable,
    Enable,
    EndSessions,
    UnlinkWecom,
}

/// A reason, and where one came from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct ActForm {
    reason: String,
    back: String,
}

impl Act {
    /// The acts that fit a login as it is, with their links.
    pub(super) fn offered(found: &ListedStaff, back: &str) -> Vec<(String, String)> {
        let all = [Self::Disable, Self::Enable, Self::EndSessions, Self::UnlinkWecom];
        let fits = all.into_iter().filter(|act| act.fits(found));
        fits.map(|act| (leading_back(&act.path(found.id), back), act.word(found))).collect()
    }

    fn fits(self, found: &ListedStaff) -> bool {
        match self {
            Self::Disable | Self::EndSessions => found.enabled,
            Self::Enable => !found.enabled,
            Self::UnlinkWecom => found.work_id.is_some(),
        }
    }

    fn path(self, id: StaffId) -> String {
        let act = match self {
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::EndSessions => "end-sessions",
            Self::UnlinkWecom => "unlink-wecom",
        };
        format!("{}/{act}", path_of(id))
    }

    fn word(self, found: &ListedStaff) -> String {
        let login = &found.login;
        match self {
            Self::Disable => format!("停用 {login}"),
            Self::Enable => format!("启用 {login}"),
            Self::EndSessions => format!("结束 {login} 的全部登录"),
            Self::UnlinkWecom => format!("解除 {login} 的{}关联", words::section("wecom")),
        }
    }

    const fn of(self) -> (MemberAct, &'static str) {
        match self {
            Self::Disable => (MemberAct::Disable, "login-disabled"),
            Self::Enable => (MemberAct::Enable, "login-enabled"),
            Self::EndSessions => (MemberAct::EndSessions, "sessions-ended"),
            Self::UnlinkWecom => (MemberAct::Unlink, "unlinked"),
        }
    }

    /// What follows from it, with the sessions and the requests of now.
    fn sentence(self, found: &ListedStaff, (sessions, waiting): (usize, u64)) -> String {
        let (word, ends) = (self.word(found), format!("{sessions} 个会话立即结束"));
        match self {
            Self::Disable if waiting == 0 => format!("{word}？{ends}，没有待复核的申请。"),
            Self::Disable => format!("{word}？{ends}，{waiting} 项待复核退回。"),
            Self::Enable => format!("{word}？可以再登录，角色和停用前一样；退回的申请不恢复。"),
            Self::EndSessions => format!("{word}？{ends}，本人可以再登录。"),
            Self::UnlinkWecom => format!("{word}？{ends}，以后用账号和密码登录。"),
        }
    }

    async fn page(
        self,
        seat: &Seat<ChangeStaff>,
        console: &Console,
        found: &ListedStaff,
        (form, wrong): (ActForm, Option<Wrong>),
    ) -> Result<ConfirmPage, PageError> {
        let now = (
            console.staff.accounts.count_sessions(found.id).await?,
            console.staff.waiting_of(found.id).await?,
        );
        let word = self.word(found);
        let fits = self.fits(found) && may_change(&seat.member, found).1;
        Ok(ConfirmPage {
            frame: Frame::of(seat, console, (HERE.0, &word)).await?,
            wrong,
            sentence: self.sentence(found, now),
            facts: facts(found, now),
            notes: Vec::new(),
            path: fits.then(|| self.path(found.id)),
            button: word,
            keeps_old: None,
            reason: Some(Why::needed(form.reason)),
            back: leading_back(&path_of(found.id), &form.back),
            hidden: vec![("back", form.back)],
        })
    }
}

fn facts(found: &ListedStaff, (sessions, waiting): (usize, u64)) -> Vec<(&'static str, String)> {
    let row = MemberRow::of(found);
    let work_id = if row.work_id.is_empty() { "未关联".to_owned() } else { row.work_id };
    vec![
        ("账号", row.login),
        ("工号", row.staff_no),
        ("状态", row.state.to_owned()),
        ("角色", row.roles),
        (words::section("wecom"), work_id),
        ("最近登录", row.signed_in),
        ("会话", format!("{sessions} 个")),
        ("申请待复核", format!("{waiting} 项")),
    ]
}

/// The page that asks; the login's own page where that is not possible.
pub(in crate::console) async fn ask(
    seat: Seat<ChangeStaff>,
    path: Path<(Uuid, Act)>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (id, act) = path.into_inner();
    let (found, back) =
        (console.staff.member(&seat.member, StaffId::from_uuid(id)).await?, from.given());
    if !act.fits(&found) {
        return Ok(sent_to(&leading_back(&path_of(found.id), &back), Some("already")));
    }
    if !may_change(&seat.member, &found).1 {
        return Ok(sent_to(&leading_back(&path_of(found.id), &back), None));
    }
    let form = ActForm { back, ..ActForm::default() };
    shown(&act.page(&seat, &console, &found, (form, None)).await?)
}

/// Does it. What is wrong stands above the form as it was filled in, with what is so now.
pub(in crate::console) async fn act(
    sent: Sent<ChangeStaff, ActForm>,
    path: Path<(Uuid, Act)>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, (id, act)) = (sent, path.into_inner());
    let id = StaffId::from_uuid(id);
    let (what, said) = act.of();
    let acting = async {
        let why = reason_of(&form.reason, LONGEST_REASON)?;
        console.staff.act_on_member(&seat.member, id, (what, &why)).await?;
        Ok::<_, PageError>(())
    };
    let error: ApiError = match acting.await {
        Ok(()) => return Ok(sent_to(&after(&form.back, &path_of(id)), Some(said))),
        Err(error) => error.refusal()?,
    };
    if error.kind() == NOT_FOUND {
        return Err(error.into());
    }
    let found = console.staff.member(&seat.member, id).await?;
    let wrong = Wrong::of(&error);
    shown_as(wrong.status, &act.page(&seat, &console, &found, (form, Some(wrong))).await?)
}
