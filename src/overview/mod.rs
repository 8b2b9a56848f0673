//! 我的校园卡: the student's card and statement.
//!
//! Invariant: a statement contains only the student's own ledger entries, and they add up to the
//! total of the balances.

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

/// The journey and its dependencies.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The ledger's database.
    pub db: Db,
    /// The cards and their balances.
    pub cards: Cards,
    /// The card holders.
    pub people: People,
    /// The schools and their policies.
    pub schools: Arc<Schools>,
    /// The clock.
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
