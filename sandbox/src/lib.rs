//! Stand-ins for the providers of onecard: they speak the real wire protocols with throwaway
//! keys, and are as strict as the real ones.
//!
//! Invariant: what the real provider would refuse, the stand-in refuses, with its status and code.
//! Invariant: signing and checking here share no code with the server; only that makes an
//! agreement of the two worth something.
//! Invariant: the control page can do nothing that the JSON twin and [`Sandbox`] cannot.
//!
//! Invariant: a fault happens only on demand.
//!
//! Absent on purpose: any setting that makes a stand-in more lenient.

mod certificate;
mod chance;
pub mod clock;
mod control;
mod crypto;
pub mod faults;
pub mod keys;
mod local_url;
mod page;
pub mod requests;
mod server;
mod state;
pub mod till;
pub mod wechat;
pub mod wechat_pay;

pub use server::{Options, Running, StartError, start};
pub use state::Sandbox;
