//! What staff must look at.

use super::store;
use crate::base::{
    db::{DbError, Tx},
    ids::SchoolId,
};
use std::collections::HashSet;

/// Those of the subjects that have a case of that kind in one of the schools.
pub async fn among(
    tx: &Tx,
    schools: &[SchoolId],
    kind: &str,
    subjects: Vec<String>,
) -> Result<HashSet<String>, DbError> {
    store::cases_among(tx, schools, kind, subjects).await
}
