//! The configuration: a TOML file, overridden key by key by `ONECARD__SECTION__KEY`.
//!
//! This room reads the server's own sections, and offers providers the tools to read theirs:
//! [`Section`], [`address`], [`files`]. It knows no provider; the wiring knows them all.
//!
//! Invariant: a setting that was read is valid; no code checks it again.
//! Invariant: everything wrong, missing or unknown is reported at once, each by its key and never
//! by its value.
//! Invariant: secrets have no default and no printable form.
//! Invariant: with `environment = "production"` no sandbox key or address is accepted.
//!
//! An empty text counts as absent, so that a variable can remove a setting of the file. Paths are
//! relative to the working directory.

pub mod address;
mod error;
pub mod files;
mod keys;
mod payments;
mod reserved;
mod section;
mod sections;
mod server;
mod source;
mod stores;
mod telemetry;

pub use address::Network;
pub use error::{ConfigError, ConfigProblem};
pub use keys::Keys;
pub use payments::PaymentsConfig;
pub use section::{Section, Setting};
pub use sections::{PerSchool, ProviderSection, ProviderSections};
pub use server::Server;
pub use source::process_variables;
pub use stores::{Database, Ledger, Redis};
pub use telemetry::{LogFormat, Telemetry};

use error::Problems;
use std::path::Path;

/// The settings of the server itself.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether providers are real or stand-ins.
    pub environment: Environment,
    /// `[server]`
    pub server: Server,
    /// `[database]`
    pub database: Database,
    /// `[redis]`
    pub redis: Redis,
    /// `[ledger]`
    pub ledger: Ledger,
    /// `[payments]`
    pub payments: PaymentsConfig,
    /// `[keys]`
    pub keys: Keys,
    /// `[telemetry]`
    pub telemetry: Telemetry,
}

/// Whether the server talks to real providers, or to stand-ins with throwaway keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Providers may be stand-ins on this machine, reached by plain `http`.
    Sandbox,
    /// Providers are real; stand-ins are refused.
    Production,
}

impl Environment {
    /// As configured.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Sandbox, Self::Production]
            .into_iter()
            .find(|environment| environment.as_str() == text)
    }
}

impl Config {
    /// Reads `file`, where there is one, and the variables that begin with `ONECARD__`. Providers'
    /// sections are read by `read_providers`, and problems in them are reported with all others.
    pub fn load<P>(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        read_providers: impl FnOnce(&mut ProviderSections<'_, '_>) -> P,
    ) -> Result<(Self, P), ConfigError> {
        let table = source::table(file, env)?;
        let problems = Problems::default();
        let mut root = Section::root(table, &problems);
        let mut sections = ProviderSections::of(&mut root);
        let providers = read_providers(&mut sections);
        sections.finish();
        let config = Self::read(root);
        problems.none_or(config.map(|config| (config, providers)))
    }

    /// `None` only where a problem was reported.
    fn read(mut root: Section<'_>) -> Option<Self> {
        let server = server::read(root.table_or_empty("server"));
        let database = stores::read_database(root.table_or_empty("database"));
        let redis = stores::read_redis(root.table_or_empty("redis"));
        let ledger = stores::read_ledger(root.table_or_empty("ledger"));
        let payments = payments::read(root.table_or_empty("payments"));
        let keys = keys::read(root.table_or_empty("keys"));
        let telemetry = telemetry::read(root.table_or_empty("telemetry"));
        let environment = root.environment();
        root.finish();
        Some(Self {
            environment,
            server: server?,
            database: database?,
            redis,
            ledger,
            payments,
            keys: keys?,
            telemetry,
        })
    }
}
