//! Tills, gates, desks and meters: who they are, that a request is theirs, and what they were
//! answered.
//!
//! Invariant: a handler for terminals takes a `Principal` of [`Call`] or [`Till`], which only
//! [`Terminals::authenticate`] makes, of a signature that was checked.
//! Invariant: a terminal's kind decides what it may ask for; [`Till`] exists for tills only.
//! Invariant: what was decided under (terminal, seq) stays decided: the answer is written in the
//! transaction of what it tells of, and a repeat is given the same.
//! Absent on purpose: nothing here moves money or opens doors.

mod call;
mod config;
pub mod guard;
pub mod http;
mod names;
mod registry;
pub mod seq;
mod store;
mod terminal;

pub use call::{Call, TerminalAuthError, Terminals, TerminalsSetup, Till};
pub use names::{DoorGroup, InvalidName, MerchantCode, MerchantName, TerminalCode};
pub use registry::{
    NewMerchant, NewTerminal, Registered, RegistryError, add_merchant, add_terminal,
};
pub use store::{
    answers::{keep, known, write_of, write_of_first},
    registry::{merchant_code, merchant_names},
};
pub use terminal::{Merchant, MerchantId, Terminal, TerminalId, TerminalKind};
