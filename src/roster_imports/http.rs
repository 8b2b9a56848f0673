//! Rosters as requests carry them, and what is answered to those that are refused.

use super::{RosterDesk, RosterDeskError, RosterJob, RosterJobId, RosterState, fault_in_words};
use crate::{
    base::http::{
        ApiError, UploadedFile,
        problem::{self, problem_kinds},
        too_large,
    },
    staff_accounts::StaffMember,
};

problem_kinds! {
    ROSTER_RUNNING = "roster_running", 409, "本校有一份花名册正在核对或导入，请等它完成";
    ROSTER_NOT_STARTABLE = "roster_not_startable", 409, "这份花名册不在等待导入";
    ROSTER_EXPIRED = "roster_expired", 409, "这份花名册上传已超过 24 小时，请重新上传";
    ROSTER_REFUSALS_GONE = "roster_refusals_gone", 409, "拒绝的行只保留 30 天，已经删除";
}

impl RosterDesk {
    /// Receives a roster; its check is due from then on.
    pub async fn receive(
        &self,
        member: &StaffMember,
        mut file: UploadedFile,
    ) -> Result<RosterJobId, ApiError> {
        let mut upload = self.upload(member, &file.name).await?;
        loop {
            match file.next().await {
                Ok(Some(piece)) => upload.add(&piece).await?,
                Ok(None) => return Ok(upload.finish().await?),
                Err(error) => {
                    upload.discard().await?;
                    return Err(error);
                }
            }
        }
    }
}

impl From<RosterDeskError> for ApiError {
    fn from(error: RosterDeskError) -> Self {
        match error {
            RosterDeskError::NotFound => Self::new(problem::NOT_FOUND),
            RosterDeskError::TooLarge => too_large(super::MAX_ROSTER_BYTES),
            RosterDeskError::Running(id) => {
                Self::new(ROSTER_RUNNING).member("running", id.to_string())
            }
            RosterDeskError::NotStartable(job) => Self::new(ROSTER_NOT_STARTABLE)
                .detail(as_it_is(&job))
                .member("state", job.state.code()),
            RosterDeskError::Expired => Self::new(ROSTER_EXPIRED),
            RosterDeskError::RefusalsGone => Self::new(ROSTER_REFUSALS_GONE),
            RosterDeskError::Right(refusal) => refusal.into(),
            RosterDeskError::File(_) | RosterDeskError::Sealed(_) | RosterDeskError::Db(_) => {
                Self::internal(&error)
            }
        }
    }
}

/// Why it cannot be started, in words.
fn as_it_is(job: &RosterJob) -> String {
    let by = |what: &str| match &job.started {
        Some(by) => format!("{}（{}）{what}", by.login, by.staff_no),
        None => what.to_owned(),
    };
    match job.state {
        RosterState::Checking => "正在核对".to_owned(),
        RosterState::Checked => "已核对".to_owned(),
        RosterState::Importing => by("已开始导入"),
        RosterState::Done => by("已导入"),
        RosterState::Failed => job.fault.as_deref().map(fault_in_words).unwrap_or_default(),
    }
}
