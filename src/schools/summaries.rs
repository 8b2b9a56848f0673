//! The data of people needed for a decision, read in bulk.

use super::{
    People, Person, Standing,
    person::masked_name,
    store::{standing, summaries},
};
use crate::base::{
    crypto::{
        row_mac::RowMacs,
        seal::{SealError, Sealer},
    },
    db::{DbError, Found, Question, Write},
    ids::PersonId,
};
use std::{collections::HashMap, fmt};

/// A person's standing and sealed name.
#[derive(Clone)]
pub struct PersonSummary {
    /// The person.
    pub person: PersonId,
    /// The person's standing.
    pub standing: Standing,
    pub(super) name: Vec<u8>,
}

impl fmt::Debug for PersonSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brief")
            .field("person", &self.person)
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}

impl PersonSummary {
    /// The masked name.
    pub fn masked_name(&self, sealer: &Sealer) -> Result<String, SealError> {
        masked_name(sealer, self.person, &self.name)
    }
}

impl From<&Person> for PersonSummary {
    fn from(person: &Person) -> Self {
        let (standing, name) = (person.standing(), person.sealed.name.clone());
        Self { person: person.id, standing, name }
    }
}

impl People {
    /// The query for the summaries of these persons; those who do not exist are omitted.
    pub fn summaries_question(persons: &[PersonId]) -> Question {
        summaries::question(persons)
    }

    /// Parses the answer to [`People::summaries_question`].
    pub fn summaries(answer: &[Found]) -> Result<HashMap<PersonId, PersonSummary>, DbError> {
        let found = answer.iter().map(summaries::summary);
        found.map(|summary| summary.map(|summary| (summary.person, summary))).collect()
    }

    /// Like [`People::summaries_question`], for decisions about what no other check protects.
    pub fn authentic_question(persons: &[PersonId]) -> Question {
        summaries::authentic_question(persons)
    }

    /// Parses the answer to [`People::authentic_question`]; a row whose MAC does not fit is an error.
    pub fn authentic(
        macs: &RowMacs,
        answer: &[Found],
    ) -> Result<HashMap<PersonId, PersonSummary>, DbError> {
        let found = answer.iter().map(|found| summaries::authentic(macs, found));
        found.map(|summary| summary.map(|summary| (summary.person, summary))).collect()
    }

    /// Holds the rows of persons, shared, if their standings are as they were read: like
    /// [`People::hold`], for a decision that was made without. On databases that can lock rows.
    pub fn unchanged(read: &[&PersonSummary]) -> Write {
        standing::unchanged(read)
    }
}
