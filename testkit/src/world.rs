//! A complete deployment for tests: a fresh database with schools and people, the sandbox with its
//! stand-ins, and the server on a local port.
//!
//! SQLite is combined with the in-process key-value store and PostgreSQL with Redis, so that both
//! stores are tested. Everything stops on drop.

use crate::{
    Api, Faults, Rows, TestDb,
    authentic::assert_authentic,
    proof::report_with,
    serving::{at_rest, serve, serve_sandbox},
    threads::Thread,
};
use onecard::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        db::Db,
        ids::SchoolId,
    },
    ledger::{
        account::{Name, SchoolAccount},
        balances::school_balance,
        verify::Report,
    },
    wiring::Settings,
};
use sandbox::{
    Options, Running,
    keys::{self, AlipayCredentials, Keys},
};
use std::{
    net::TcpListener,
    path::PathBuf,
    sync::{Arc, OnceLock},
};
use tempfile::TempDir;

/// The first look of the sweep in tests that are not about the sweep, in milliseconds.
const UNSWEPT: &str = "60000";

/// [`KEY`](crate::KEY) as configured.
const KEY_TEXT: &str = "base64:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// A deployment. Fields are dropped in order.
pub struct World {
    server: Option<Server>,
    /// Direct access to the database, for checks and for changes that the program never makes.
    pub rows: Rows,
    /// The database with the program's settings.
    pub db: Db,
    sandbox: Option<Arc<Running>>,
    _sandbox_thread: Thread,
    database_url: String,
    folder: TempDir,
    /// Settings that differ from the defaults.
    pub(crate) special: Vec<(String, String)>,
}

/// A server of a deployment.
pub struct Server {
    base_url: String,
    _thread: Thread,
}

impl World {
    /// Starts a deployment with the sandbox and a server.
    pub async fn start(db: &TestDb) -> Self {
        Self::start_with(db, &[]).await
    }

    /// Like [`World::start`], with these settings.
    pub async fn start_with(db: &TestDb, settings: &[(&str, &str)]) -> Self {
        let mut world = Self::unserved(db).await;
        for (name, value) in settings {
            world.set(name, value);
        }
        world.server = Some(world.serve());
        world
    }

    /// Like [`World::start`], with WeChat Pay and Alipay behind a [`Faults`] proxy, and these settings.
    pub async fn gated(db: &TestDb, settings: &[(&str, &str)]) -> (Self, Faults) {
        let mut world = Self::unserved(db).await;
        let faults = Faults::before(world.sandbox_running().base_url());
        world.set("WECHAT_PAY__BASE_URL", faults.base_url());
        world.set("ALIPAY__GATEWAY_URL", &format!("{}/gateway.do", faults.base_url()));
        for (name, value) in settings {
            world.set(name, value);
        }
        world.server = Some(world.serve());
        (world, faults)
    }

    /// Changes a setting of servers that are started later.
    pub fn set(&mut self, name: &str, value: &str) {
        self.special.push((format!("ONECARD__{name}"), value.to_owned()));
    }

    /// Gives a school its own mini-program and merchant in the sandbox; returns the app id.
    pub fn use_own_app(&mut self, school: &str) -> String {
        let keys = sandbox_keys();
        let own = &keys.schools[school];
        let (app, pay) = (own.wechat.as_ref().unwrap(), &own.wechat_pay);
        let file = |name: &str| sandbox_folder().join(school).join(name).display().to_string();
        for (name, value) in [
            ("WECHAT__APP_ID", app.app_id.clone()),
            ("WECHAT__APP_SECRET", app.app_secret.clone()),
            ("WECHAT_PAY__MCH_ID", pay.mch_id.clone()),
            ("WECHAT_PAY__MERCHANT_SERIAL_NO", pay.merchant_serial_no.clone()),
            ("WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE", file(&pay.merchant_private_key_file)),
            ("WECHAT_PAY__API_V3_KEY", pay.api_v3_key.clone()),
            ("WECHAT_PAY__PUBLIC_KEY_ID", pay.public_key_id.clone()),
            ("WECHAT_PAY__PUBLIC_KEY_FILE", file(&pay.public_key_file)),
        ] {
            self.set(&format!("SCHOOL__{}__{name}", school.to_uppercase()), &value);
        }
        app.app_id.clone()
    }

    /// Makes the app of a school that has content encryption the one of all schools; returns its id.
    pub fn use_encrypted_alipay(&mut self) -> String {
        let keys = sandbox_keys();
        let apps = &keys.alipay.as_ref().unwrap().schools;
        let (school, own) = apps.iter().find(|(_, app)| !app.encrypt_key.is_empty()).unwrap();
        let file = |name: &str| sandbox_folder().join(school).join(name).display().to_string();
        for (name, value) in [
            ("ALIPAY__APP_ID", own.app_id.clone()),
            ("ALIPAY__SELLER_ID", own.seller_id.clone()),
            ("ALIPAY__APP_PRIVATE_KEY_FILE", file(&own.app_private_key_file)),
            ("ALIPAY__ALIPAY_PUBLIC_KEY_FILE", file(&own.alipay_public_key_file)),
            ("ALIPAY__ENCRYPT_KEY", own.encrypt_key.clone()),
        ] {
            self.set(name, &value);
        }
        own.app_id.clone()
    }

