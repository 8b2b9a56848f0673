//! The rotating code that a phone shows: 20 digits, computed without a network, good once.
//!
//! `docs/passcode.md` is the specification. What decides is pure: instants and keys are arguments.
//! `store` keeps devices and used codes, `directory` the table of handles, `counting` the misses.
//!
//! Invariant: keys are wiped when dropped; neither keys nor codes have a printable form.
//! Invariant: whether a one-time part fits is decided in constant time over the whole window.
//! Invariant: misses slow and never close: no count here refuses a person or a till for longer than
//! one step.
//! Invariant: whether a code was used before, and whether its device is still good, is decided by
//! [`use_up`] in the transaction that moves the money, and by nothing else: the table of handles
//! may lag behind, what the key-value store remembers may be lost.

mod barcode;
mod code;
mod counting;
mod derive;
mod device;
mod directory;
mod enrolment;
mod finding;
mod handles;
mod issuing;
mod misses;
mod picture;
mod prefixes;
mod store;
mod time;
mod upkeep;
mod uses;
mod window;

pub use code::{Code, CodeFault, CodeKind, parse};
pub use counting::Missed;
pub use derive::{
    CodeMaster, CodeMasters, CodePurpose, DeviceKey, Handle, HandleKey, HandleKeys, MasterNumber,
    Otp, OtpKey, Salt,
};
pub use device::{Channel, DeviceKind, EndReason};
pub use enrolment::{
    ClientDigest, Enrolled, EnrolmentTerms, NewDevice, NewlyEnrolled, Owner, SEEN_EVERY, enrol,
};
pub use finding::{Codes, CodesSetup, ScanOutcome, ScanPlace, end_devices, end_devices_of};
pub use handles::{DeviceId, Enrolment, HandleMatch, HandleTables};
pub use issuing::{IssueOutcome, IssuedCode};
pub use misses::{Miss, TERMINAL_WINDOW, TerminalPace, pace, raises_alarm, rest};
pub use picture::{CannotDraw, barcode_svg, qr_svg};
pub use prefixes::{PrefixFault, Prefixes, Wallet};
pub use time::{Epoch, Moment, Step, StepFault, SubCounter, Tick};
pub use uses::{CodeUse, ShownCode, use_up, write_of_first};
pub use window::{OtpMatch, Skew, match_otp};
