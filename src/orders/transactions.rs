//! Finds orders and payments by the provider's transaction number.

use super::{fact::PaidFact, order::OrderId, store};
use crate::base::{
    db::{Db, DbError, Tx},
    ids::PersonId,
};
use std::collections::HashMap;

/// The orders of the person that were paid by these postings, by reference
/// (`provider:merchant:transaction`). References of another form are ignored.
pub async fn of_postings(
    db: &Db,
    person: PersonId,
    references: &[&str],
) -> Result<HashMap<String, OrderId>, DbError> {
    store::of_postings(db, person, references).await
}

/// The indexes of the facts whose transaction belongs to another payment.
pub async fn of_other_payments(tx: &Tx, facts: &[&PaidFact]) -> Result<Vec<usize>, DbError> {
    store::of_other_payments(tx, facts).await
}