    /// The code that `wx.login` returns to this user in the mini-program with this app id.
    pub fn login_code_in(&self, app_id: &str, user: u32) -> String {
        let sandbox = self.sandbox_running().sandbox();
        let user = sandbox.wechat.user_of(app_id, user).unwrap();
        sandbox.wechat.issue_code(&user, sandbox.clock.now())
    }

    /// Starts the first server.
    pub fn serve_first(&mut self) {
        self.server = Some(self.serve());
    }

    /// Stops the first server.
    pub fn stop_first(&mut self) {
        self.server = None;
    }

    /// Makes a PostgreSQL deployment use the Redis database with this number, which no other test
    /// uses.
    pub fn use_redis(&mut self, database: u8) {
        if let Some(url) = self.redis_at(database) {
            self.set("REDIS__URL", &url);
        }
    }

    /// Empties the Redis database with this number.
    pub async fn forget_redis(&self, database: u8) {
        let Some(url) = self.redis_at(database) else { return };
        let client = redis::Client::open(url).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let () = redis::cmd("FLUSHDB").query_async(&mut connection).await.unwrap();
    }

    fn redis_at(&self, database: u8) -> Option<String> {
        let url = if self.database_url.starts_with("sqlite") { None } else { redis_url() }?;
        let (server, _) = url.rsplit_once('/').unwrap();
        Some(format!("{server}/{database}"))
    }

    /// A deployment without a server yet.
    pub async fn unserved(db: &TestDb) -> Self {
        let folder = TempDir::new().unwrap();
        let options = Options::new(sandbox_keys());
        let (sandbox, sandbox_thread) = Thread::start(async || serve_sandbox(options).await);
        Self {
            server: None,
            rows: Rows::of(&db.url).await,
            db: db.db.clone(),
            sandbox: Some(sandbox),
            _sandbox_thread: sandbox_thread,
            database_url: db.url.clone(),
            folder,
            special: Vec::new(),
        }
    }

