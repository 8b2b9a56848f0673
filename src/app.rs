//! The composition root: opens databases, the key-value store and the HTTP client, starts the
//! background threads, and builds the journeys on them.

use crate::{
    base::{
        clock::Clock,
        crypto::{heads::HeadSigner, keyring::NamedKey, row_mac::RowMacs},
        db::{Db, DbError, DbSettings},
        http_client::{self, Timeouts},
        jobs::Jobs,
        kv::{Kv, KvError, LocalFirstKv, MemoryKv, RedisKv},
    },
    config::{Config, Environment},
    ledger::{self, heads::HeadLog},
    wiring::{Ground, JobContext, Journeys, ProviderSettings, Settings},
};
use secrecy::ExposeSecret;
use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::LocalPoolHandle};

/// Prefix of every key of this service in Redis.
const REDIS_PREFIX: &str = "onecard";
/// Connections that the jobs may open on PostgreSQL, beside the pool of the requests and two for
/// each of `ledger.lanes`: payments, charges and doors have lanes of that number, which are hardly ever
/// all busy at the same moment.
const BACKGROUND_CONNECTIONS: u32 = 4;

/// A server that is ready to listen.
#[derive(Debug)]
pub struct App {
    /// The server's own settings.
    pub config: Config,
    /// The settings of providers.
    pub providers: ProviderSettings,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The connection pool of the requests.
    pub db: Db,
    /// The key-value store.
    pub kv: Arc<dyn Kv>,
    /// What handlers ask for.
    pub journeys: Journeys,
    /// What lanes and jobs run on.
    pub background: Background,
    stopping: CancellationToken,
    up_to_date: AtomicBool,
}

/// The thread and the connections of lanes and background jobs.
pub struct Background {
    /// The thread.
    pub threads: LocalPoolHandle,
    /// The connection pool. It is opened on the thread, so that an answer of PostgreSQL wakes the
    /// waiting task without a change of threads. On SQLite, which has one writer, it is the pool of
    /// the requests.
    pub db: Db,
    /// Wakes the sealer after a posting.
    pub sealer: Arc<Notify>,
    /// Wakes the outbox after a commit that enqueued something.
    pub outbox: Arc<Notify>,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database does not answer.
    #[error("the database cannot be used: {0}")]
    Db(#[from] DbError),
    /// The Redis address cannot be one.
    #[error("redis.url cannot be used: {0}")]
    Kv(#[from] KvError),
    /// The machine has no TLS certificates to trust.
    #[error("the TLS certificates of this machine cannot be used: {0}")]
    Http(#[from] reqwest::Error),
    /// The background thread ended.
    #[error("a background thread ended: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl App {
    /// Opens databases and stores and builds the journeys. Neither migrates nor listens nor starts
    /// jobs.
    pub async fn build(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let Settings { config, providers } = settings;
        let db = Db::connect(db_settings(&config)).await?;
        let kv = key_value_store(&config, &clock)?;
        let http = http_client::build(Timeouts::default())?;
        let background = Background::start(&config, &db).await?;
        let journeys = Journeys::build(&Ground {
            config: &config,
            providers: &providers,
            clock: &clock,
            db: &db,
            kv: &kv,
            http: &http,
            threads: &background.threads,
            lane_db: &background.db,
            sealer: &background.sealer,
            outbox: &background.outbox,
        });
        let (stopping, up_to_date) = (CancellationToken::new(), AtomicBool::new(false));
        Ok(Self { config, providers, clock, db, kv, journeys, background, stopping, up_to_date })
    }

    /// Starts the background jobs.
    pub fn start_jobs(&self) -> Jobs {
        let jobs = Jobs::new(self.background.threads.clone(), Arc::clone(&self.clock));
        let (db, clock) = (&self.background.db, &self.clock);
        let (runs, kept) = (jobs.runs(), db.clone());
        jobs.spawn("job runs", move || Arc::clone(&runs).keep(kept.clone()));
        self.start_ledger_jobs(&jobs);
        self.journeys.start_jobs(&JobContext { jobs: &jobs, db, clock });
        jobs
    }

    /// Seals what was posted, and signs the heads.
    fn start_ledger_jobs(&self, jobs: &Jobs) {
        let (db, clock) = (self.background.db.clone(), Arc::clone(&self.clock));
        let wake = Arc::clone(&self.background.sealer);
        jobs.spawn("sealer", move || {
            ledger::seal::run(db.clone(), Arc::clone(&clock), Arc::clone(&wake))
        });
        let (db, clock) = (self.background.db.clone(), Arc::clone(&self.clock));
        let key = self.config.keys.head.current().clone();
        let file = self.config.ledger.heads_file.clone();
        jobs.spawn("signed heads", move || {
            sign_heads(db.clone(), Arc::clone(&clock), key.clone(), file.clone())
        });
    }

    /// Makes `/readyz` answer that new requests should go elsewhere, and ends waiting for events and
    /// for bodies.
    pub fn drain(&self) {
        self.journeys.feed.close();
        self.stopping.cancel();
    }

    /// True once the server is stopping.
    pub fn is_draining(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Cancelled when the server is stopping.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// True where every migration was applied. Remembered once true: migrations are never reverted.
    pub async fn is_up_to_date(&self) -> bool {
        if self.up_to_date.load(Ordering::Relaxed) {
            return true;
        }
        let up_to_date = matches!(self.db.pending_migrations().await, Ok(0));
        self.up_to_date.store(up_to_date, Ordering::Relaxed);
        up_to_date
    }

    /// True where providers may be stand-ins on this machine.
    pub fn is_sandbox(&self) -> bool {
        self.config.environment == Environment::Sandbox
    }
}

/// Signs the heads of the ledger. The signing key exists in this job only.
async fn sign_heads(db: Db, clock: Arc<dyn Clock>, key: NamedKey, file: PathBuf) {
    match HeadSigner::derive(key.key()) {
        Ok(signer) => HeadLog::new(db, clock, signer, file).run().await,
        Err(error) => tracing::error!(%error, "heads are not signed"),
    }
}

impl Background {
    async fn start(config: &Config, db: &Db) -> Result<Self, BuildError> {
        let threads = LocalPoolHandle::new(1);
        let db = if db.is_sqlite() {
            db.clone()
        } else {
            let lanes = u32::try_from(config.ledger.lanes).unwrap_or(u32::MAX);
            let max_connections = BACKGROUND_CONNECTIONS.saturating_add(lanes.saturating_mul(2));
            let settings = DbSettings { max_connections, ..db.settings().clone() };
            threads.spawn_pinned(|| Db::connect(settings)).await??
        };
        let (sealer, outbox) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        Ok(Self { threads, db, sealer, outbox })
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").field("db", &self.db).finish_non_exhaustive()
    }
}

/// The settings of the requests' connection pool.
pub fn db_settings(config: &Config) -> DbSettings {
    DbSettings {
        url: config.database.url.expose_secret().to_owned(),
        max_connections: config.database.max_connections,
        macs: Arc::new(RowMacs::new(&config.keys.mac)),
    }
}

fn key_value_store(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Kv>, KvError> {
    let local = MemoryKv::new(Arc::clone(clock));
    Ok(match &config.redis.url {
        Some(url) => {
            let shared = Arc::new(RedisKv::new(url.expose_secret(), REDIS_PREFIX)?);
            Arc::new(LocalFirstKv::new(local, shared))
        }
        None => Arc::new(local),
    })
}
