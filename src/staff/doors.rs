//! Rights to pass doors, and the log of doors, as members of staff see and change them.

use crate::{
    access::{
        desk::{self, DoorRightError},
        listing::{DoorFilter, DoorNarrow},
        log::LoggedAccess,
        rights::{DayWindow, DoorRight, DoorRightId, DoorTimes, InvalidWindow},
    },
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Keyset, Source, TxError},
        ids::PersonId,
    },
    schools::People,
    staff_accounts::{self, StaffAct, StaffMember, StaffRefusal},
    terminals::DoorGroup,
};
use std::{collections::HashMap, sync::Arc};

/// What handlers about doors ask for.
#[derive(Clone, Debug)]
pub struct DoorDesk {
    /// The database.
    pub db: Db,
    /// Finds people.
    pub people: People,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A right to be given.
#[derive(Clone, Debug)]
pub struct DoorGrant {
    /// To whom.
    pub student_no: String,
    /// Which doors.
    pub group: DoorGroup,
    /// When.
    pub times: DoorTimes,
    /// Why, for the audit log.
    pub reason: String,
}

/// Why no right can have these times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTimes {
    /// It would end before it begins, or has ended.
    #[error("the end must be after the beginning and after now")]
    Until,
    /// Not hours of a day.
    #[error(transparent)]
    Hours(#[from] InvalidWindow),
}

impl DoorGrant {
    /// From a beginning or now, to an end or none, at hours like `06:00-23:30` or all day.
    pub fn times(
        (from, until): (Option<Timestamp>, Option<Timestamp>),
        hours: Option<&str>,
        now: Timestamp,
    ) -> Result<DoorTimes, BadTimes> {
        let from = from.unwrap_or(now);
        if until.is_some_and(|until| until <= from || until <= now) {
            return Err(BadTimes::Until);
        }
        let window = hours.map_or(Ok(DayWindow::ALL), str::parse)?;
        Ok(DoorTimes { from, until, window })
    }
}

/// Whose rights or entries, and of which doors.
#[derive(Clone, Debug, Default)]
pub struct DoorSearch {
    /// Whose.
    pub student_no: Option<String>,
    /// Of which doors.
    pub group: Option<DoorGroup>,
    /// What else.
    pub narrow: DoorNarrow,
}

/// A search whose person was found: what its lists and counts are of.
#[derive(Clone, Debug)]
pub struct FoundDoors {
    filter: DoorFilter,
    /// The number of whom it is of.
    student_no: Option<String>,
}

/// Why an act about doors was refused.
#[derive(Debug, thiserror::Error)]
pub enum StaffDoorError {
    /// Nobody at the school has this number.
    #[error("no such person")]
    NoPerson,
    /// Nobody gives a right to themselves.
    #[error("it is the member of staff's own right")]
    Own,
    /// Not allowed.
    #[error(transparent)]
    Right(#[from] StaffRefusal),
    /// The right cannot be changed.
    #[error(transparent)]
    Door(#[from] DoorRightError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for StaffDoorError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Door(error) => error.db(),
            Self::NoPerson | Self::Own | Self::Right(_) => None,
        }
    }
}

/// What a list is of, with the student numbers of its people.
#[derive(Clone, Debug)]
pub struct Numbered<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// 学号 or 工号.
    pub student_nos: HashMap<PersonId, String>,
}

impl FoundDoors {
    /// Whose they are, if it is one person's.
    pub(super) const fn person(&self) -> Option<PersonId> {
        self.filter.person
    }
}

impl DoorDesk {
    /// Finds whom a search names, once for all that is listed by it.
    pub async fn found(
        &self,
        member: &StaffMember,
        search: &DoorSearch,
    ) -> Result<FoundDoors, StaffDoorError> {
        let DoorSearch { student_no, group, narrow } = search.clone();
        let student_no = student_no.map(|number| number.trim().to_owned());
        let person = match &student_no {
            Some(student_no) => Some(self.person(member, student_no).await?),
            None => None,
        };
        Ok(FoundDoors { filter: DoorFilter { person, group, narrow }, student_no })
    }

    /// A page of the rights of the member's school.
    pub async fn rights(
        &self,
        member: &StaffMember,
        found: &FoundDoors,
        page: Keyset,
    ) -> Result<Numbered<DoorRight>, StaffDoorError> {
        let source = Source::Db(&self.db);
        let rows = DoorFilter::list(source, member.school, &found.filter, page).await?;
        self.numbered(member, found, (rows, |right| right.person)).await
    }

    /// How many of them there are, among the first `most`.
    pub async fn count_rights(
        &self,
        member: &StaffMember,
        found: &FoundDoors,
        most: u32,
    ) -> Result<u64, StaffDoorError> {
        Ok(DoorFilter::count(Source::Db(&self.db), member.school, &found.filter, most).await?)
    }

