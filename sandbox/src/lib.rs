//! Stand-ins for the providers of onecard: they speak the real wire protocols with throwaway
//! keys, and are as strict as the real ones.
//!
//! Invariant: what the real provider would refuse, the stand-in refuses, with its status and code.
//! Invariant: signing and checking here share no code with the server, so that an error would have
//! to be made twice to go unnoticed.
//! Invariant: the control page can do nothing that the control API and [`Sandbox`] cannot.
//! Invariant: a fault happens only on demand.
//!
//! Absent on purpose: any setting that makes a stand-in more lenient.

pub mod callbacks;
mod chance;
mod changes;
pub mod clock;
mod control;
mod crypto;
mod endpoint;
pub mod faults;
pub mod keys;
mod local_url;
mod page;
mod paid;
pub mod requests;
mod schema;
mod server;
mod stand_ins;
mod state;

pub use endpoint::Endpoint;
pub use paid::PaidElsewhere;
pub use server::{Options, Running, StartError, start};
pub use stand_ins::{alipay, gate, locks, till, wechat, wechat_pay, wecom};
pub use state::Sandbox;
