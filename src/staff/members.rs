//! Logins of members of staff, as admins change them. What gives somebody money or the logins of others
//! needs two admins, and so does a new second factor.

use super::{
    StaffDesk,
    requests::{NewRequest, RequestRules, Requests, StaffActError, digest},
};
use crate::{
    approvals::{self, Approval, ApprovalId, ApprovalKind, ApprovalQuery, ApprovalVerdict},
    base::{
        clock::Timestamp,
        db::{Keyset, Tx},
        money::Fen,
    },
    staff_accounts::{
        AddedStaff, ListedStaff, Slip, StaffAct, StaffChange, StaffChangeError, StaffChanges,
        StaffId, StaffMember, StaffPlace, StaffQuery, StaffRoles, WorkId,
    },
};
use std::collections::HashMap;
use uuid::Uuid;

/// What its requests are, and who may ask and decide.
pub(super) static RULES: RequestRules = RequestRules {
    kinds: &[ApprovalKind::StaffRoles, ApprovalKind::StaffFactor],
    ask: StaffAct::ChangeStaff,
    decide: StaffAct::ChangeStaff,
};

/// What one admin does alone to the login of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberAct {
    /// Switches it off: its sessions end, and what it asked for is taken back.
    Disable,
    /// Switches it on again.
    Enable,
    /// Ends its sessions.
    EndSessions,
    /// Ends its link with a userid of the school's messenger, and its sessions.
    Unlink,
}

/// A change of a login, as it is asked.
#[derive(Clone, Debug)]
pub struct MemberAsk {
    /// Which.
    pub member: StaffId,
    /// What.
    pub change: StaffChange,
    /// Why.
    pub reason: String,
    /// The idempotency key.
    pub key: String,
}

/// A login that was added. Whoever added it hands the slip over.
#[derive(Debug)]
pub struct AddedMember {
    /// The login.
    pub member: ListedStaff,
    /// What signs it in the first time; told once.
    pub slip: Slip,
    /// The request for the roles that another admin must approve.
    pub request: Option<Approval>,
}

/// A request about a login, with the login.
#[derive(Clone, Debug)]
pub struct StaffRequest {
    /// The request.
    pub approval: Approval,
    /// The login as it is now.
    pub member: ListedStaff,
    /// What it becomes.
    pub change: StaffChange,
}

/// What changing roles came to.
#[derive(Debug)]
pub enum RolesOutcome {
    /// They are in force.
    Changed,
    /// Another admin must approve.
    Asked(Box<Approval>),
}

impl MemberAsk {
    fn request(&self) -> NewRequest<'_> {
        let Self { member, change, reason, key } = self;
        let (kind, what) = match change {
            StaffChange::Roles(roles) => (ApprovalKind::StaffRoles, roles.to_string()),
            StaffChange::Factor => (ApprovalKind::StaffFactor, String::new()),
        };
        let digest = digest(&format!("{}|{member}|{what}|", kind.code()), reason);
        let (subject, amount) = (member.uuid(), Fen::default());
        NewRequest { kind, subject, digest, amount, reason, key }
    }
}

impl StaffDesk {
    /// A page of the logins of the member's school.
    pub async fn members(
        &self,
        member: &StaffMember,
        query: &StaffQuery,
        page: Keyset<StaffPlace>,
    ) -> Result<Vec<ListedStaff>, StaffActError> {
        let filter = query.filter(member.school).map_err(StaffActError::BadFilter)?;
        Ok(filter.page(&self.db, page).await?)
    }

    /// How many of them there are, among the first `most`.
    pub async fn count_members(
        &self,
        member: &StaffMember,
        query: &StaffQuery,
        most: u32,
    ) -> Result<u64, StaffActError> {
        let filter = query.filter(member.school).map_err(StaffActError::BadFilter)?;
        Ok(filter.count(&self.db, most).await?)
    }

    /// A login of the member's school.
    pub async fn member(
        &self,
        member: &StaffMember,
        id: StaffId,
    ) -> Result<ListedStaff, StaffActError> {
        let found = self.accounts.member(member.school, id).await?;
        found.ok_or(StaffActError::NotFound)
    }

    /// How many requests of a login wait for somebody: what switching it off takes back.
    pub async fn waiting_of(&self, id: StaffId) -> Result<u64, StaffActError> {
        Ok(Approval::open_of(&self.db, id.uuid()).await?)
    }

