//! The program as a separate process that tests can kill.

use crate::{Api, World, eventually};
use std::{
    cell::RefCell,
    fs::{self, File},
    io::Read,
    net::TcpListener,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
    },
};

/// The program with one deployment's configuration. Its processes are killed on drop.
pub struct Program {
    executable: PathBuf,
    settings: Vec<(String, String)>,
    log: PathBuf,
    base_url: String,
    running: Option<Process>,
}

/// A process that is killed on drop.
struct Process(Child);

impl Program {
    /// This executable with the deployment's configuration; not started yet. The port stays the
    /// same across restarts because callbacks are sent there.
    pub fn of(world: &World, executable: impl Into<PathBuf>) -> Self {
        let base_url = format!("http://127.0.0.1:{}", lasting_port());
        Self {
            executable: executable.into(),
            settings: world.settings(&base_url),
            log: world.path("program.log").into(),
            base_url,
            running: None,
        }
    }

    /// Changes a setting.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((format!("ONECARD__{name}"), value.to_owned()));
    }

    /// Removes a setting.
    pub fn unset(&mut self, name: &str) {
        let name = format!("ONECARD__{name}");
        self.settings.retain(|(set, _)| *set != name);
    }

    /// Its API.
    pub fn api(&self) -> Api {
        Api::at(&self.base_url)
    }

    /// A command of the program, with the deployment's configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .args(arguments)
            .current_dir(self.log.parent().unwrap())
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; returns exit code, standard output and standard error.
    pub async fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = RefCell::new(Process(command.spawn().unwrap()));
        let ended = async || process.borrow_mut().0.try_wait().unwrap();
        let status = eventually(&format!("{arguments:?} ends"), ended).await;
        let Child { stdout, stderr, .. } = &mut process.borrow_mut().0;
        let text = |pipe: &mut dyn Read| {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            text
        };
        let (out, err) = (text(stdout.as_mut().unwrap()), text(stderr.as_mut().unwrap()));
        (status.code().unwrap_or(-1), out, err)
    }

    /// Runs a command to its end with a variable as in [`Program::start_told`]; returns the signal that
    /// terminated it, if one did, and what it wrote.
    pub async fn run_told(
        &self,
        arguments: &[String],
        (name, value): (&'static str, &str),
    ) -> (Option<i32>, String) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = self.command(&arguments);
        command.env(name, value).stdout(log.try_clone().unwrap()).stderr(log);
        let process = RefCell::new(Process(command.spawn().unwrap()));
        let ended = async || process.borrow_mut().0.try_wait().unwrap();
        let status = eventually(&format!("{arguments:?} ends"), ended).await;
        (status.signal(), self.log())
    }

    /// Starts the server and waits until it is ready.
    pub async fn start(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = self.command(&["serve"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.running = Some(Process(command.spawn().unwrap()));
        let address = self.base_url.trim_start_matches("http://");
        eventually("the server listens", async || {
            std::net::TcpStream::connect(address).ok().map(drop)
        })
        .await;
        let ready = self.api().get("/readyz").await;
        assert_eq!(ready.status, 200, "{}\n{}", ready.text(), self.log());
    }

    /// Like [`Program::start`], with a variable that makes it die at a write point or record all
    /// write points; it may die immediately.
    pub async fn start_told(&mut self, name: &'static str, value: &str) {
        let mut command = self.command(&["serve"]);
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        command.env(name, value).stdout(log.try_clone().unwrap()).stderr(log);
        self.running = Some(Process(command.spawn().unwrap()));
        let address = self.base_url.trim_start_matches("http://").to_owned();
        let this = RefCell::new(self);
        eventually("the server listens or is dead", async || {
            let dead = this.borrow_mut().death().is_some();
            let listens = std::net::TcpStream::connect(&address).is_ok();
            (dead || listens).then_some(())
        })
        .await;
    }

    /// The signal that terminated it, if it has ended.
    pub fn death(&mut self) -> Option<i32> {
        let status = self.running.as_mut()?.0.try_wait().unwrap()?;
        Some(status.signal().unwrap_or_default())
    }

    /// Sends SIGTERM, for a graceful shutdown.
    pub fn terminate(&self) {
        let id = self.running.as_ref().unwrap().0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Sends SIGKILL.
    pub fn kill(&mut self) {
        drop(self.running.take().unwrap());
    }

    /// The log, across all restarts.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A free port below the ephemeral port range. This process gets none twice: a program that is
/// stopped for a moment keeps its port.
fn lasting_port() -> u16 {
    static FIRST: LazyLock<u16> = LazyLock::new(|| rand::random::<u16>() % 10_000);
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let mut ports = std::iter::repeat_with(|| {
        20_000 + (*FIRST + TAKEN.fetch_add(1, Ordering::Relaxed) % 10_000) % 10_000
    });
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}
