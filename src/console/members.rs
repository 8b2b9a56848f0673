//! 工作人员: logins of members of staff, for admins.

mod acts;
mod file;
mod list;

pub(super) use acts::{act, ask as ask_act};
pub(super) use file::Members;
pub(super) use list::list;

use super::{
    Console,
    browser::{Needs, Seat, Sent},
    frame::{Frame, PageError, Wrong, reason_of, sent_to, shown, shown_as},
    member_requests,
    way_back::{self, CameFrom, after, anchor},
    words,
};
use crate::{
    base::http::{
        ApiError,
        problem::{INVALID, NOT_FOUND},
    },
    staff::{
        MemberAsk, RolesOutcome,
        guard::{ChangeStaff, ReadStaff},
    },
    staff_accounts::{
        ListedStaff, StaffAct, StaffChange, StaffId, StaffMember, StaffRole, StaffRoles, WorkId,
    },
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

pub(super) const HERE: (&str, &str) = ("/staff/staff", "工作人员");
/// The longest reason, in characters.
const LONGEST_REASON: usize = 80;
/// A login as pages show it.
pub(super) struct MemberRow {
    pub(super) id: Uuid,
    /// Its page, and its place in a list, to come back to.
    pub(super) path: String,
    pub(super) anchor: String,
    pub(super) login: String,
    pub(super) staff_no: String,
    pub(super) roles: String,
    pub(super) factor: &'static str,
    pub(super) signed_in: String,
    pub(super) state: &'static str,
    pub(super) enabled: bool,
    /// The userid that it is linked with; empty for none.
    pub(super) work_id: String,
}

/// A role that may be chosen.
pub(super) struct RoleBox {
    pub(super) code: &'static str,
    pub(super) word: &'static str,
    pub(super) chosen: bool,
}

#[derive(Template)]
#[template(path = "console/member.html")]
struct DetailPage {
    frame: Frame,
    wrong: Option<Wrong>,
    row: MemberRow,
    own: bool,
    changes: bool,
    /// What can be done at once, which is asked before: the page, and what it is.
    acts: Vec<(String, String)>,
    /// The list that one came from, for the forms; empty where one came from none.
    came_from: String,
    /// The codes of the roles as they are.
    before: String,
    roles: Vec<RoleBox>,
    /// The form that was refused, and its reason as it was typed.
    tried: &'static str,
    reason: String,
    list: String,
    /// As it was typed.
    userid: String,
    form_id: Uuid,
    /// The classes of a counsellor.
    classes: Option<ClassesView>,
}

/// The classes of a counsellor, as a form has them.
pub(super) struct ClassesView {
    /// Those that there are, one a line.
    pub(super) before: String,
    /// Those that were written, one a line.
    pub(super) text: String,
    pub(super) reason: String,
}

/// The boxes of roles: a browser sends those that are ticked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TickedRoles {
    card_office: Option<String>,
    finance: Option<String>,
    network_center: Option<String>,
    counsellor: Option<String>,
    auditor: Option<String>,
    admin: Option<String>,
}

/// Roles with a reason.
#[derive(Debug, Deserialize)]
pub(super) struct RolesForm {
    form_id: Uuid,
    /// The codes of the roles that the page showed.
    before: String,
    reason: String,
    #[serde(default)]
    back: String,
    #[serde(flatten)]
    roles: TickedRoles,
}

/// A reason for a request.
#[derive(Debug, Deserialize)]
pub(super) struct AskForm {
    form_id: Uuid,
    reason: String,
    #[serde(default)]
    back: String,
}

/// A userid with a reason.
#[derive(Debug, Deserialize)]
pub(super) struct LinkForm {
    userid: String,
    reason: String,
    #[serde(default)]
    back: String,
}

pub(super) async fn show(
    seat: Seat<ReadStaff>,
    id: Path<Uuid>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    shown(&detail(&seat, &console, StaffId::from_uuid(id.into_inner()), from.given()).await?)
}

