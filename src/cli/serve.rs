//! `serve`: starts the server, and stops it without dropping a request.

use super::{CommandError, descriptors};
use crate::{
    app::App,
    base::{
        clock::SystemClock,
        db::SingleProcess,
        http::{self, Capacity},
        jobs::Jobs,
        telemetry::Counters,
    },
    health, routes,
    wiring::{Settings, authority},
};
use actix_web::{
    dev::{Server, ServerHandle},
    rt,
};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::TcpSocket,
    signal::unix::{Signal, SignalKind, signal},
};

/// How long requests in flight may take to finish after a stop signal.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// The most threads for blocking work (password hashes, large files) of one worker.
const BLOCKING_THREADS: usize = 4;
/// How many new connections wait in the queue of the system.
const BACKLOG: u32 = 1024;
/// How long a scrape of the metrics may take after a stop.
const METRICS_DRAIN_LIMIT: Duration = Duration::from_secs(1);
/// Open connections to the metrics.
const METRICS_CONNECTIONS: usize = 16;

/// A server that is bound to its address.
struct Listening {
    server: Server,
    address: SocketAddr,
}

/// A running server.
struct Serving {
    handle: ServerHandle,
    ended: rt::task::JoinHandle<io::Result<()>>,
}

/// Serves until a stop signal.
pub(super) async fn run(settings: Settings) -> Result<ExitCode, CommandError> {
    let started = Instant::now();
    let mut stop = StopSignal::new()?;
    let counters = Counters::start()?;
    let app = Arc::new(App::build(settings, Arc::new(SystemClock)).await?);
    let _alone = alone(&app).await?;
    bring_up_to_date(&app).await?;
    warn_of_lost_commits(&app).await?;
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
    stop_jobs(&app, jobs).await;
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
        return Ok(());
    }
    match authority::wrong_key(&app.db).await? {
        None => Ok(()),
        Some(why) => Err(CommandError::NoRowFits(why)),
    }
}

/// What was answered must survive a crash of the machine.
async fn warn_of_lost_commits(app: &App) -> Result<(), CommandError> {
    for setting in app.db.settings_that_lose_commits().await? {
        tracing::warn!(setting, "PostgreSQL may lose what was answered when its machine crashes");
    }
    Ok(())
}

fn listen(app: &Arc<App>) -> Result<Listening, CommandError> {
    let server = &app.config.server;
    let capacity = Capacity {
        workers: server.workers,
        blocking_threads: BLOCKING_THREADS,
        connections: descriptors::make_room(&app.config),
        drain: DRAIN_LIMIT,
        times: server.times,
    };
    let (app, listen) = (Arc::clone(app), server.listen);
    let serving = bind(listen).and_then(|(listener, address)| {
        let server = http::listen(listener, capacity, move || routes::application(&app))?;
        Ok(Listening { server, address })
    });
    serving.map_err(refused("server.listen", listen))
}

fn listen_metrics(app: &App, counters: &Counters) -> Result<Listening, CommandError> {
    let capacity = Capacity {
        workers: 1,
        blocking_threads: 1,
        connections: METRICS_CONNECTIONS,
        drain: METRICS_DRAIN_LIMIT,
        times: app.config.server.times,
    };
    let (counters, listen) = (counters.clone(), app.config.server.metrics_listen);
    let page = move || actix_web::App::new().configure(health::configure_metrics(counters.clone()));
    let serving = bind(listen).and_then(|(listener, address)| {
        Ok(Listening { server: http::listen(listener, capacity, page)?, address })
    });
    serving.map_err(refused("server.metrics_listen", listen))
}

/// A listening socket, and the address that it has.
fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of the process before may still be closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?.into_std()?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn refused(key: &'static str, address: SocketAddr) -> impl FnOnce(io::Error) -> CommandError {
    move |cause| CommandError::Listen { key, address, cause }
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

/// Waits for background jobs, and writes what they leave in memory. The database rolls back what was not finished in
/// time.
async fn stop_jobs(app: &App, jobs: Jobs) {
    let stopping = async {
        jobs.stop().await;
        let accounts = &app.journeys.staff.accounts;
        Box::pin(accounts.write_refusals(&app.db, app.clock.now())).await
    };
    match tokio::time::timeout(DRAIN_LIMIT, stopping).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "refusals of staff were not written"),
        Err(_) => tracing::warn!("background work did not stop in time"),
    }
}

type Ended = Result<io::Result<()>, rt::task::JoinError>;

fn unexpected(ended: Ended) -> Result<ExitCode, CommandError> {
    ended.map_err(io::Error::other)??;
    tracing::error!("the server ended without being told to");
    Ok(ExitCode::FAILURE)
}

/// SIGTERM from a service manager, SIGINT from a keyboard.
struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    fn new() -> io::Result<Self> {
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
