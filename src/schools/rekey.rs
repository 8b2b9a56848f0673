//! Seals and indexes the people of all schools under the present keys.
//!
//! Invariant: each step is one commit of a bounded number of rows, and what was done is skipped: it
//! can be stopped at any time, and goes on.

use super::{
    people::{ID_NUMBER, NAME, PHONE, indexed_name},
    person::{PersonKeys, SealedField},
    roster::{PersonalData, canonical},
    store::rekey::{self as store, PersonKeying},
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::{
            blind::Blind,
            seal::{SealError, Sealer},
        },
        db::{Db, DbError},
        ids::{PersonId, SchoolId},
    },
};
use zeroize::Zeroizing;

/// What one step did.
#[derive(Debug, Default)]
pub struct RekeyStep {
    /// Where the next step goes on; `None` at the end.
    pub reached: Option<PersonId>,
    /// How many people were written.
    pub written: u64,
    /// People whose data cannot be opened. They are left as they are.
    pub failed: Vec<(PersonId, SealError)>,
}

impl PersonKeys {
    /// Seals the data of people after `after` under the current key of `keys.data`.
    pub async fn reseal(
        &self,
        db: &Db,
        after: Option<PersonId>,
        now: Timestamp,
    ) -> Result<RekeyStep, DbError> {
        step(db, after, ("data of people", now), |row| self.resealed(row)).await
    }

    /// Indexes people after `after` under the current key of `keys.index`.
    pub async fn reindex(
        &self,
        db: &Db,
        after: Option<PersonId>,
        now: Timestamp,
    ) -> Result<RekeyStep, DbError> {
        step(db, after, ("index of people", now), |row| self.reindexed(row)).await
    }

    /// `None` if everything is sealed under the current key.
    fn resealed(&self, row: &PersonKeying) -> Result<Option<PersonKeying>, SealError> {
        let current = self.sealer.key_id();
        let optional_ones = [&row.id_number, &row.phone, &row.chip, &row.lost_chip];
        let optional_ones = optional_ones.into_iter().flatten();
        let mut sealed = std::iter::once(&row.name).chain(optional_ones);
        if sealed.all(|sealed| Sealer::key_of(sealed) == Some(current)) {
            return Ok(None);
        }
        let again = |field: SealedField, closed: &[u8]| {
            let place = field.aad(row.id);
            self.sealer.seal(&self.sealer.open(closed, &place)?, &place)
        };
        let optional = |field, closed: &Option<Vec<u8>>| {
            closed.as_deref().map(|closed| again(field, closed)).transpose()
        };
        Ok(Some(PersonKeying {
            name: again(SealedField::Name, &row.name)?,
            id_number: optional(SealedField::IdNumber, &row.id_number)?,
            phone: optional(SealedField::Phone, &row.phone)?,
            chip: optional(SealedField::Chip, &row.chip)?,
            lost_chip: optional(SealedField::LostChip, &row.lost_chip)?,
            ..row.clone()
        }))
    }

    /// `None` if everything is indexed, under the current key.
    fn reindexed(&self, row: &PersonKeying) -> Result<Option<PersonKeying>, SealError> {
        if row.index_key == self.index.key_id() && row.name_index.is_some() {
            return Ok(None);
        }
        let opened = |field: SealedField, closed: &Option<Vec<u8>>| {
            closed.as_deref().map(|closed| self.text(field, row.id, closed)).transpose()
        };
        let name = self.text(SealedField::Name, row.id, &row.name)?;
        let id_number = opened(SealedField::IdNumber, &row.id_number)?;
        let phone = opened(SealedField::Phone, &row.phone)?;
        let chip = opened(SealedField::Chip, &row.chip)?;
        let index = |field: &str, value: Option<&Zeroizing<String>>| {
            value.map(|value| self.index.index(row.school, field, value).digest.to_vec())
        };
        let (number_index, phone_index) =
            (index(ID_NUMBER, id_number.as_ref()), index(PHONE, phone.as_ref()));
        let folded = indexed_name(&name);
        let name_index = index(NAME, Some(&folded));
        let content = canonical(&row.roster, PersonalData { name, id_number, phone, chip });
        Ok(Some(PersonKeying {
            id_number_index: number_index,
            phone_index,
            name_index,
            roster_digest: self.digest_again(row.school, &content, &row.roster_digest),
            index_key: self.index.key_id().to_owned(),
            ..row.clone()
        }))
    }

    /// The digest of a roster's row under the current key. One that is not of this content stays:
    /// the next roster writes the row afresh.
    fn digest_again(&self, school: SchoolId, content: &str, stored: &[u8]) -> Vec<u8> {
        let candidates = self.index.candidates(school, super::roster::ROSTER_ROW, content);
        let is_of_this = candidates.iter().any(|candidate| candidate.digest == *stored);
        match candidates.first() {
            Some(Blind { digest, .. }) if is_of_this => digest.to_vec(),
            Some(_) | None => stored.to_vec(),
        }
    }

    fn text(
        &self,
        field: SealedField,
        person: PersonId,
        closed: &[u8],
    ) -> Result<Zeroizing<String>, SealError> {
        let opened = self.sealer.open(closed, &field.aad(person))?;
        let text = str::from_utf8(&opened).map_err(|_| SealError::Malformed)?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

async fn step(
    db: &Db,
    after: Option<PersonId>,
    (subject, now): (&str, Timestamp),
    renew: impl Fn(&PersonKeying) -> Result<Option<PersonKeying>, SealError>,
) -> Result<RekeyStep, DbError> {
    db.in_tx(async |tx| {
        let rows = store::lock_page(tx, after).await?;
        let mut step = RekeyStep { reached: rows.last().map(|row| row.id), ..Default::default() };
        for row in &rows {
            match renew(row) {
                Ok(Some(renewed)) => {
                    store::write(tx, renewed).await?;
                    step.written += 1;
                }
                Ok(None) => {}
                Err(error) => step.failed.push((row.id, error)),
            }
        }
        if step.written > 0 {
            let (subject, detail) = (subject.to_owned(), format!("{} people", step.written));
            let entry = Entry { act: AuditAct::Rekeyed, school: None, subject, detail };
            audit::record(tx, &entry, now).await?;
        }
        Ok(step)
    })
    .await
}
