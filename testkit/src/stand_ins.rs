//! What a test does at the sandbox of its deployment.

use crate::{
    World, http_client,
    world::{Server, sandbox_folder, sandbox_keys},
};
use sandbox::{callbacks::Callbacks, gate::Gates, keys::Keys, locks::Locks, till::Tills};
use serde_json::json;
use std::{sync::Arc, time::Duration};

impl World {
    /// Starts one more server, with these settings beside those of the others.
    pub fn serve_with(&mut self, settings: &[(&str, &str)]) -> Server {
        let usual = self.special.len();
        for (name, value) in settings {
            self.set(name, value);
        }
        let server = self.serve();
        self.special.truncate(usual);
        server
    }

    /// The credentials of the sandbox.
    pub fn credentials(&self) -> Arc<Keys> {
        sandbox_keys()
    }

    /// A file of the sandbox's credentials: of all schools, or below the code of one.
    pub fn key_file(&self, name: &str) -> String {
        sandbox_folder().join(name).display().to_string()
    }

    /// The callbacks of the sandbox, of all providers.
    pub fn callbacks(&self) -> &Arc<Callbacks> {
        &self.sandbox_running().sandbox().callbacks
    }

    /// Sets the sandbox's clock so far ahead of the server's.
    pub async fn set_ahead(&self, offset: Duration) {
        let settings = json!({ "clock_offset_seconds": offset.as_secs() });
        let address = format!("{}/sandbox/api/settings", self.sandbox_running().base_url());
        let answer = http_client().post(address).json(&settings).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// The sandbox's tills, which call this deployment's server.
    pub fn tills(&self) -> &Tills {
        let tills = &self.sandbox_running().sandbox().tills;
        tills.set_server(self.server_url());
        tills
    }

    /// The sandbox's gates and library desks, which call this deployment's server.
    pub fn gates(&self) -> &Gates {
        let gates = &self.sandbox_running().sandbox().gates;
        gates.set_server(self.server_url());
        gates
    }

    /// The sandbox's door locks.
    pub fn locks(&self) -> &Locks {
        &self.sandbox_running().sandbox().locks
    }
}
