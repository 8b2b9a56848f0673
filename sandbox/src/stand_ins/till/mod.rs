//! Tills of the demo schools, for a browser with a scanner: built from `docs/terminal.md` alone.
//!
//! Invariant: a sequence number is stored before it is sent, and used for one act only.
//! Invariant: signing shares no code with the server.

mod act;
mod keys;
mod page;
mod signing;
pub(super) mod wire;

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use serde_json::Value;
use tokio::sync::Mutex;

pub use act::{Report, RequestKind, TillFault, TillRefusal};
pub use keys::{TILL_ID, TILLS_FOLDER, TillKey};
pub use wire::Answer;

use super::StandIn;
use crate::control::{Link, Panel, Visit};
use crate::endpoint::Endpoint;
use act::{AtWork, Memory};
use wire::Wire;

/// All tills.
#[derive(Debug)]
pub struct Tills {
    wire: Wire,
    tills: Vec<(TillKey, Mutex<Memory>)>,
}

/// What a till does on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TillAct {
    Charge {
        code: String,
        amount_fen: i64,
    },
    Password(String),
    Reverse,
    /// Sends the unanswered request again.
    Repeat,
}

impl Tills {
    pub(crate) fn new(keys: &[TillKey], server: &str) -> Result<Self, reqwest::Error> {
        let tills = keys.iter().map(|key| (key.clone(), Mutex::default())).collect();
        Ok(Self { wire: Wire::new(server)?, tills })
    }

    /// The server that they call from now on.
    pub fn set_server(&self, server: &str) {
        self.wire.set_server(server);
    }

    /// Keys, with schools and ids.
    pub fn all(&self) -> impl Iterator<Item = &TillKey> {
        self.tills.iter().map(|(key, _)| key)
    }

    /// The till's configuration from the server, and whether an act of it has no answer yet.
    pub async fn config(&self, school: &str, id: &str) -> Result<(Value, bool), TillRefusal> {
        let (key, memory) = self.find(school, id)?;
        let mut memory = memory.lock().await;
        let mut till = AtWork { key, wire: &self.wire, memory: &mut memory };
        Ok((till.config().await?, till.is_pending()))
    }

    /// Lets a till do something; one act after the other.
    pub async fn act(
        &self,
        (school, id): (&str, &str),
        order: TillAct,
        fault: Option<TillFault>,
    ) -> Result<Report, TillRefusal> {
        let (key, memory) = self.find(school, id)?;
        let mut memory = memory.lock().await;
        let mut till = AtWork { key, wire: &self.wire, memory: &mut memory };
        match order {
            TillAct::Charge { code, amount_fen } => till.charge((&code, amount_fen), fault).await,
            TillAct::Password(password) => till.password(&password, fault).await,
            TillAct::Reverse => till.reverse(fault).await,
            TillAct::Repeat => till.repeat().await,
        }
    }

    /// Lets a till give up on the act that has no answer yet.
    pub async fn forget(&self, school: &str, id: &str) -> Result<(), TillRefusal> {
        let (key, memory) = self.find(school, id)?;
        let mut memory = memory.lock().await;
        AtWork { key, wire: &self.wire, memory: &mut memory }.forget()
    }

    fn find(&self, school: &str, id: &str) -> Result<(&TillKey, &Mutex<Memory>), TillRefusal> {
        let mut tills = self.tills.iter();
        let found = tills.find(|(key, _)| key.school == school && key.id == id);
        found.map(|(key, memory)| (key, memory)).ok_or(TillRefusal::NoSuchTill)
    }
}

impl StandIn for Tills {
    fn endpoints(&self) -> &'static [Endpoint] {
        &[]
    }

    fn mount(self: Arc<Self>, config: &mut ServiceConfig) {
        config.app_data(Data::from(self)).configure(page::routes);
    }

    fn panel(&self, _: &Visit) -> Panel {
        Panel { links: vec![Link { path: "/till", label: "收银终端" }], ..Panel::default() }
    }
}
