//! What is checked of a PostgreSQL session before the pool lends its connection again.

use futures_util::future::BoxFuture;
use sea_orm::sqlx::{Connection, Error, PgConnection};

/// Refused in a transaction that has failed, and harmless everywhere else.
const PROBE: &str = "SELECT";
/// `in_failed_sql_transaction`
const FAILED_TRANSACTION: &str = "25P02";

/// True if no transaction is open. What a session with an open one would write is committed by
/// nobody, so it is closed instead of being lent again.
pub(super) fn is_clean(session: &mut PgConnection) -> BoxFuture<'_, Result<bool, Error>> {
    Box::pin(async move {
        // The driver keeps what the server says about the session to itself, except that it fails
        // to "begin" with a statement after which no transaction is open.
        match session.begin_with(PROBE).await {
            Err(Error::BeginFailed) => return Ok(true),
            Ok(_) | Err(Error::InvalidSavePointStatement) => {}
            Err(error) if code(&error).as_deref() == Some(FAILED_TRANSACTION) => {}
            Err(error) => return Err(error),
        }
        tracing::error!("a database session had an open transaction when it was returned: closed");
        metrics::counter!("onecard_db_sessions_unclean_total").increment(1);
        Ok(false)
    })
}

fn code(error: &Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
