//! Query passwords that people have forgotten: one member of the card office, who has the person and the card before
//! them, asks; another approves and has the slip.

use super::{
    PeopleDesk, StaffPeopleError,
    people::is_own,
    requests::{NewRequest, RequestRules, Requests, StaffActError, digest},
};
use crate::{
    approvals::{Approval, ApprovalId, ApprovalKind, ApprovalQuery, ApprovalVerdict},
    base::{
        clock::Timestamp,
        db::{Keyset, Tx},
        ids::PersonId,
        money::Fen,
    },
    passwords::PasswordSlip,
    schools::People,
    staff_accounts::{StaffAct, StaffMember},
};
use secrecy::SecretString;

/// What its requests are, and who may ask and decide.
pub(super) static RULES: RequestRules = RequestRules {
    kinds: &[ApprovalKind::PasswordReset],
    ask: StaffAct::ResetPassword,
    decide: StaffAct::ResetPassword,
};

impl PeopleDesk {
    /// Asks that a person's query password be reset. The same key and request again is the same request.
    pub async fn ask_reset(
        &self,
        member: &StaffMember,
        person: PersonId,
        (reason, key): (&str, &str),
    ) -> Result<Approval, StaffActError> {
        let (requests, digest) = (self.resets(member), digest(&format!("reset|{person}|"), reason));
        if let Some(before) = requests.asked_before(key, &digest).await? {
            return Ok(before);
        }
        self.not_own_card(member, person).await?;
        let (kind, subject, amount) = (ApprovalKind::PasswordReset, person.uuid(), Fen::default());
        requests.ask(NewRequest { kind, subject, digest, amount, reason, key }).await
    }

    /// Approves a request: the password of the slip is in force, and told here, once. A repeat tells nothing.
    pub async fn approve_reset(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<(Approval, Option<(SecretString, Timestamp)>), StaffActError> {
        let requests = self.resets(member);
        let asked = requests.find(id).await?;
        if requests.is_repeat(&asked, ApprovalVerdict::Approve) {
            return Ok((asked, None));
        }
        let person = PersonId::from_uuid(asked.subject);
        self.not_own_card(member, person).await?;
        requests.may_approve(&asked).await?;
        let slip: PasswordSlip = self.passwords.slip().await?;
        let reset = async |tx: &Tx, _: &Approval, now| {
            let person = People::hold(tx, person).await?;
            self.passwords.reset(tx, &person, &slip, now).await?;
            Ok(None)
        };
        let approved = requests.approve(id, why, reset).await?;
        let at = approved.decision.as_ref().map_or(approved.asked_at, |decision| decision.at);
        Ok((approved, Some((slip.password, at.plus(PasswordSlip::LIFETIME)))))
    }

    /// Rejects a request.
    pub async fn reject_reset(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<Approval, StaffActError> {
        self.resets(member).reject(id, why).await
    }

    /// Takes a request back.
    pub async fn withdraw_reset(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<Approval, StaffActError> {
        self.resets(member).withdraw(id).await
    }

    /// A request of the member's school.
    pub async fn reset_request(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<Approval, StaffActError> {
        self.resets(member).find(id).await
    }

    /// How many of them there are, among the first `most`.
    pub async fn count_resets(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        most: u32,
    ) -> Result<u64, StaffActError> {
        self.resets(member).count(query, most).await
    }

    /// A page of requests of the member's school.
    pub async fn reset_requests(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        page: Keyset,
    ) -> Result<Vec<Approval>, StaffActError> {
        self.resets(member).page(query, page).await
    }

    /// Nobody acts on the own card.
    async fn not_own_card(&self, member: &StaffMember, id: PersonId) -> Result<(), StaffActError> {
        match self.at_school(member, id).await {
            Ok(person) if is_own(&person, member) => Err(StaffActError::OwnCard),
            Ok(_) => Ok(()),
            Err(StaffPeopleError::Db(error)) => Err(error.into()),
            Err(_) => Err(StaffActError::NotFound),
        }
    }

    fn resets<'a>(&'a self, member: &'a StaffMember) -> Requests<'a> {
        Requests { db: &self.db, clock: &*self.clock, member, rules: &RULES }
    }
}
