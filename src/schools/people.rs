//! Finding people.

use super::{
    person::{Person, is_student_no},
    store,
};
use crate::base::{
    clock::Timestamp,
    crypto::blind::BlindIndex,
    db::{Db, DbError, Source, Tx},
    ids::{PersonId, SchoolId},
};
use crate::ledger::HeldPersons;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// The field name of ID numbers in the blind index.
pub(super) const ID_NUMBER: &str = "id_number";
/// The field name of phone numbers in the blind index.
pub(super) const PHONE: &str = "phone";
/// The field name of names in the blind index.
pub(super) const NAME: &str = "name";

/// A name as it is indexed: without blanks and middle dots, which people write in several ways, and
/// without cases.
pub(super) fn indexed_name(name: &str) -> Zeroizing<String> {
    let is_between =
        |c: &char| c.is_whitespace() || matches!(c, '·' | '•' | '・' | '‧' | '∙' | '.' | '．');
    Zeroizing::new(name.chars().filter(|c| !is_between(c)).flat_map(char::to_lowercase).collect())
}

/// The people of all schools.
#[derive(Clone, Debug)]
pub struct People {
    db: Db,
    index: BlindIndex,
}

impl People {
    /// People in `db`, found by digests of `index`.
    pub const fn new(db: Db, index: BlindIndex) -> Self {
        Self { db, index }
    }

    /// The person with this 学号 or 工号.
    pub async fn find_by_student_no(
        &self,
        school: SchoolId,
        student_no: &str,
    ) -> Result<Option<Person>, DbError> {
        let student_no = student_no.trim();
        if !is_student_no(student_no) {
            return Ok(None);
        }
        store::person_by_student_no(&self.db, school, student_no).await
    }

    /// At most ten people with this ID number, oldest first: a person who studies and works at one
    /// school is on its roster twice.
    pub async fn find_by_id_number(
        &self,
        school: SchoolId,
        id_number: &str,
    ) -> Result<Vec<Person>, DbError> {
        let id_number = id_number.trim().to_ascii_uppercase();
        let candidates = self.index.candidates(school, ID_NUMBER, &id_number);
        store::people_by_id_number(&self.db, school, candidates).await
    }

    /// The digests by which a text is looked for as a phone and as a name, by every key.
    pub fn digests_of(&self, school: SchoolId, text: &str) -> [Vec<Vec<u8>>; 2] {
        let of = |field, value: &str| {
            let candidates = self.index.candidates(school, field, value);
            candidates.into_iter().map(|blind| blind.digest.to_vec()).collect()
        };
        [of(PHONE, text), of(NAME, &indexed_name(text))]
    }

    /// Locks the row of a person who must exist until the transaction ends, and returns the person
    /// as they are now. Everything that relies on a password, or that bounds what a person may have
    /// open, holds it; before the person's binding, devices and orders.
    pub async fn hold(tx: &Tx, id: PersonId) -> Result<Person, DbError> {
        store::hold_person(tx, id).await?.ok_or(Self::MISSING)
    }

    /// Replaces the query password hash that `person` was read with; false if it was changed
    /// meanwhile.
    pub async fn set_password(
        tx: &Tx,
        person: &Person,
        hash: &str,
        now: Timestamp,
    ) -> Result<bool, DbError> {
        store::set_password(tx, person, (hash, None), now).await
    }

    /// The same by one that a slip tells: it is good until then, and once.
    pub async fn set_slip(
        tx: &Tx,
        person: &Person,
        (hash, until): (&str, Timestamp),
        now: Timestamp,
    ) -> Result<bool, DbError> {
        store::set_password(tx, person, (hash, Some(until)), now).await
    }

    /// Uses the slip of a held person up; false if it was used before.
    pub async fn use_slip(tx: &Tx, person: &Person, now: Timestamp) -> Result<bool, DbError> {
        store::use_slip(tx, person.id, now).await
    }

    /// Marks the card of a held person as reported lost, and keeps the number of its chip, from
    /// [`Person::lost_chip`].
    pub async fn report_lost(
        tx: &Tx,
        held: &HeldPersons,
        person: &Person,
        chip: Option<Vec<u8>>,
        now: Timestamp,
    ) -> Result<(), DbError> {
        store::standing::set_lost(tx, held, person, (Some(now), chip), now).await
    }

    /// Marks the card of a held person as found.
    pub async fn report_found(
        tx: &Tx,
        held: &HeldPersons,
        person: &Person,
        now: Timestamp,
    ) -> Result<(), DbError> {
        store::standing::set_lost(tx, held, person, (None, None), now).await
    }

    /// The people of a school with these numbers, by number; numbers of nobody are left out. At most some
    /// hundreds at a time.
    pub async fn by_student_nos(
        source: Source<'_>,
        school: SchoolId,
        student_nos: Vec<String>,
    ) -> Result<HashMap<String, PersonId>, DbError> {
        let found = store::numbers::by_numbers(source, school, student_nos).await?;
        Ok(found.into_iter().map(|(person, number)| (number, person)).collect())
    }

    /// The numbers of these people of a school. At most some hundreds at a time.
    pub async fn student_nos(
        source: Source<'_>,
        school: SchoolId,
        persons: &[PersonId],
    ) -> Result<HashMap<PersonId, String>, DbError> {
        let found = store::numbers::numbers_of(source, school, persons).await?;
        Ok(found.into_iter().collect())
    }

    /// Up to 500 people of a school with their numbers, after this number and in the order of numbers.
    pub async fn page(
        source: Source<'_>,
        school: SchoolId,
        after: &str,
    ) -> Result<Vec<(PersonId, String)>, DbError> {
        store::numbers::page_by_number(source, school, after).await
    }

    /// The error where a row refers to a person who does not exist.
    pub const MISSING: DbError =
        DbError::Inconsistent { table: "person", what: "a person is missing" };

    /// The person that a row refers to: they must exist.
    pub async fn require(&self, id: PersonId) -> Result<Person, DbError> {
        self.get(id).await?.ok_or(Self::MISSING)
    }

    /// The person of that id.
    pub async fn get(&self, id: PersonId) -> Result<Option<Person>, DbError> {
        store::person(&self.db, id).await
    }
}

#[cfg(test)]
mod tests {
    use super::indexed_name;

    #[test]
    fn one_name_is_written_in_several_ways() {
        for (name, indexed) in [
            ("陈雨", "陈雨"),
            (" 陈 雨", "陈雨"),
            ("陈　雨", "陈雨"),
            ("阿依古丽·买买提", "阿依古丽买买提"),
            ("阿依古丽•买买提", "阿依古丽买买提"),
            ("阿依古丽．买买提", "阿依古丽买买提"),
            ("J. Smith", "jsmith"),
            ("=1+1", "=1+1"),
        ] {
            assert_eq!(indexed_name(name).as_str(), indexed, "{name}");
        }
    }
}