    /// Adds a login. Roles that two admins grant are asked for in the same commit.
    pub async fn add_member(
        &self,
        by: &StaffMember,
        new: &AddedStaff,
        (reason, key): (&str, &str),
    ) -> Result<AddedMember, StaffActError> {
        let (slip, hash) = self.accounts.slip(by.school, &new.login).await?;
        let id = StaffId::new(self.clock.now());
        let add = async |tx: &Tx, now| {
            let changes = self.accounts.changes(tx, by, now).await?;
            Ok::<_, StaffActError>(changes.add((id, new), (&slip, &hash)).await?)
        };
        let request = if new.roles.without_guarded() == new.roles {
            let (db, now) = (self.db.clone().acting_as(by.actor(reason)), self.clock.now());
            db.in_tx(async |tx| add(tx, now).await).await?;
            None
        } else {
            let change = StaffChange::Roles(new.roles.clone());
            let (reason, key) = (reason.to_owned(), key.to_owned());
            let ask = MemberAsk { member: id, change, reason, key };
            let note = async |tx: &Tx, approval: &Approval, now| {
                add(tx, now).await?;
                self.note(tx, by, (&ask, approval, now)).await
            };
            Some(self.member_requests(by).ask_with(ask.request(), note).await?)
        };
        Ok(AddedMember { member: self.member(by, id).await?, slip, request })
    }

    /// What one admin does alone.
    pub async fn act_on_member(
        &self,
        by: &StaffMember,
        id: StaffId,
        (act, reason): (MemberAct, &str),
    ) -> Result<(), StaffActError> {
        let (db, now) = (self.db.clone().acting_as(by.actor(reason)), self.clock.now());
        let officer = self.member_requests(by).officer();
        db.in_tx(async |tx| {
            if act == MemberAct::Disable {
                approvals::take_back(tx, id.uuid(), (&officer, "账号已停用"), now).await?;
            }
            let changes = self.accounts.changes(tx, by, now).await?;
            match act {
                MemberAct::Disable => changes.switch(id, false).await?,
                MemberAct::Enable => changes.switch(id, true).await?,
                MemberAct::EndSessions => changes.end_sessions(id).await?,
                MemberAct::Unlink => changes.link(id, None).await?,
            }
            Ok(())
        })
        .await
    }

    /// Links a login with a userid of the school's messenger, which signs it in from then on.
    pub async fn link_member(
        &self,
        by: &StaffMember,
        (id, work_id): (StaffId, &WorkId),
        reason: &str,
    ) -> Result<(), StaffActError> {
        let (db, now) = (self.db.clone().acting_as(by.actor(reason)), self.clock.now());
        db.in_tx(async |tx| {
            let changes = self.accounts.changes(tx, by, now).await?;
            Ok(changes.link(id, Some(work_id)).await?)
        })
        .await
    }

    /// Changes the roles that the member has seen, or asks for it where another admin must approve.
    pub async fn change_roles(
        &self,
        by: &StaffMember,
        (id, seen, roles): (StaffId, Option<StaffRoles>, StaffRoles),
        (reason, key): (&str, &str),
    ) -> Result<RolesOutcome, StaffActError> {
        let before = self.member(by, id).await?.roles;
        if seen.is_some_and(|seen| seen != before) {
            return Err(StaffChangeError::Unchanged.into());
        }
        if roles.need_two(&before) {
            let change = StaffChange::Roles(roles);
            let (reason, key) = (reason.to_owned(), key.to_owned());
            let ask = MemberAsk { member: id, change, reason, key };
            return Ok(RolesOutcome::Asked(Box::new(self.ask_change(by, &ask).await?)));
        }
        let (db, now) = (self.db.clone().acting_as(by.actor(reason)), self.clock.now());
        db.in_tx(async |tx| {
            let changes = self.accounts.changes(tx, by, now).await?;
            Ok::<_, StaffActError>(changes.set_roles(id, (&before, &roles)).await?)
        })
        .await?;
        Ok(RolesOutcome::Changed)
    }

