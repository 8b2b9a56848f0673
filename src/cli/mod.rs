//! The commands of the program. Each reads the configuration, does one thing and prints the result.

mod args;
mod card;
mod descriptors;
mod door;
mod keys;
mod reconcile;
mod rekey;
mod roster;
mod school;
mod serve;
mod staff;
mod terminal;
mod verify;

use crate::{
    access::allocation::AllocationError,
    app::{self, BuildError},
    base::{
        clock::{Clock, SystemClock},
        crypto::{ed25519::BadEd25519Key, heads::HeadKeyError, row_mac::MacVerdict},
        db::{Actor, Db, DbError, SingleProcessError},
        telemetry::{self, Format, InvalidFilter, Output, RecorderInstalled},
        write_point,
    },
    cardlife::LossError,
    config::{Config, ConfigError, LogFormat, process_variables},
    key_trials::KeyTrialError,
    keyring::import::LockImportError,
    ledger::verify::VerifyError,
    policies::ImportError,
    reconciliation::ReconcileError,
    routes,
    schools::roster::RosterError,
    staff_accounts::{StaffClasses, StaffRegistryError},
    terminals::RegistryError,
    wiring::{
        Settings,
        authority::{self, Signing},
        proof::NoProof,
    },
};
use args::{Arguments, Card, Command, Keys, Merchant, Migrate, Roster, School, Terminal};
use clap::Parser;
use door::{Door, DoorLocks, DoorRights, Library};
use std::{
    fs::File,
    io::{self, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

const DEFAULT_FILE: &str = "onecard.toml";
const EXIT_FAILED: u8 = 1;
const EXIT_USAGE: u8 = 2;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("telemetry.log: {0}")]
    Filter(#[from] InvalidFilter),
    #[error("{0}")]
    Build(#[from] BuildError),
    #[error("the database cannot be used: {0}")]
    Db(#[from] DbError),
    #[error("at most {} classes, each of at most 60 characters", StaffClasses::MOST)]
    Classes,
    #[error("{0}")]
    SingleProcess(#[from] SingleProcessError),
    #[error("{0}")]
    Counters(#[from] RecorderInstalled),
    #[error("{key} = {address}: cannot listen there: {cause}")]
    Listen { key: &'static str, address: SocketAddr, cause: io::Error },
    #[error("the database lacks {0} migrations: run `onecard migrate` first")]
    NotMigrated(usize),
    #[error(
        "of the people in the database none is authentic: of the first, {0}. Is keys.mac the key of this \
         database? One from before rows had MACs needs `onecard migrate --first-macs`, once"
    )]
    NoRowFits(MacVerdict),
    #[error("{0}")]
    Schools(#[from] ImportError),
    #[error("there is no school {0}: `onecard school import` takes one up")]
    NoSchool(String),
    #[error("school {school} has no person with the number {student_no}")]
    NoPerson { school: String, student_no: String },
    #[error("{0}")]
    Loss(#[from] LossError),
    #[error("{0}")]
    Allocation(#[from] AllocationError),
    #[error("{0}")]
    Roster(#[from] RosterError),
    #[error("{0}")]
    Locks(#[from] LockImportError),
    #[error("{0}")]
    Verify(#[from] VerifyError),
    #[error("{0}")]
    HeadKey(#[from] HeadKeyError),
    #[error("{0}")]
    Proof(#[from] NoProof),
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{0}")]
    Staff(#[from] StaffRegistryError),
    #[error("{}: {cause}", path.display())]
    Key { path: PathBuf, cause: BadEd25519Key },
    #[error("{}: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("{0}")]
    KeyTrial(#[from] KeyTrialError),
    #[error("{0}")]
    Reconcile(#[from] ReconcileError),
    #[error("the table cannot be written: {0}")]
    Table(#[from] csv::Error),
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
}

impl CommandError {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Filter(_) => EXIT_USAGE,
            Self::Build(_)
            | Self::Db(_)
            | Self::Classes
            | Self::SingleProcess(_)
            | Self::Counters(_)
            | Self::Listen { .. }
            | Self::NotMigrated(_)
            | Self::NoRowFits(_)
            | Self::Schools(_)
            | Self::NoSchool(_)
            | Self::NoPerson { .. }
            | Self::Loss(_)
            | Self::Allocation(_)
            | Self::Roster(_)
            | Self::Locks(_)
            | Self::Verify(_)
            | Self::HeadKey(_)
            | Self::Proof(_)
            | Self::Registry(_)
            | Self::Staff(_)
            | Self::Key { .. }
            | Self::File { .. }
            | Self::KeyTrial(_)
            | Self::Reconcile(_)
            | Self::Table(_)
            | Self::Workbook(_)
            | Self::Io(_)
            | Self::Document(_) => EXIT_FAILED,
        }
    }
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("onecard: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn execute(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    if matches!(arguments.command, Command::Openapi) {
        return openapi();
    }
    let file = arguments.config.clone().or_else(default_file);
    let settings = Settings::load(file.as_deref(), process_variables())?;
    let telemetry = &settings.config.telemetry;
    let output = match arguments.command {
        Command::Serve => Output::Stdout,
        Command::Migrate(_)
        | Command::Verify(_)
        | Command::School(_)
        | Command::Roster(_)
        | Command::Merchant(_)
        | Command::Terminal(_)
        | Command::Card(_)
        | Command::Door(_)
        | Command::Library(_)
        | Command::Staff(_)
        | Command::Rekey(_)
        | Command::Keys(_)
        | Command::Reconcile(_)
        | Command::Openapi => Output::Stderr,
    };
    telemetry::start_log(&telemetry.log, format(telemetry.format), output)?;
    let is_server = matches!(arguments.command, Command::Serve);
    let work = Box::pin(dispatch(settings, arguments));
    let system = actix_web::rt::System::new();
    // What a server does is named after its routes and jobs.
    if is_server {
        system.block_on(work)
    } else {
        system.block_on(write_point::within("command", work))
    }
}

async fn dispatch(settings: Settings, arguments: &Arguments) -> Result<ExitCode, CommandError> {
    if let Command::Reconcile(arguments) = &arguments.command {
        return Box::pin(reconcile::run(settings, arguments)).await;
    }
    let by = actor(arguments.reason.as_deref(), |name| std::env::var(name).ok());
    if let Command::Keys(Keys::Try(arguments)) = &arguments.command {
        return Box::pin(keys::run(settings, arguments, by)).await;
    }
    let config = &settings.config;
    match &arguments.command {
        Command::Serve => serve::run(settings).await,
        Command::Migrate(arguments) => migrate(config, arguments, by).await,
        Command::School(School::Import(arguments)) => school::import(config, arguments, by).await,
        Command::Roster(Roster::Import(arguments)) => roster::import(config, arguments, by).await,
        Command::Merchant(Merchant::Add(arguments)) => {
            terminal::add_merchant(config, arguments, by).await
        }
        Command::Terminal(Terminal::Add(arguments)) => {
            Box::pin(terminal::add(config, arguments, by)).await
        }
        Command::Terminal(Terminal::Disable(name)) => {
            terminal::switch(config, name, false, by).await
        }
        Command::Terminal(Terminal::Enable(name)) => terminal::switch(config, name, true, by).await,
        Command::Card(Card::Lost(holder)) => card::lost(config, holder, by).await,
        Command::Card(Card::Found(holder)) => card::found(config, holder, by).await,
        Command::Door(Door::Rights(DoorRights::Import(arguments))) => {
            Box::pin(door::import_rights(config, arguments, by)).await
        }
        Command::Door(Door::Locks(DoorLocks::Import(arguments))) => {
            Box::pin(door::import_locks(config, arguments, by)).await
        }
        Command::Library(Library::Readers(arguments)) => {
            Box::pin(door::readers(config, arguments, by)).await
        }
        Command::Staff(what) => Box::pin(staff::run(config, what, by)).await,
        Command::Verify(arguments) => verify::run(&settings, &SystemClock, arguments).await,
        Command::Rekey(arguments) => rekey::run(config, arguments, by).await,
        Command::Reconcile(_) | Command::Keys(_) | Command::Openapi => openapi(),
    }
}

/// Who runs the command, for the audit log: the user who became root, or the user. The machine is
/// believed: whoever may run a command may also set these variables.
fn actor(reason: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Actor {
    let names = ["SUDO_USER", "USER", "LOGNAME"];
    let user = names.into_iter().find_map(|name| variable(name).filter(|user| !user.is_empty()));
    let user = user.unwrap_or_else(|| "unknown".to_owned());
    Actor { who: format!("command line, user {user}"), why: reason.unwrap_or_default().to_owned() }
}

fn openapi() -> Result<ExitCode, CommandError> {
    println!("{}", routes::openapi().to_pretty_json()?);
    Ok(ExitCode::SUCCESS)
}

async fn migrate(
    config: &Config,
    arguments: &Migrate,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let db = Db::connect(app::db_settings(config)).await?.acting_as(by);
    let applied = db.migrate().await?;
    if arguments.first_macs {
        let signed = authority::sign(&db, Signing::First, SystemClock.now()).await?;
        println!("first MACs: {}", signed.counts());
    }
    match applied {
        0 => println!("the database is up to date"),
        1 => println!("1 migration applied, the database is up to date"),
        _ => println!("{applied} migrations applied, the database is up to date"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the database, which must have every migration.
async fn up_to_date_database(config: &Config) -> Result<Db, CommandError> {
    let db = Db::connect(app::db_settings(config)).await?;
    match db.pending_migrations().await? {
        0 => Ok(db),
        pending => Err(CommandError::NotMigrated(pending)),
    }
}

fn open(path: &Path) -> Result<BufReader<File>, CommandError> {
    let file = File::open(path);
    let file = file.map_err(|cause| CommandError::File { path: path.to_owned(), cause })?;
    Ok(BufReader::new(file))
}

fn default_file() -> Option<PathBuf> {
    let file = Path::new(DEFAULT_FILE);
    file.exists().then(|| file.to_owned())
}

const fn format(format: LogFormat) -> Format {
    match format {
        LogFormat::Json => Format::Json,
        LogFormat::Text => Format::Text,
    }
}
