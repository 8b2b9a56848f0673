//! `onecard-sandbox`: the command-line program of the sandbox.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use sandbox::callbacks::CallbackMode;
use sandbox::{Options, PaidElsewhere, keys};
use tracing_subscriber::EnvFilter;

/// Stand-ins for onecard's providers, with throwaway keys of their own.
///
/// They speak the real wire protocols on the real paths and refuse what the real ones refuse.
/// No real money is involved. The control page is at the root of the address.
#[derive(Parser)]
#[command(name = "onecard-sandbox", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the throwaway keys, where they are missing, and print the folder
    Init {
        /// Folder of the keys and of credentials.json
        #[arg(long, value_name = "DIR", default_value = "data/sandbox")]
        dir: PathBuf,
    },
    /// Serve until Ctrl-C or SIGTERM; makes missing keys first
    Serve {
        /// Address to listen on; port 0 takes any free port
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
        /// Folder of the keys and of credentials.json
        #[arg(long, value_name = "DIR", default_value = "data/sandbox")]
        dir: PathBuf,
        /// Whether callbacks are sent by themselves
        #[arg(long, value_enum, default_value_t = Callbacks::Auto)]
        callbacks: Callbacks,
        /// How many times faster callbacks are retried (up to 1000000; 0: only on demand)
        #[arg(long, value_name = "FACTOR", default_value_t = 1)]
        speed: u32,
        /// The server that the tills call
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
        server: String,
        /// Payments of another process that are known from the start
        #[arg(long, value_name = "FILE")]
        paid: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Callbacks {
    /// At once, then on the provider's schedule until accepted
    Auto,
    /// Held until delivered on demand
    Manual,
}

impl From<Callbacks> for CallbackMode {
    fn from(callbacks: Callbacks) -> Self {
        match callbacks {
            Callbacks::Auto => Self::Auto,
            Callbacks::Manual => Self::Manual,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Box<dyn std::error::Error>> {
    match command {
        Command::Init { dir } => {
            keys::generate(&dir)?;
            println!("{}", dir.display());
        }
        Command::Serve { listen, dir, callbacks, speed, server, paid } => {
            let options = Options::new(keys::generate(&dir)?);
            let callbacks = callbacks.into();
            let options = Options { listen, callbacks, speed, server, ..options };
            let running = sandbox::start(options).await?;
            if let Some(paid) = paid {
                let read: Result<PaidElsewhere, _> = serde_json::from_slice(&std::fs::read(&paid)?);
                let read = read.map_err(|error| {
                    let path = paid.display();
                    format!("{path} is not of this version ({error}): begin with a new folder")
                })?;
                if !running.sandbox().take_up(read) {
                    return Err("there is no room for so many payments".into());
                }
            }
            println!("sandbox: {}", running.base_url());
            stop_asked().await?;
            running.stop().await;
        }
    }
    Ok(())
}

async fn stop_asked() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}