/// The page of a login, which leads back to where one came from.
async fn detail<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    id: StaffId,
    back: String,
) -> Result<DetailPage, PageError> {
    let found = console.staff.member(&seat.member, id).await?;
    let (own, changes) = may_change(&seat.member, &found);
    let came_from = CameFrom::of(back).given();
    let is_counsellor = found.roles.codes().contains(&StaffRole::Counsellor.code());
    let classes = is_counsellor.then(|| ClassesView {
        before: found.classes.to_string(),
        text: found.classes.to_string(),
        reason: String::new(),
    });
    Ok(DetailPage {
        frame: Frame::of(seat, console, HERE).await?,
        wrong: None,
        row: MemberRow::of(&found),
        own,
        changes,
        acts: if changes { acts::Act::offered(&found, &came_from) } else { Vec::new() },
        before: found.roles.to_string(),
        roles: boxes(&found.roles),
        tried: "",
        reason: String::new(),
        list: after(&came_from, HERE.0),
        userid: String::new(),
        form_id: Uuid::new_v4(),
        classes,
        came_from,
    })
}

/// Whether it is the own login, and whether the member may change it.
fn may_change(member: &StaffMember, found: &ListedStaff) -> (bool, bool) {
    let own = found.id == member.id || found.staff_no == member.staff_no;
    (
        own && member.roles.has(StaffAct::ChangeStaff),
        !own && member.roles.has(StaffAct::ChangeStaff),
    )
}

pub(super) async fn change_roles(
    sent: Sent<ChangeStaff, RolesForm>,
    id: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let id = StaffId::from_uuid(id.into_inner());
    let (roles, key) = (form.roles.chosen(), form.form_id.to_string());
    let changed = match checked(&roles, &form.reason) {
        Ok(why) => {
            let shown = form.before.split(',').filter_map(|code| code.parse().ok());
            let wanted = (id, Some(StaffRoles::new(shown)), roles.clone());
            let changing = console.staff.change_roles(&seat.member, wanted, (&why, &key)).await;
            changing.map_err(ApiError::from)
        }
        Err(wrong) => Err(wrong),
    };
    match changed {
        Ok(RolesOutcome::Changed) => {
            Ok(sent_to(&after(&form.back, &path_of(id)), Some("roles-changed")))
        }
        Ok(RolesOutcome::Asked(asked)) => {
            Ok(sent_to(&after(&form.back, &member_requests::path_of(asked.id)), Some("asked")))
        }
        Err(error) if error.kind() == NOT_FOUND => Err(error.into()),
        Err(error) => {
            let page = detail(&seat, &console, id, form.back).await?;
            let wrong = wrong_of(&error, "roles");
            let (status, reason, tried) = (wrong.status, form.reason, "roles");
            let (wrong, roles) = (Some(wrong), boxes(&roles));
            shown_as(status, &DetailPage { wrong, roles, tried, reason, ..page })
        }
    }
}

/// The page of a login whose classes cannot be changed so, with what was written.
pub(super) async fn with_classes(
    seat: &Seat<ChangeStaff>,
    console: &Console,
    id: StaffId,
    ([text, reason], back): ([String; 2], String),
    error: &ApiError,
) -> Result<HttpResponse, PageError> {
    let wrong = wrong_of(error, "classes");
    let page = detail(seat, console, id, back).await?;
    let before = page.classes.map(|classes| classes.before).unwrap_or_default();
    let classes = Some(ClassesView { before, text, reason });
    shown_as(wrong.status, &DetailPage { wrong: Some(wrong), classes, ..page })
}

