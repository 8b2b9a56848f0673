//! Law: an order is paid if and only if one of its payments is.

use super::store;
use crate::base::db::{DbError, Tx};

/// Orders that break the law, by id; at most a thousand.
pub async fn unpaid(tx: &Tx) -> Result<Vec<String>, DbError> {
    store::audit::unpaid(tx).await
}
