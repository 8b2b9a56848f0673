//! What stands beside a person: the log, and the statement.

use super::{
    DoorDesk, PeopleDesk, StaffPeopleError,
    doors::{FoundDoors, StaffDoorError},
};
use crate::{
    audit::{AuditAct, AuditLine},
    base::{db::Keyset, ids::PersonId},
    ledger::transfer::TransferId,
    overview::{
        Overview,
        statement::{StatementEntry, StatementFilter},
    },
    schools::Person,
    staff_accounts::{StaffAct, StaffMember, StaffRefusal},
};

/// So many entries of the log stand beside a person.
const LOGGED: u16 = 20;

impl PeopleDesk {
    /// The last entries of the log about a person of the member's school, newest first, without who opened
    /// the page.
    pub async fn log(
        &self,
        member: &StaffMember,
        id: PersonId,
    ) -> Result<Vec<AuditLine>, StaffPeopleError> {
        let acts = AuditAct::ALL.iter().copied().filter(|act| *act != AuditAct::PersonOpened);
        let acts: Vec<AuditAct> = acts.collect();
        let subject = format!("person {id}");
        Ok(AuditLine::about_in(&self.db, member.school, &subject, (&acts, LOGGED)).await?)
    }

    /// A person's masked name and number, and the newest lines of the statement below `before`, as the
    /// holder has them. The opening is an entry of the audit log.
    pub async fn statement(
        &self,
        member: &StaffMember,
        id: PersonId,
        (before, limit): (Option<TransferId>, u64),
    ) -> Result<([String; 2], Vec<StatementEntry>), StaffPeopleError> {
        if !member.roles.has(StaffAct::ReadBalances) {
            return Err(StaffRefusal::NoRight.into());
        }
        let person = self.at_school(member, id).await?;
        self.note_opened(member, id).await?;
        let lines = self.statement_lines(&person, (before, limit)).await?;
        Ok(([person.masked_name(&self.sealer)?, person.student_no], lines))
    }

    /// The same for a file, which is an entry of the log of its own: the number, and the newest lines beyond a place.
    pub async fn statement_of(
        &self,
        member: &StaffMember,
        id: PersonId,
        page: Keyset<TransferId>,
    ) -> Result<Vec<(String, StatementEntry)>, StaffPeopleError> {
        let person = self.at_school(member, id).await?;
        let lines = self.statement_lines(&person, (page.beyond, u64::from(page.most))).await?;
        Ok(lines.into_iter().map(|line| (person.student_no.clone(), line)).collect())
    }

    async fn statement_lines(
        &self,
        person: &Person,
        (before, limit): (Option<TransferId>, u64),
    ) -> Result<Vec<StatementEntry>, StaffPeopleError> {
        let (of, all) = ((person.school, person.id), StatementFilter::default());
        Ok(Overview::lines(&self.db, of, (all, before), limit).await?)
    }
}

impl DoorDesk {
    /// The last entries of the log about the rights of whom a search found, newest first; `None` where it is of all.
    pub async fn rights_log(
        &self,
        member: &StaffMember,
        found: &FoundDoors,
    ) -> Result<Option<Vec<AuditLine>>, StaffDoorError> {
        let Some(person) = found.person() else { return Ok(None) };
        let acts = [AuditAct::DoorRightAdded, AuditAct::DoorRightEnded];
        let subject = format!("person {person}");
        let (db, school) = (&self.db, member.school);
        Ok(Some(AuditLine::about_in(db, school, &subject, (&acts, LOGGED)).await?))
    }
}