    /// Starts one more server on the same database and sandbox. Callbacks go to the first.
    pub fn serve(&self) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let public_url = self.server.as_ref().map_or(&base_url, |first| &first.base_url);
        let settings = Settings::load(None, self.settings(public_url).into_iter()).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (_, thread) = Thread::start(async || serve(settings, listener, clock).await);
        Server { base_url, _thread: thread }
    }

    /// The configuration of a server at this address, as environment variables.
    pub fn settings(&self, base_url: &str) -> Vec<(String, String)> {
        let credentials = &sandbox_keys().credentials;
        let (wechat, pay) = (&credentials.wechat, &credentials.wechat_pay);
        let sandbox = self.sandbox_running().base_url();
        let alipay = alipay_credentials();
        let keys = sandbox_keys();
        let locks = keys.locks.as_ref().unwrap();
        let key_file = |name: &str| sandbox_folder().join(name).display().to_string();
        let redis = if self.database_url.starts_with("sqlite") { None } else { redis_url() };
        let settings = [
            ("ENVIRONMENT", "sandbox".to_owned()),
            ("SERVER__LISTEN", base_url.trim_start_matches("http://").to_owned()),
            ("SERVER__METRICS_LISTEN", "127.0.0.1:0".to_owned()),
            ("SERVER__PUBLIC_URL", base_url.to_owned()),
            ("SERVER__H5_DIR", self.path("h5")),
            ("DATABASE__URL", self.database_url.clone()),
            ("REDIS__URL", redis.unwrap_or_default()),
            ("LEDGER__HEADS_FILE", self.path("heads.jsonl")),
            ("PAYMENTS__FIRST_LOOK_MS", UNSWEPT.to_owned()),
            ("KEYS__MASTER", KEY_TEXT.to_owned()),
            ("KEYS__DATA", KEY_TEXT.to_owned()),
            ("KEYS__INDEX", KEY_TEXT.to_owned()),
            ("KEYS__JWT", KEY_TEXT.to_owned()),
            ("WECHAT__API_BASE_URL", sandbox.to_owned()),
            ("WECHAT__APP_ID", wechat.app_id.clone()),
            ("WECHAT__APP_SECRET", wechat.app_secret.clone()),
            ("WECHAT_PAY__BASE_URL", sandbox.to_owned()),
            ("WECHAT_PAY__BILL_HOSTS", sandbox.trim_start_matches("http://").to_owned()),
            ("WECHAT_PAY__MCH_ID", pay.mch_id.clone()),
            ("WECHAT_PAY__MERCHANT_SERIAL_NO", pay.merchant_serial_no.clone()),
            ("WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE", key_file(&pay.merchant_private_key_file)),
            ("WECHAT_PAY__API_V3_KEY", pay.api_v3_key.clone()),
            ("WECHAT_PAY__PUBLIC_KEY_ID", pay.public_key_id.clone()),
            ("WECHAT_PAY__PUBLIC_KEY_FILE", key_file(&pay.public_key_file)),
            ("ALIPAY__GATEWAY_URL", format!("{sandbox}/gateway.do")),
            ("ALIPAY__BILL_HOSTS", sandbox.trim_start_matches("http://").to_owned()),
            ("ALIPAY__APP_ID", alipay.app_id.clone()),
            ("ALIPAY__SELLER_ID", alipay.seller_id.clone()),
            ("ALIPAY__APP_PRIVATE_KEY_FILE", key_file(&alipay.app_private_key_file)),
            ("ALIPAY__ALIPAY_PUBLIC_KEY_FILE", key_file(&alipay.alipay_public_key_file)),
            ("LOCKS__BASE_URL", format!("{sandbox}/locks")),
            ("LOCKS__KEY_ID", locks.key_id.clone()),
            ("LOCKS__KEY_SECRET", locks.key_secret.clone()),
        ];
        let settings = settings.into_iter().chain(wecom_settings(sandbox));
        let usual = settings.map(|(name, value)| (format!("ONECARD__{name}"), value));
        let is_special = |name: &str| self.special.iter().any(|(special, _)| special == name);
        let usual = usual.filter(|(name, _)| !is_special(name));
        usual.chain(self.special.iter().cloned()).collect()
    }

    /// A path for a file in the deployment's folder.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn server_url(&self) -> &str {
        &self.server.as_ref().unwrap().base_url
    }

    pub(crate) fn sandbox_running(&self) -> &Running {
        self.sandbox.as_deref().unwrap()
    }

    /// The server's API.
    pub fn api(&self) -> Api {
        self.server.as_ref().unwrap().api()
    }

    /// Waits until all batches are sealed and all jobs were tried, so that no background work changes
    /// the database.
    pub async fn at_rest(&self) {
        at_rest(&self.rows).await;
    }

    /// The balance of an account of a school, in fen.
    pub async fn school_balance(&self, school: &str, account: SchoolAccount) -> i64 {
        let school = SchoolId::from_number(self.rows.school(school).await);
        school_balance(&self.db, school, &account).await.unwrap().get()
    }

    /// The report of `verify` with the configuration of the deployment.
    pub async fn report(&self) -> Report {
        let settings = self.settings("http://127.0.0.1:1").into_iter();
        report_with(&self.db, &Settings::load(None, settings).unwrap()).await
    }

    /// Asserts that every law of the ledger holds, and that the balance of WeChat Pay's clearing
    /// account of `xnec` matches the amount received, in fen.
    pub async fn assert_books(&self, received: i64) {
        self.assert_books_of("wechat_pay", received).await;
    }

    /// The same for the clearing account of this provider.
    pub async fn assert_books_of(&self, provider: &str, received: i64) {
        let report = self.report().await;
        assert!(report.is_clean(), "{report}");
        assert_authentic(&self.db).await;
        let clearing = SchoolAccount::Clearing(Name::parse(provider).unwrap());
        assert_eq!(self.school_balance("xnec", clearing).await, -received);
    }
}

impl Drop for World {
    /// The sandbox's thread drops the last handle of the sandbox.
    fn drop(&mut self) {
        self.server = None;
        self.sandbox = None;
    }
}

impl Server {
    /// The server's API.
    pub fn api(&self) -> Api {
        Api::at(&self.base_url)
    }
}

/// Generated once and kept between runs next to the test executable, because RSA keys are slow to
/// generate.
pub(crate) fn sandbox_keys() -> Arc<Keys> {
    static KEYS: OnceLock<Arc<Keys>> = OnceLock::new();
    Arc::clone(KEYS.get_or_init(|| Arc::new(keys::generate(&sandbox_folder()).unwrap())))
}

pub(crate) fn alipay_credentials() -> AlipayCredentials {
    sandbox_keys().alipay.as_ref().unwrap().general.clone()
}

fn wecom_settings(sandbox: &str) -> [(&'static str, String); 4] {
    let keys = sandbox_keys();
    let wecom = keys.wecom.as_ref().unwrap();
    [
        ("WECOM__BASE_URL", sandbox.to_owned()),
        ("WECOM__CORP_ID", wecom.corp_id.clone()),
        ("WECOM__AGENT_ID", wecom.agent_id.clone()),
        ("WECOM__SECRET", wecom.secret.clone()),
    ]
}

/// The folder of the keys that the deployments' sandboxes have.
pub fn sandbox_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().unwrap().join("sandbox-keys")
}

/// The address of the Redis for tests; prints a notice and returns `None` if not configured.
fn redis_url() -> Option<String> {
    let url = std::env::var("ONECARD_TEST_REDIS").ok();
    let required = std::env::var("ONECARD_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(url.is_some() || !required, "ONECARD_TEST_REDIS is not set");
    if url.is_none() {
        eprintln!("SKIPPED: Redis, since ONECARD_TEST_REDIS is not set; in-process instead");
    }
    url
}

/// The current time of the server under test.
pub fn now() -> Timestamp {
    SystemClock.now()
}
