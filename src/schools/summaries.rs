//! What a decision needs of people, read for many at once.

use super::{People, Standing, person::masked_name, store};
use crate::base::{
    crypto::seal::{SealError, Sealer},
    db::{DbError, Found, Question},
    ids::PersonId,
};
use std::{collections::HashMap, fmt};

/// Whether somebody belongs to the school, and the name, still closed.
#[derive(Clone)]
pub struct PersonSummary {
    /// Who.
    pub person: PersonId,
    /// Whether they belong to the school, and whether the card is stopped.
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
    /// The name as it may be shown.
    pub fn masked_name(&self, sealer: &Sealer) -> Result<String, SealError> {
        masked_name(sealer, self.person, &self.name)
    }
}

impl People {
    /// Those of these persons that exist.
    pub fn summaries_question(persons: &[PersonId]) -> Question {
        store::summaries(persons)
    }

    /// The persons that the answer to [`People::summaries_question`] shows.
    pub fn summaries(answer: &[Found]) -> Result<HashMap<PersonId, PersonSummary>, DbError> {
        let found = answer.iter().map(store::summary);
        found.map(|summary| summary.map(|summary| (summary.person, summary))).collect()
    }
}
