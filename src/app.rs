//! The composition root: everything that serves, built from the configuration. The one place that
//! names providers.

use crate::{
    base::{
        clock::Clock,
        crypto::{heads::HeadSigner, keyring::NamedKey},
        db::{Db, DbError, DbSettings},
        http_client::{self, Timeouts},
        jobs::Jobs,
        kv::{Kv, KvError, MemoryKv, RedisKv},
    },
    config::{Config, Environment},
    events,
    ledger::{self, heads::HeadLog},
    providers::settings::InvalidSetting,
    topup::{TopUps, sweep},
    wiring::{Ground, Journeys},
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
use tokio_util::task::LocalPoolHandle;

/// Everything of this service in Redis begins with it.
const REDIS_PREFIX: &str = "onecard";
/// What the lanes and the jobs may open on PostgreSQL, beside the pool of the requests.
const BACKGROUND_CONNECTIONS: u32 = 4;

/// What the handlers and the background work lean on.
#[derive(Debug)]
pub struct App {
    /// As configured.
    pub config: Config,
    /// Where `now` comes from.
    pub clock: Arc<dyn Clock>,
    /// The pool of the requests.
    pub db: Db,
    /// The key-value store.
    pub kv: Arc<dyn Kv>,
    /// What handlers ask for.
    pub journeys: Journeys,
    /// Lanes and jobs, on a thread of their own.
    pub background: Background,
    draining: AtomicBool,
    up_to_date: AtomicBool,
}

/// What runs beside the requests.
pub struct Background {
    /// Its thread.
    pub threads: LocalPoolHandle,
    /// Its connections. Opened on its thread, so that an answer of PostgreSQL wakes the task that
    /// waits for it without a hop; on SQLite the pool of the requests, for there is one writer.
    pub db: Db,
    /// Wakes the sealer after a posting.
    pub sealer: Arc<Notify>,
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
    /// A provider's setting that cannot work.
    #[error("a provider cannot be used: {0}")]
    Provider(#[from] InvalidSetting),
    /// No certificates to trust.
    #[error("the TLS certificates of this machine cannot be used: {0}")]
    Http(#[from] reqwest::Error),
    /// A thread of ours ended.
    #[error("a background thread ended: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl App {
    /// Opens what is needed; neither migrates nor listens nor starts jobs.
    pub async fn build(config: Config, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let db = Db::connect(db_settings(&config)).await?;
        let kv = key_value_store(&config, &clock)?;
        let http = http_client::build(Timeouts::default())?;
        let background = Background::start(&config, &db).await?;
        let journeys = Journeys::build(&Ground {
            config: &config,
            clock: &clock,
            db: &db,
            kv: &kv,
            http: &http,
            threads: &background.threads,
            lane_db: &background.db,
            sealer: &background.sealer,
        })?;
        let (draining, up_to_date) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { config, clock, db, kv, journeys, background, draining, up_to_date })
    }

    /// Starts what runs beside the requests.
    pub fn start_jobs(&self) -> Jobs {
        let jobs = Jobs::new(self.background.threads.clone());
        let (db, clock) = (self.background.db.clone(), Arc::clone(&self.clock));
        let wake = Arc::clone(&self.background.sealer);
        jobs.spawn("sealer", move || {
            ledger::seal::run(db.clone(), Arc::clone(&clock), Arc::clone(&wake))
        });
        let schools = Arc::clone(&self.journeys.schools);
        jobs.spawn("schools", move || Arc::clone(&schools).keep_fresh());
        let passwords = self.journeys.passwords.clone();
        jobs.spawn("tries upkeep", move || passwords.clone().upkeep());
        let (db, clock) = (self.background.db.clone(), Arc::clone(&self.clock));
        let master = self.config.keys.master.current().clone();
        let file = self.config.ledger.heads_file.clone();
        jobs.spawn("signed heads", move || {
            sign_heads(db.clone(), Arc::clone(&clock), master.clone(), file.clone())
        });
        let db = self.background.db.clone();
        let topups = TopUps { db: db.clone(), ..self.journeys.topups.clone() };
        jobs.spawn("sweep", move || topups.clone().sweep());
        let clock = Arc::clone(&self.clock);
        let (events_db, events_clock) = (db.clone(), Arc::clone(&clock));
        jobs.spawn("idempotency keys", move || sweep::forget_keys(db.clone(), Arc::clone(&clock)));
        jobs.spawn("old events", move || {
            events::delete_old(events_db.clone(), Arc::clone(&events_clock))
        });
        let (feed, db) = (self.journeys.feed.clone(), self.background.db.clone());
        jobs.spawn("events", move || feed.clone().notify(db.clone()));
        self.journeys.start_jobs(&jobs, &self.clock);
        jobs
    }

    /// From now on `/readyz` sends new requests elsewhere, and who waits for events waits no more.
    pub fn drain(&self) {
        self.journeys.feed.close();
        self.draining.store(true, Ordering::Relaxed);
    }

    /// True once the server is stopping.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// True where the database lacks no migration. Once it was so it stays so: nothing takes a
    /// migration back.
    pub async fn is_up_to_date(&self) -> bool {
        if self.up_to_date.load(Ordering::Relaxed) {
            return true;
        }
        let up_to_date = matches!(self.db.pending_migrations().await, Ok(0));
        self.up_to_date.store(up_to_date, Ordering::Relaxed);
        up_to_date
    }

    /// True where providers may be stand-ins.
    pub fn is_sandbox(&self) -> bool {
        self.config.environment == Environment::Sandbox
    }
}

/// The signing key lives in here alone.
async fn sign_heads(db: Db, clock: Arc<dyn Clock>, master: NamedKey, file: PathBuf) {
    match HeadSigner::from_master(master.key()) {
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
            let max_connections = BACKGROUND_CONNECTIONS.saturating_add(lanes);
            let settings = DbSettings { max_connections, ..db_settings(config) };
            threads.spawn_pinned(|| Db::connect(settings)).await??
        };
        let sealer = Arc::new(Notify::new());
        Ok(Self { threads, db, sealer })
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").field("db", &self.db).finish_non_exhaustive()
    }
}

/// The pool as configured.
pub fn db_settings(config: &Config) -> DbSettings {
    DbSettings {
        url: config.database.url.expose_secret().to_owned(),
        max_connections: config.database.max_connections,
    }
}

fn key_value_store(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Kv>, KvError> {
    Ok(match &config.redis.url {
        Some(url) => Arc::new(RedisKv::new(url.expose_secret(), REDIS_PREFIX)?),
        None => Arc::new(MemoryKv::new(Arc::clone(clock))),
    })
}
