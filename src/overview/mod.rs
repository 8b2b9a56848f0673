//! 我的校园卡: what a student sees of the card, and what happened to its money.
//!
//! Invariant: a statement shows the student's own lines only, straight from the ledger; all of them
//! add up to the total of the balances.

pub mod entry;
mod export;
pub mod http;
pub mod statement;

use crate::{
    base::{
        clock::Clock,
        db::{Db, DbError},
    },
    cards::{CardView, Cards, Holder},
    schools::{People, Schools},
    sessions::Student,
};
use std::sync::Arc;

/// What the journey owns.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The ledger's.
    pub db: Db,
    /// What is on the card.
    pub cards: Cards,
    /// Who holds it.
    pub people: People,
    /// Policies.
    pub schools: Arc<Schools>,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

impl Overview {
    /// The student's card.
    pub async fn card(&self, student: &Student) -> Result<CardView, DbError> {
        let school = self.schools.require(student.school).await?;
        let person = self.people.require(student.person).await?;
        let holder = Holder {
            school: school.id,
            policy: &school.policy,
            person: person.id,
            standing: person.standing(),
            spent: None,
        };
        self.cards.of(&holder, self.clock.now()).await
    }
}
