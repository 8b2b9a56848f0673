//! How many statements a piece of work sends to the database, counted as they are sent.

use sea_orm::DatabaseConnection;
use std::cell::Cell;

tokio::task_local! {
    static SENT: Cell<u32>;
}

/// Runs `work` and says how many statements it sent, from its own task; `BEGIN` and `COMMIT` are
/// none.
pub async fn counting_statements<F: Future>(work: F) -> (F::Output, u32) {
    SENT.scope(Cell::new(0), async {
        let output = work.await;
        (output, SENT.with(Cell::get))
    })
    .await
}

/// Has `conn` count what it sends.
pub(super) fn count(conn: &mut DatabaseConnection) {
    conn.set_metric_callback(|_| {
        // Outside a piece of work that is counted there is nothing to add to.
        let _ = SENT.try_with(|sent| sent.set(sent.get().saturating_add(1)));
    });
}
