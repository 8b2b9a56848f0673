//! 我的校园卡: what a student sees of the card.

pub mod http;

use crate::{
    base::{clock::Clock, db::DbError},
    cards::{CardView, Cards, Holder},
    schools::{People, Schools},
    sessions::Student,
};
use std::sync::Arc;

/// What the journey owns.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// What is on the card.
    pub cards: Cards,
    /// Who holds it.
    pub people: People,
    /// Policies.
    pub schools: Arc<Schools>,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

impl Accounts {
    /// The student's card.
    pub async fn card(&self, student: &Student) -> Result<CardView, DbError> {
        let missing = |table| DbError::Inconsistent { table, what: "bound to nobody" };
        let school = self.schools.by_id(student.school).await?.ok_or(missing("school"))?;
        let person = self.people.get(student.person).await?.ok_or(missing("person"))?;
        let holder = Holder {
            school: school.id,
            policy: &school.policy,
            person: person.id,
            standing: person.standing(),
        };
        self.cards.of(&holder, self.clock.now().day()).await
    }
}
