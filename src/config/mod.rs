//! The configuration: a TOML file, overridden key by key by `ONECARD__SECTION__KEY`.
//!
//! Invariant: what is read here is valid; nothing behind it checks a setting again.
//! Invariant: what is wrong, missing or unknown is told all at once, each thing with its key.
//! Invariant: secrets have no default and no printable form.
//! Invariant: with `environment = "production"` no sandbox key or address is accepted.
//!
//! An empty text counts as absent, so that a variable can take a setting of the file away. Paths
//! are relative to the working directory.

mod address;
mod error;
mod files;
mod keys;
mod payments;
mod providers;
mod reserved;
mod section;
mod server;
mod source;
mod stores;
mod telemetry;
mod wechat;

pub use address::Network;
pub use error::{ConfigError, Problem};
pub use keys::Keys;
pub use payments::Payments;
pub use providers::Providers;
pub use server::Server;
pub use source::process_variables;
pub use stores::{Database, Ledger, Redis};
pub use telemetry::{LogFormat, Telemetry};
pub use wechat::{WeChat, WeChatPay, WeChatPayPublicKey};

use error::Problems;
use section::Section;
use std::{collections::BTreeMap, path::Path};

/// Everything that an operator sets.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose world this server lives in.
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
    pub payments: Payments,
    /// `[keys]`
    pub keys: Keys,
    /// `[telemetry]`
    pub telemetry: Telemetry,
    providers: Providers,
    schools: BTreeMap<String, Providers>,
}

/// Real providers, or stand-ins with throwaway keys.
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
    /// Reads `file`, where there is one, and the variables that begin with `ONECARD__`.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let table = source::table(file, env)?;
        let problems = Problems::default();
        let config = Self::read(Section::root(table, &problems));
        problems.none_or(config)
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
        let (providers, schools) = providers::read(&mut root);
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
            providers,
            schools,
        })
    }

    /// The providers of the school `code`: its own settings laid over the general ones.
    pub fn school(&self, code: &str) -> &Providers {
        self.schools.get(code).unwrap_or(&self.providers)
    }

    /// The general providers, which schools without settings of their own use.
    pub const fn providers(&self) -> &Providers {
        &self.providers
    }

    /// The schools that have settings of their own, by code, with what holds for them in all.
    pub fn schools(&self) -> impl Iterator<Item = (&str, &Providers)> {
        let schools = self.schools.iter();
        schools.map(|(code, providers)| (code.as_str(), providers))
    }
}
