//! Servers and sandboxes on threads of their own.

use crate::{Rows, eventually};
use onecard::{
    app::App,
    base::{
        clock::Clock,
        http::{self, Capacity},
    },
    routes,
    wiring::Settings,
};
use sandbox::{Options, Running};
use std::{net::TcpListener, sync::Arc, time::Duration};

/// Waits until all batches are sealed and all jobs were tried.
pub(crate) async fn at_rest(rows: &Rows) {
    // One query: a job that is done between two would leave its seal unseen.
    let busy = "SELECT (SELECT COUNT(*) FROM unsealed) + (SELECT COUNT(*) FROM outbox \
                WHERE state = 'waiting' AND (tries = 0 AND due_at = created_at \
                OR leased_until > 0))";
    eventually("everything is sealed and tried", async || {
        (rows.number(busy).await == 0).then_some(())
    })
    .await;
}

/// A sandbox, and what ends it.
pub(crate) async fn serve_sandbox(options: Options) -> (Arc<Running>, impl Future<Output = ()>) {
    let running = Arc::new(sandbox::start(options).await.unwrap());
    let kept = Arc::clone(&running);
    let end = async {
        if let Some(last) = Arc::into_inner(kept) {
            last.stop().await;
        }
    };
    (running, end)
}

/// A server by this clock, and what ends it.
pub(crate) async fn serve(
    settings: Settings,
    listener: TcpListener,
    clock: Arc<dyn Clock>,
) -> (Arc<App>, impl Future<Output = ()>) {
    let app = Arc::new(App::build(settings, clock).await.unwrap());
    let jobs = app.start_jobs();
    let capacity = Capacity {
        workers: 2,
        blocking_threads: 4,
        connections: app.config.server.max_connections,
        drain: Duration::from_secs(10),
        times: app.config.server.times,
    };
    let shared = Arc::clone(&app);
    let server = http::listen(listener, capacity, move || routes::application(&shared)).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let end = async move {
        handle.stop(false).await;
        jobs.stop().await;
    };
    (app, end)
}
