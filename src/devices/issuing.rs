//! Issues codes to clients that cannot compute them.

use super::{DeviceError, Devices, enrolling::Applicant};
use crate::{
    passcode::{
        CodePurpose, DeviceKind, Enrolled, IssueOutcome, IssuedCode, KeyedDevice, NewDevice, Owner,
        Trust,
    },
    schools::School,
    sessions::Student,
};

impl Devices {
    /// Issues a code from the person's server-side device, which exists beside the phone.
    pub async fn issue(
        &self,
        student: &Student,
        purpose: CodePurpose,
    ) -> Result<IssuedCode, DeviceError> {
        let (owner, school) = self.owner(student).await?;
        let own = match self.codes.own_device(&owner, self.clock.now()).await? {
            Some(own) => own,
            None => self.enrol_own(student, owner, &school).await?,
        };
        let key = self.key(&school, &own)?;
        let own = KeyedDevice { enrolled: &own, key: &key };
        let prefixes = &school.policy.passcode.prefixes;
        match self.codes.issue(own, prefixes, purpose, self.clock.now()).await? {
            IssueOutcome::Issued(made) => Ok(made),
            IssueOutcome::UsedUp { retry_after } => Err(DeviceError::UsedUp { retry_after }),
        }
    }

    async fn enrol_own(
        &self,
        student: &Student,
        owner: Owner,
        school: &School,
    ) -> Result<Enrolled, DeviceError> {
        let (kind, trust) = (DeviceKind::Server, Trust::Proven);
        let new = NewDevice { kind, trust, ..self.new_device(owner, school)? };
        self.enrol_device(&Applicant { student, proven: None }, school, &new).await
    }
}