/// The page of a login at which something was refused, with the reason as it was typed.
async fn again(
    seat: &Seat<ChangeStaff>,
    console: &Console,
    id: StaffId,
    (tried, form): (&'static str, AskForm),
    error: PageError,
) -> Result<HttpResponse, PageError> {
    let error = error.refusal()?;
    let page = detail(seat, console, id, form.back).await?;
    let (wrong, reason) = (wrong_of(&error, tried), form.reason);
    shown_as(wrong.status, &DetailPage { wrong: Some(wrong), tried, reason, ..page })
}

/// What is wrong, with the reason where that form has it.
fn wrong_of(error: &ApiError, tried: &str) -> Wrong {
    let mut wrong = Wrong::of(error);
    for detail in wrong.details.iter_mut().filter(|one| one.field.as_deref() == Some("reason")) {
        detail.field = Some(format!("{tried}-why"));
    }
    wrong
}

pub(super) async fn link(
    sent: Sent<ChangeStaff, LinkForm>,
    id: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let id = StaffId::from_uuid(id.into_inner());
    let linked = async {
        let work_id = form.userid.trim().parse::<WorkId>();
        let work_id = work_id.map_err(|_| {
            let wrong = "userid 由字母、数字和 _ - @ . 组成，最多 64 个字符";
            ApiError::new(INVALID).field("/userid", wrong)
        })?;
        let why = format!("请填写原因，最多 {LONGEST_REASON} 个字");
        let reason = reason_of(&form.reason, LONGEST_REASON)
            .map_err(|_| ApiError::new(INVALID).field("/reason", why))?;
        let linking = console.staff.link_member(&seat.member, (id, &work_id), &reason).await;
        linking.map_err(ApiError::from)
    };
    match linked.await {
        Ok(()) => Ok(sent_to(&after(&form.back, &path_of(id)), Some("linked"))),
        Err(error) if error.kind() == NOT_FOUND => Err(error.into()),
        Err(error) => {
            let page = detail(&seat, &console, id, form.back).await?;
            let (wrong, userid) = (wrong_of(&error, "link"), form.userid);
            let (status, wrong, tried, reason) = (wrong.status, Some(wrong), "link", form.reason);
            shown_as(status, &DetailPage { wrong, tried, reason, userid, ..page })
        }
    }
}

pub(super) async fn reset_factor(
    sent: Sent<ChangeStaff, AskForm>,
    id: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, StaffId::from_uuid(id.into_inner()));
    let asking = async {
        let ask = MemberAsk {
            member: id,
            change: StaffChange::Factor,
            reason: reason_of(&form.reason, LONGEST_REASON)?,
            key: form.form_id.to_string(),
        };
        Ok(console.staff.ask_change(&seat.member, &ask).await?)
    };
    match asking.await {
        Ok(asked) => {
            let own = member_requests::path_of(asked.id);
            Ok(sent_to(&after(&form.back, &own), Some("asked")))
        }
        Err(error) => again(&seat, &console, id, ("factor", form), error).await,
    }
}

pub(super) fn path_of(id: StaffId) -> String {
    format!("{}/{id}", HERE.0)
}

/// The reason, where there is at least one role.
pub(super) fn checked(roles: &StaffRoles, reason: &str) -> Result<String, ApiError> {
    if roles.codes().is_empty() {
        return Err(
            ApiError::new(INVALID).field("/roles", "请至少选择一个角色；不再使用的账号请停用")
        );
    }
    let why = format!("请填写原因，最多 {LONGEST_REASON} 个字");
    reason_of(reason, LONGEST_REASON).map_err(|_| ApiError::new(INVALID).field("/reason", why))
}

pub(super) fn boxes(chosen: &StaffRoles) -> Vec<RoleBox> {
    let chosen = chosen.codes();
    let role = |code| RoleBox { code, word: words::role(code), chosen: chosen.contains(&code) };
    StaffRole::ALL.map(StaffRole::code).map(role).into()
}

impl TickedRoles {
    pub(super) fn chosen(&self) -> StaffRoles {
        let boxes = [
            (&self.card_office, StaffRole::CardOffice),
            (&self.finance, StaffRole::Finance),
            (&self.network_center, StaffRole::NetworkCenter),
            (&self.counsellor, StaffRole::Counsellor),
            (&self.auditor, StaffRole::Auditor),
            (&self.admin, StaffRole::Admin),
        ];
        StaffRoles::new(
            boxes.into_iter().filter(|(ticked, _)| ticked.is_some()).map(|(_, role)| role),
        )
    }
}

impl MemberRow {
    /// A row of a list, which leads to the login and from there back to itself.
    fn of_list(found: &ListedStaff, list: &str) -> Self {
        let row = Self::of(found);
        Self { path: way_back::row(&row.path, list, &row.anchor), ..row }
    }

    pub(super) fn of(found: &ListedStaff) -> Self {
        Self {
            id: found.id.uuid(),
            path: path_of(found.id),
            anchor: anchor('s', found.id.uuid()),
            login: found.login.to_string(),
            staff_no: found.staff_no.to_string(),
            roles: roles_word(&found.roles),
            factor: if found.enrolled { "已设置" } else { "未设置，凭登录单" },
            signed_in: found.signed_in_at.map_or_else(|| "从未".to_owned(), words::when),
            state: if found.enabled { "正常" } else { "已停用" },
            enabled: found.enabled,
            work_id: found.work_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

/// Roles in words.
pub(super) fn roles_word(roles: &StaffRoles) -> String {
    let words: Vec<&str> = roles.codes().into_iter().map(words::role).collect();
    if words.is_empty() { "无".to_owned() } else { words.join("、") }
}
