//! The data of people needed for a decision, read in bulk.

use super::{People, Standing, person::masked_name, store};
use crate::base::{
    crypto::seal::{SealError, Sealer},
    db::{DbError, Found, Question},
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

impl People {
    /// The query for the summaries of these persons; those who do not exist are omitted.
    pub fn summaries_question(persons: &[PersonId]) -> Question {
        store::summaries(persons)
    }

    /// Parses the answer to [`People::summaries_question`].
    pub fn summaries(answer: &[Found]) -> Result<HashMap<PersonId, PersonSummary>, DbError> {
        let found = answer.iter().map(store::summary);
        found.map(|summary| summary.map(|summary| (summary.person, summary))).collect()
    }
}
