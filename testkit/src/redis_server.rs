//! A separate Redis for tests that stop it.

use crate::eventually;
use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

/// A Redis server; it is killed on drop.
pub struct Redis {
    port: u16,
    running: Option<Child>,
}

impl Redis {
    /// A server that is not started yet; the port stays the same across restarts.
    pub fn unstarted() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { port: listener.local_addr().unwrap().port(), running: None }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Starts it, empty.
    pub async fn start(&mut self) {
        let port = self.port.to_string();
        let arguments =
            ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let mut command = Command::new("redis-server");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        self.running = Some(command.spawn().unwrap());
        eventually("redis answers", async || self.keys().await).await;
    }

    /// The number of keys, if the server answers.
    pub async fn keys(&self) -> Option<u64> {
        redis::cmd("DBSIZE").query_async(&mut self.connection().await?).await.ok()
    }

    /// Deletes all keys; false if the server is not running.
    pub async fn empty(&self) -> bool {
        let Some(mut connection) = self.connection().await else { return false };
        let () = redis::cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
        true
    }

    async fn connection(&self) -> Option<redis::aio::MultiplexedConnection> {
        let client = redis::Client::open(self.url()).ok()?;
        client.get_multiplexed_async_connection().await.ok()
    }

    /// Kills it.
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().unwrap();
            running.wait().unwrap();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}
