//! The second person on pages: why 通过 is not offered, and a warning where hardly anybody could give it.

use super::{Console, frame::PageError};
use crate::{
    approvals::Approval,
    base::http::ApiError,
    staff_accounts::{StaffAct, StaffMember},
};

/// Why the member may not approve what they would have the right to.
pub(super) async fn why_not(
    console: &Console,
    member: &StaffMember,
    asked: &Approval,
) -> Result<Option<&'static str>, PageError> {
    let why = console.staff.why_not_approve(member, asked).await?;
    Ok(why.map(|error| ApiError::from(error).problem().title))
}

/// That nobody else, or but one, could decide what the member is about to ask for.
pub(super) async fn warning(
    console: &Console,
    member: &StaffMember,
    decide: StaffAct,
) -> Result<Option<&'static str>, PageError> {
    Ok(match console.staff.others_who_may(member, decide).await? {
        0 => Some("没有别人能复核：可以提交，但要等管理员给另一人相应的角色才能通过。"),
        1 => Some("本校只有一人能复核，他不在时要等。"),
        _ => None,
    })
}
