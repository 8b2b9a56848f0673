//! Tills, gates, desks and meters: their registration, their signed requests, and stored responses.
//!
//! Invariant: a handler for terminals takes a `Principal` of [`Call`], [`Till`] or [`DoorCall`], which only
//! [`Terminals::authenticate`] creates, after verifying the signature.
//! Invariant: a terminal may only call the endpoints of its kind; [`Till`] exists for those that
//! charge, [`DoorCall`] for doors and desks.
//! Invariant: a decision under (terminal, seq) is final: the response is stored in the transaction
//! of the decision, and a repeat gets the same response.
//! Invariant: whatever is decided for a terminal makes sure, where it is written, that the terminal is
//! [`Accepted`] still.
//! Absent on purpose: nothing here moves money or opens doors.

mod call;
mod config;
mod contacts;
pub mod desk;
pub mod guard;
pub mod http;
pub mod listing;
mod names;
mod registry;
mod scans;
pub mod seq;
mod store;
mod terminal;

pub use call::{Call, DoorCall, Terminals, TerminalsSetup, Till};
pub use names::{DoorGroup, MerchantCode, MerchantName, TerminalCode};
pub use registry::{
    NewMerchant, NewTerminal, Registered, RegistryError, add_merchant, add_terminal,
    switch_terminal,
};
pub use scans::{CodeRead, LookedUp};
pub use store::{
    answers::{keep, known, write_of, write_of_first},
    registry::{merchant_codes, merchant_names},
};
pub use terminal::{Accepted, Merchant, MerchantId, Terminal, TerminalId, TerminalKind};

use crate::base::db::Authority;

impl Terminals {
    /// The tables whose rows carry a MAC.
    pub const AUTHORITY: &[&Authority] =
        &[&store::authentic::MERCHANT, &store::authentic::TERMINAL];
}
