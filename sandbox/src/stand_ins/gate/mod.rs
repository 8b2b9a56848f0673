//! Gates and library desks of the demo schools, for a browser with a scanner: built from
//! `docs/terminal.md` alone.
//!
//! Invariant: a sequence number is stored before it is sent, and used for one act only.
//! Invariant: without an answer that was understood a gate stays closed.

mod act;
mod page;

use std::path::Path;
use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use serde_json::Value;
use tokio::sync::Mutex;

pub use act::{GateFault, GateRefusal, GateReport};

use super::StandIn;
use super::till::TillKey;
use super::till::wire::Wire;
use crate::control::{Link, Panel, Visit};
use crate::endpoint::Endpoint;
use crate::keys::KeyError;
use act::{AtWork, Memory};

/// Below the folder of the keys: `{school}.key` and, for its registration, `{school}.pem`.
pub const GATES_FOLDER: &str = "gates";
/// The same of desks.
pub const DESKS_FOLDER: &str = "desks";
/// The id of each school's gate.
pub const GATE_ID: &str = "G1";
/// The id of the desk in each school's library.
pub const DESK_ID: &str = "L1";

/// The keys of gates and desks: those that are missing are generated.
pub(crate) fn generate_keys(dir: &Path) -> Result<Vec<TillKey>, KeyError> {
    let mut keys = TillKey::generate_all(dir, (GATES_FOLDER, GATE_ID))?;
    keys.extend(TillKey::generate_all(dir, (DESKS_FOLDER, DESK_ID))?);
    Ok(keys)
}

/// All gates and desks.
#[derive(Debug)]
pub struct Gates {
    wire: Wire,
    gates: Vec<(TillKey, Mutex<Memory>)>,
}

impl Gates {
    pub(crate) fn new(keys: &[TillKey], server: &str) -> Result<Self, reqwest::Error> {
        let gates = keys.iter().map(|key| (key.clone(), Mutex::default())).collect();
        Ok(Self { wire: Wire::new(server)?, gates })
    }

    /// The server that they call from now on.
    pub fn set_server(&self, server: &str) {
        self.wire.set_server(server);
    }

    /// Keys, with schools and ids.
    pub fn all(&self) -> impl Iterator<Item = &TillKey> {
        self.gates.iter().map(|(key, _)| key)
    }

    /// The gate's configuration from the server, and whether an act of it has no answer yet.
    pub async fn config(&self, school: &str, id: &str) -> Result<(Value, bool), GateRefusal> {
        let (key, memory) = self.find(school, id)?;
        let mut memory = memory.lock().await;
        let mut gate = AtWork { key, wire: &self.wire, memory: &mut memory };
        Ok((gate.config().await?, gate.is_pending()))
    }

    /// Shows a code to a gate. One that has no answer yet is given up: somebody else stands there now.
    pub async fn scan(
        &self,
        (school, id): (&str, &str),
        code: &str,
        fault: Option<GateFault>,
    ) -> Result<GateReport, GateRefusal> {
        let (key, memory) = self.find(school, id)?;
        let mut memory = memory.lock().await;
        AtWork { key, wire: &self.wire, memory: &mut memory }.scan(code, fault).await
    }

    /// Sends the unanswered request again, with the same number and the same body.
    pub async fn repeat(&self, school: &str, id: &str) -> Result<GateReport, GateRefusal> {
        let (key, memory) = self.find(school, id)?;
        let mut memory = memory.lock().await;
        AtWork { key, wire: &self.wire, memory: &mut memory }.repeat().await
    }

    fn find(&self, school: &str, id: &str) -> Result<(&TillKey, &Mutex<Memory>), GateRefusal> {
        let mut gates = self.gates.iter();
        let found = gates.find(|(key, _)| key.school == school && key.id == id);
        found.map(|(key, memory)| (key, memory)).ok_or(GateRefusal::NoSuchGate)
    }
}

impl StandIn for Gates {
    fn endpoints(&self) -> &'static [Endpoint] {
        &[]
    }

    fn mount(self: Arc<Self>, config: &mut ServiceConfig) {
        config.app_data(Data::from(self)).configure(page::routes);
    }

    fn panel(&self, _: &Visit) -> Panel {
        Panel {
            links: vec![Link { path: "/gate", label: "门禁与图书馆" }], ..Panel::default()
        }
    }
}
