//! The stand-ins, a room for each. [`crate::Sandbox`] lists them, and the server composes that list.
//!
//! A stand-in owns its state, its paths (on the wire and below `/sandbox`), its keys, the faults
//! of its endpoints and callbacks, and its sections of the control page. `README.md` describes how
//! to add one.

pub mod alipay;
pub mod gate;
pub mod locks;
pub mod till;
pub mod wechat;
pub mod wechat_pay;
pub mod wecom;

pub(crate) mod authenticator;
pub(crate) mod codes;
mod phone;

use std::fmt;
use std::sync::Arc;

use actix_web::web::ServiceConfig;

use crate::control::{Panel, Visit};
use crate::endpoint::Endpoint;

/// The name of the operation in a request's query and body.
pub(crate) type ReadOperation = fn(&str, &[u8]) -> Option<String>;

/// What the server, the gate of faults and the control page need of a stand-in.
pub(crate) trait StandIn: fmt::Debug + Send + Sync {
    /// What merchants can ask of it; empty for one that answers no merchant.
    fn endpoints(&self) -> &'static [Endpoint];

    /// The path of its gateway, where one path stands for every operation, and how the name of the
    /// operation is read from a request's query and body.
    fn gateway(&self) -> Option<(&'static str, ReadOperation)> {
        None
    }

    /// Adds its state and its paths.
    fn mount(self: Arc<Self>, config: &mut ServiceConfig);

    /// Its part of the control page.
    fn panel(&self, visit: &Visit) -> Panel;
}
