//! `serve`: starts the server, and stops it without dropping a request.

use super::CommandError;
use crate::{
    app::App,
    base::{clock::SystemClock, db::SingleProcess, jobs::Jobs, telemetry::Counters},
    health, routes,
    wiring::Settings,
};
use actix_web::{
    HttpServer,
    dev::{Server, ServerHandle},
    rt,
};
use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long requests in flight may take to finish after a stop signal.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// How long a client may take to send the headers of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// The most threads for blocking work (password hashes, large files) of one worker.
const BLOCKING_THREADS: usize = 4;

/// A server that is bound to its address.
struct Listening {
    server: Server,
    address: SocketAddr,
}

/// A running server.
struct Serving {
    handle: ServerHandle,
    ended: rt::task::JoinHandle<std::io::Result<()>>,
}

/// Serves until a stop signal.
pub(super) async fn run(settings: Settings) -> Result<ExitCode, CommandError> {
    let started = Instant::now();
    let mut stop = StopSignal::new()?;
    let counters = Counters::start()?;
    let app = Arc::new(App::build(settings, Arc::new(SystemClock)).await?);
    let _alone = alone(&app).await?;
    bring_up_to_date(&app).await?;
    let public = listen(&app)?;
    let metrics = listen_metrics(&app, &counters)?;
    let jobs = app.start_jobs();
    jobs.spawn("metrics upkeep", move || counters.clone().upkeep());
    announce(&app, &public, &metrics, started);
    let (mut public, metrics) = (Serving::of(public), Serving::of(metrics));
    tokio::select! {
        signal = stop.received() => tracing::info!(signal, "stopping"),
        ended = &mut public.ended => return unexpected(ended),
    }
    app.drain();
    public.stop().await;
    stop_jobs(jobs).await;
    metrics.stop().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Refuses a second server on the same database where state is in the process's memory (no
/// Redis), or where there can be one writer only (`SQLite`).
async fn alone(app: &App) -> Result<Option<SingleProcess>, CommandError> {
    if app.config.redis.url.is_some() && !app.db.is_sqlite() {
        return Ok(None);
    }
    Ok(Some(SingleProcess::acquire(&app.db).await?))
}

async fn bring_up_to_date(app: &App) -> Result<(), CommandError> {
    if app.config.database.auto_migrate {
        let applied = app.db.migrate().await?;
        if applied > 0 {
            tracing::info!(applied, "database brought up to date");
        }
    } else if !app.is_up_to_date().await {
        tracing::warn!("the database lacks migrations: not ready until `onecard migrate` has run");
    }
    Ok(())
}

fn listen(app: &Arc<App>) -> Result<Listening, CommandError> {
    let address = app.config.server.listen;
    let refused = |cause| CommandError::Listen { key: "server.listen", address, cause };
    let workers = app.config.server.workers;
    let app = Arc::clone(app);
    let server = HttpServer::new(move || routes::application(&app))
        .workers(workers)
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .client_request_timeout(HEAD_LIMIT)
        .shutdown_timeout(DRAIN_LIMIT.as_secs())
        .disable_signals()
        .bind(address)
        .map_err(refused)?;
    let address = server.addrs().first().copied().unwrap_or(address);
    Ok(Listening { server: server.run(), address })
}

fn listen_metrics(app: &App, counters: &Counters) -> Result<Listening, CommandError> {
    let address = app.config.server.metrics_listen;
    let refused = |cause| CommandError::Listen { key: "server.metrics_listen", address, cause };
    let counters = counters.clone();
    let page = move || actix_web::App::new().configure(health::configure_metrics(counters.clone()));
    let server = HttpServer::new(page)
        .workers(1)
        .worker_max_blocking_threads(1)
        .shutdown_timeout(1)
        .disable_signals()
        .bind(address)
        .map_err(refused)?;
    let address = server.addrs().first().copied().unwrap_or(address);
    Ok(Listening { server: server.run(), address })
}

fn announce(app: &App, public: &Listening, metrics: &Listening, started: Instant) {
    tracing::info!(
        listen = %public.address,
        metrics_listen = %metrics.address,
        public_url = %app.config.server.public_url,
        environment = app.config.environment.as_str(),
        version = env!("CARGO_PKG_VERSION"),
        start_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready"
    );
}

impl Serving {
    fn of(listening: Listening) -> Self {
        let handle = listening.server.handle();
        Self { handle, ended: rt::spawn(listening.server) }
    }

    /// Takes no new connections, and waits for requests in flight.
    async fn stop(self) {
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.ended.await {
            tracing::error!(%error, "the server did not end well");
        }
    }
}

/// Waits for background jobs. The database rolls back what one of them did not finish in time.
async fn stop_jobs(jobs: Jobs) {
    if tokio::time::timeout(DRAIN_LIMIT, jobs.stop()).await.is_err() {
        tracing::warn!("background work did not stop in time");
    }
}

type Ended = Result<std::io::Result<()>, rt::task::JoinError>;

fn unexpected(ended: Ended) -> Result<ExitCode, CommandError> {
    ended.map_err(std::io::Error::other)??;
    tracing::error!("the server ended without being told to");
    Ok(ExitCode::FAILURE)
}

/// SIGTERM from a service manager, SIGINT from a keyboard.
struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    fn new() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn received(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