    /// Asks for a change. The same key and request again is the same request.
    pub async fn ask_change(
        &self,
        by: &StaffMember,
        ask: &MemberAsk,
    ) -> Result<Approval, StaffActError> {
        let (requests, request) = (self.member_requests(by), ask.request());
        if let Some(approval) = requests.asked_before(&ask.key, &request.digest).await? {
            return Ok(approval);
        }
        let note =
            async |tx: &Tx, approval: &Approval, now| self.note(tx, by, (ask, approval, now)).await;
        requests.ask_with(request, note).await
    }

    /// Keeps what a request asks for.
    async fn note(
        &self,
        tx: &Tx,
        by: &StaffMember,
        (ask, approval, now): (&MemberAsk, &Approval, Timestamp),
    ) -> Result<(), StaffActError> {
        let changes = self.accounts.changes(tx, by, now).await?;
        Ok(changes.ask(ask.member, &ask.change, approval.id.uuid()).await?)
    }

    /// Approves a change, which is made in the same commit; answers the slip of a new factor.
    pub async fn approve_change(
        &self,
        by: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<(Approval, Option<Slip>), StaffActError> {
        let requests = self.member_requests(by);
        let asked = requests.find(id).await?;
        if requests.is_repeat(&asked, ApprovalVerdict::Approve) {
            return Ok((asked, None));
        }
        let slip = match asked.kind {
            ApprovalKind::StaffFactor => {
                let member = self.member(by, StaffId::from_uuid(asked.subject)).await?;
                Some(self.accounts.factor_slip(&member.login)?)
            }
            ApprovalKind::StaffRoles => None,
            ApprovalKind::Refund
            | ApprovalKind::RefundEnd
            | ApprovalKind::BillRepair
            | ApprovalKind::AdjustUp
            | ApprovalKind::AdjustDown
            | ApprovalKind::PasswordReset
            | ApprovalKind::PolicyChange => {
                return Err(StaffActError::NotFound);
            }
        };
        let make = async |tx: &Tx, locked: &Approval, now| {
            let changes: StaffChanges<'_> = self.accounts.changes(tx, by, now).await?;
            changes.make(locked.id.uuid(), slip.as_ref()).await?;
            Ok(None)
        };
        let approved = requests.approve(id, why, make).await?;
        Ok((approved, slip))
    }

    /// Rejects a change.
    pub async fn reject_change(
        &self,
        by: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<Approval, StaffActError> {
        self.member_requests(by).reject(id, why).await
    }

    /// Takes a request for a change back.
    pub async fn withdraw_change(
        &self,
        by: &StaffMember,
        id: ApprovalId,
    ) -> Result<Approval, StaffActError> {
        self.member_requests(by).withdraw(id).await
    }

    /// A request about a login.
    pub async fn staff_request(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<StaffRequest, StaffActError> {
        let approval = self.member_requests(member).find(id).await?;
        self.with_login(member, approval).await
    }

    /// Requests about logins, newest first.
    pub async fn staff_requests(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        page: Keyset,
    ) -> Result<Vec<Approval>, StaffActError> {
        self.member_requests(member).page(query, page).await
    }

    /// The logins that requests are about: a query.
    pub async fn request_logins(
        &self,
        member: &StaffMember,
        requests: &[Approval],
    ) -> Result<HashMap<Uuid, String>, StaffActError> {
        let ids = requests.iter().map(|request| request.subject).collect();
        Ok(ListedStaff::names(&self.db, member.school, ids).await?)
    }

    /// The oldest requests about logins that wait.
    pub async fn waiting_staff_requests(
        &self,
        member: &StaffMember,
        most: u64,
    ) -> Result<Vec<Approval>, StaffActError> {
        self.member_requests(member).oldest_waiting(most).await
    }

    /// How many of them there are, among the first `most`.
    pub async fn count_staff_requests(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        most: u32,
    ) -> Result<u64, StaffActError> {
        self.member_requests(member).count(query, most).await
    }

    async fn with_login(
        &self,
        member: &StaffMember,
        approval: Approval,
    ) -> Result<StaffRequest, StaffActError> {
        let login = self.member(member, StaffId::from_uuid(approval.subject)).await?;
        let change = self.accounts.asked_change(approval.id.uuid()).await?;
        let change = change.ok_or(StaffActError::NotFound)?;
        Ok(StaffRequest { approval, member: login, change })
    }

    fn member_requests<'a>(&'a self, member: &'a StaffMember) -> Requests<'a> {
        Requests { db: &self.db, clock: &*self.clock, member, rules: &RULES }
    }
}
