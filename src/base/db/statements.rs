//! Counts the statements that a piece of work sends to the database.

use sea_orm::DatabaseConnection;
use std::cell::Cell;

tokio::task_local! {
    static SENT: Cell<u32>;
}

/// Runs `work` and returns how many statements it sent from its own task; `BEGIN` and `COMMIT` are
/// not counted.
pub async fn counting_statements<F: Future>(work: F) -> (F::Output, u32) {
    SENT.scope(Cell::new(0), async {
        let output = work.await;
        (output, SENT.with(Cell::get))
    })
    .await
}

/// Makes `conn` count the statements that it sends.
pub(super) fn count(conn: &mut DatabaseConnection) {
    conn.set_metric_callback(|_| {
        // Outside `counting_statements` there is no counter.
        let _ = SENT.try_with(|sent| sent.set(sent.get().saturating_add(1)));
    });
}
