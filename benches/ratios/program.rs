//! A measured program: separate processes that are killed on drop.

use crate::{load, postings::Failure};
use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(2);
/// A throwaway key, used for every key of a server.
pub const KEY: [u8; 32] = [7; 32];
const KEY_TEXT: &str = "base64:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Environment variables.
pub type Settings = Vec<(String, String)>;

pub struct Program {
    child: Child,
    pub port: u16,
    pids: Vec<u32>,
}

impl Program {
    /// Wraps a started program that listens.
    pub const fn new(child: Child, port: u16, pids: Vec<u32>) -> Self {
        Self { child, port, pids }
    }

    /// The server as it is shipped, or the one that `ONECARD_BENCH_PROGRAM` names.
    pub async fn onecard(settings: Settings, port: u16) -> Result<Self, Failure> {
        let other = std::env::var_os("ONECARD_BENCH_PROGRAM");
        let own = || env!("CARGO_BIN_EXE_onecard").into();
        let mut command = Command::new(other.unwrap_or_else(own));
        command.arg("serve").envs(settings);
        Self::ready(command, port).await
    }

    /// This program in a mode, set by an environment variable, that serves instead of measuring.
    pub async fn bare(
        (variable, way): (&str, &str),
        settings: Settings,
        port: u16,
    ) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(variable, way).envs(settings);
        Self::ready(command, port).await
    }

    async fn ready(mut command: Command, port: u16) -> Result<Self, Failure> {
        let child = command.stdin(Stdio::null()).spawn()?;
        let pids = vec![child.id()];
        let program = Self::new(child, port, pids);
        let until = Instant::now() + PATIENCE;
        let ready = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        while Instant::now() < until {
            if matches!(load::status(port, ready).await, Ok(200)) {
                return Ok(program);
            }
            tokio::time::sleep(POLL).await;
        }
        Err("the server did not start".into())
    }

    /// The CPU time of its processes so far, user and kernel, over all threads.
    pub fn cpu_time(&self) -> Result<Duration, Failure> {
        let mut nanoseconds = 0_u64;
        for pid in &self.pids {
            for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
                let used = fs::read_to_string(thread?.path().join("schedstat"))?;
                let used = used.split(' ').next().ok_or("no figure")?;
                nanoseconds += used.parse::<u64>()?;
            }
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The resident memory of its processes, in KiB.
    pub fn resident_kib(&self) -> Result<u64, Failure> {
        self.memory_kib("VmRSS:")
    }

    /// The same at its highest, since it was forgotten.
    pub fn peak_kib(&self) -> Result<u64, Failure> {
        self.memory_kib("VmHWM:")
    }

    /// Begins a new peak.
    pub fn forget_peak(&self) -> Result<(), Failure> {
        for pid in &self.pids {
            fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
        }
        Ok(())
    }

    fn memory_kib(&self, figure: &str) -> Result<u64, Failure> {
        let mut sum = 0;
        for pid in &self.pids {
            let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix(figure));
            let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no figure")?;
            sum += kib.parse::<u64>()?;
        }
        Ok(sum)
    }

    /// Requests a shutdown and waits for it.
    pub fn stop(mut self) -> Result<(), Failure> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    /// Its child processes exit when it does.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The settings that every server needs. The log level is reduced: otherwise every request would be
/// logged.
pub fn settings(database: &str, folder: &Path, port: u16) -> Result<Settings, Failure> {
    let path = |name: &str| folder.join(name).display().to_string();
    let settings = [
        ("ENVIRONMENT", "sandbox".to_owned()),
        ("SERVER__LISTEN", format!("127.0.0.1:{port}")),
        ("SERVER__METRICS_LISTEN", format!("127.0.0.1:{}", free_port()?)),
        ("SERVER__PUBLIC_URL", format!("http://127.0.0.1:{port}")),
        ("SERVER__H5_DIR", path("h5")),
        ("DATABASE__URL", database.to_owned()),
        ("LEDGER__HEADS_FILE", path("heads.jsonl")),
        ("TELEMETRY__LOG", "warn,onecard::payments::callback=error".to_owned()),
        ("KEYS__MASTER", KEY_TEXT.to_owned()),
        ("KEYS__DATA", KEY_TEXT.to_owned()),
        ("KEYS__INDEX", KEY_TEXT.to_owned()),
        ("KEYS__JWT", KEY_TEXT.to_owned()),
    ];
    Ok(named(settings))
}

/// Adds the prefix of the server's variables.
pub fn named<const N: usize>(settings: [(&str, String); N]) -> Settings {
    settings.map(|(name, value)| (format!("ONECARD__{name}"), value)).into()
}

pub fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
