//! The rotating code that a phone shows: 20 digits, computed without a network, good once.
//!
//! `docs/passcode.md` is the specification. Here is the pure part: no database, no clock, no
//! chance; instants and keys are arguments.
//!
//! Invariant: keys are wiped when dropped; neither keys nor codes have a printable form.
//! Invariant: whether a one-time part fits is decided in constant time over the whole window.
//! Invariant: misses slow and never close: no count here refuses a person or a till for longer than
//! one step.
//! Absent on purpose: whether a code was used before. Only a unique key in the transaction that
//! moves the money can say so.

mod barcode;
mod code;
mod derive;
mod handles;
mod misses;
mod picture;
mod prefixes;
mod time;
mod window;

pub use code::{Code, CodeFault, Kind, parse};
pub use derive::{
    CodeMaster, CodeMasters, DeviceKey, Handle, HandleKey, HandleKeys, MasterNumber, Otp, OtpKey,
    Purpose, Salt,
};
pub use handles::{DeviceId, Enrolment, HandleTables, Sighting};
pub use misses::{Miss, Pace, TERMINAL_WINDOW, pace, raises_alarm, rest};
pub use picture::{CannotDraw, barcode_svg, qr_svg};
pub use prefixes::{PrefixFault, Prefixes, Wallet};
pub use time::{Epoch, Moment, Step, StepFault, SubCounter, Tick};
pub use window::{Skew, Verdict, judge};
