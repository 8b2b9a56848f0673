//! Tills of the demo schools, for a browser with a scanner: built from `docs/terminal.md` alone.
//!
//! Invariant: a number is written down before it is sent, and used for one act only.
//! Invariant: signing shares no code with the server.

mod act;
mod page;
mod signing;
mod wire;

use serde_json::Value;
use tokio::sync::Mutex;

pub use act::{Report, TillFault, TillRefusal, What};
pub(crate) use page::routes;
pub use wire::Answer;

use crate::keys::TillKey;
use act::{AtWork, Memory};
use wire::Wire;

/// All tills.
#[derive(Debug)]
pub struct Tills {
    wire: Wire,
    tills: Vec<(TillKey, Mutex<Memory>)>,
}

/// What a till is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Charge {
        code: String,
        amount_fen: i64,
    },
    Password(String),
    Reverse,
    /// Send once more what has no answer yet.
    Repeat,
}

impl Tills {
    pub(crate) fn new(keys: &[TillKey], server: &str) -> Result<Self, reqwest::Error> {
        let tills = keys.iter().map(|key| (key.clone(), Mutex::default())).collect();
        Ok(Self { wire: Wire::new(server)?, tills })
    }

    /// From now on they ask there.
    pub fn set_server(&self, server: &str) {
        self.wire.set_server(server);
    }

    /// Schools and ids.
    pub fn all(&self) -> impl Iterator<Item = &TillKey> {
        self.tills.iter().map(|(key, _)| key)
    }

    /// What the server tells a till, and whether an act of it waits for its answer.
    pub async fn config(&self, school: &str, id: &str) -> Result<(Value, bool), TillRefusal> {
        let (key, memory) = self.find(school, id)?;
        let mut memory = memory.lock().await;
        let mut till = AtWork { key, wire: &self.wire, memory: &mut memory };
        Ok((till.config().await?, till.is_pending()))
    }

    /// Has a till do something; one thing after the other.
    pub async fn act(
        &self,
        (school, id): (&str, &str),
        order: Order,
        fault: Option<TillFault>,
    ) -> Result<Report, TillRefusal> {
        let (key, memory) = self.find(school, id)?;
        let mut memory = memory.lock().await;
        let mut till = AtWork { key, wire: &self.wire, memory: &mut memory };
        match order {
            Order::Charge { code, amount_fen } => till.charge((&code, amount_fen), fault).await,
            Order::Password(password) => till.password(&password, fault).await,
            Order::Reverse => till.reverse(fault).await,
            Order::Repeat => till.repeat().await,
        }
    }

    /// Has a till give up on what has no answer yet.
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