    /// Gives somebody a right.
    pub async fn give(
        &self,
        member: &StaffMember,
        grant: &DoorGrant,
    ) -> Result<DoorRight, StaffDoorError> {
        // One looks for it without the spaces that it was typed with.
        if member.is_person(grant.student_no.trim()) {
            return Err(StaffDoorError::Own);
        }
        let person = self.person(member, &grant.student_no).await?;
        let now = self.clock.now();
        let db = self.db.clone().acting_as(member.actor(&grant.reason));
        db.in_tx(async |tx| {
            staff_accounts::hold::<StaffDoorError>(tx, member, StaffAct::ChangeDoorRights, now)
                .await?;
            let whose = (member.school, person);
            Ok(desk::give(tx, whose, (&grant.group, grant.times), now).await?)
        })
        .await
    }

    /// A right of the member's school, before it is ended.
    pub async fn right(
        &self,
        member: &StaffMember,
        id: DoorRightId,
    ) -> Result<Numbered<DoorRight>, StaffDoorError> {
        let source = Source::Db(&self.db);
        let right = DoorRight::find(source, member.school, id).await?;
        let student_nos = People::student_nos(source, member.school, &[right.person]).await?;
        Ok(Numbered { rows: vec![right], student_nos })
    }

    /// Ends a right that staff gave.
    pub async fn end(
        &self,
        member: &StaffMember,
        right: DoorRightId,
        reason: &str,
    ) -> Result<Numbered<DoorRight>, StaffDoorError> {
        let now = self.clock.now();
        let db = self.db.clone().acting_as(member.actor(reason));
        let right = db
            .in_tx(async |tx| {
                staff_accounts::hold::<StaffDoorError>(tx, member, StaffAct::ChangeDoorRights, now)
                    .await?;
                Ok::<_, StaffDoorError>(desk::end(tx, member.school, right, now).await?)
            })
            .await?;
        let source = Source::Db(&self.db);
        let student_nos = People::student_nos(source, member.school, &[right.person]).await?;
        Ok(Numbered { rows: vec![right], student_nos })
    }

    /// A page of the entries of the log. The reading is recorded with its reason.
    pub async fn log(
        &self,
        member: &StaffMember,
        found: &FoundDoors,
        (page, reason): (Keyset, &str),
    ) -> Result<Numbered<LoggedAccess>, StaffDoorError> {
        let now = self.clock.now();
        let db = self.db.clone().acting_as(member.actor(reason));
        let rows = db
            .in_tx(async |tx| {
                staff_accounts::hold::<StaffDoorError>(tx, member, StaffAct::ReadAccessLog, now)
                    .await?;
                let rows =
                    DoorFilter::read_log(tx, member.school, (&found.filter, page), now).await?;
                Ok::<_, StaffDoorError>(rows)
            })
            .await?;
        // After the commit: every other act waits for the newest entry of the audit log.
        self.numbered(member, found, (rows, |entry| entry.person)).await
    }

    /// The same for a file of the log: taking it away is an entry of the audit log.
    pub async fn log_for_file(
        &self,
        member: &StaffMember,
        found: &FoundDoors,
        page: Keyset,
    ) -> Result<Numbered<LoggedAccess>, StaffDoorError> {
        let source = Source::Db(&self.db);
        let rows = DoorFilter::log_for_file(source, member.school, &found.filter, page).await?;
        self.numbered(member, found, (rows, |entry| entry.person)).await
    }

    /// How many entries there are, among the first `most`.
    pub async fn count_log(
        &self,
        member: &StaffMember,
        found: &FoundDoors,
        most: u32,
    ) -> Result<u64, StaffDoorError> {
        Ok(DoorFilter::count_log(Source::Db(&self.db), member.school, &found.filter, most).await?)
    }

    /// The rows with the numbers of their people, whose are asked for unless all are of one.
    async fn numbered<T>(
        &self,
        member: &StaffMember,
        found: &FoundDoors,
        (rows, person): (Vec<T>, impl Fn(&T) -> PersonId),
    ) -> Result<Numbered<T>, StaffDoorError> {
        if let Some(one) = found.filter.person.zip(found.student_no.clone()) {
            return Ok(Numbered { rows, student_nos: HashMap::from([one]) });
        }
        let people: Vec<PersonId> = rows.iter().map(person).collect();
        let source = Source::Db(&self.db);
        let student_nos = People::student_nos(source, member.school, &people).await?;
        Ok(Numbered { rows, student_nos })
    }

    /// The person of the member's school with this number.
    pub async fn person(
        &self,
        member: &StaffMember,
        student_no: &str,
    ) -> Result<PersonId, StaffDoorError> {
        let found = self.people.find_by_student_no(member.school, student_no).await?;
        Ok(found.ok_or(StaffDoorError::NoPerson)?.id)
    }
}
