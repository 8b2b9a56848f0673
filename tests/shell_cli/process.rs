//! Running the program in a folder of its own.

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread::{JoinHandle, spawn},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const KEY: &str = "base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PATIENCE: Duration = Duration::from_secs(30);

/// A working directory and the variables that are set in it.
pub struct Place {
    folder: TempDir,
    settings: Vec<(String, String)>,
}

/// A running server.
pub struct Server {
    process: Child,
    log: Option<JoinHandle<String>>,
    pub listen: String,
    pub metrics_listen: String,
}

impl Place {
    /// Without any configuration.
    pub fn bare() -> Self {
        Self { folder: TempDir::new().unwrap(), settings: Vec::new() }
    }

    /// With keys, free ports, and a database to be.
    pub fn configured() -> Self {
        let mut place = Self::bare();
        for key in ["MASTER", "DATA", "INDEX", "JWT"] {
            place.set(&format!("KEYS__{key}"), KEY);
        }
        place.set("SERVER__LISTEN", "127.0.0.1:0");
        place.set("SERVER__METRICS_LISTEN", "127.0.0.1:0");
        place
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((format!("ONECARD__{name}"), value.to_owned()));
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::ONECARD);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Exit code, standard output and standard error of a command that ends by itself.
pub fn finished(mut command: Command) -> (i32, String, String) {
    output(command.spawn().unwrap())
}

/// As [`finished`], of a command that was started already.
pub fn output(process: Child) -> (i32, String, String) {
    let output = process.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

impl Server {
    /// Starts a server and waits until it says that it is ready.
    pub fn start(place: &Place) -> Self {
        Self::of(place.command(&["serve"]))
    }

    /// Starts a server after a command of the shell.
    pub fn start_with(place: &Place, before: &str) -> Self {
        let serve = place.command(&["serve"]);
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &format!("{before} && exec \"$0\" serve"), crate::ONECARD])
            .current_dir(place.folder.path())
            .env_clear()
            .envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::of(shell)
    }

    fn of(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let (told, ready) = channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        let log = spawn(move || {
            let mut log = String::new();
            for line in output.lines().map_while(Result::ok) {
                let event: Value = serde_json::from_str(&line).unwrap_or_default();
                if event.get("message").is_some_and(|m| m == "ready") {
                    // The test may have given up.
                    let _ = told.send(event.get("fields").cloned().unwrap_or_default());
                }
                log.push_str(&line);
                log.push('\n');
            }
            log
        });
        let fields = wait_until_ready(&mut process, &ready);
        let address = |name: &str| fields.get(name).and_then(|v| v.as_str()).unwrap().to_owned();
        let (listen, metrics_listen) = (address("listen"), address("metrics_listen"));
        Self { listen, metrics_listen, process, log: Some(log) }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal and waits; the exit code and everything that was logged.
    pub fn stop(self, signal: &str) -> (i32, String) {
        self.signal(signal);
        self.ended()
    }

    pub fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &process]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end; the exit code and everything that was logged.
    pub fn ended(mut self) -> (i32, String) {
        let status = self.process.wait().unwrap();
        (status.code().unwrap_or(-1), self.log.take().unwrap().join().unwrap())
    }
}

/// As a crash would; nothing is left of one that has ended.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn wait_until_ready(process: &mut Child, ready: &Receiver<Value>) -> Value {
    ready.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        process.kill().unwrap();
        let mut error = String::new();
        process.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        panic!("the server did not become ready: {error}");
    })
}

/// Asks until it is so.
pub fn wait_until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::yield_now();
    }
}

/// Status and body of a GET.
pub fn answer(address: &str, path: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}
