//! The rotating code shown by a phone: 20 digits, computed offline, valid for one use.
//!
//! `docs/passcode.md` is the specification. The rules are pure functions: instants and keys are
//! arguments. `store` holds devices and used codes, `directory` the table of handles, `counting`
//! the counts of failed scans.
//!
//! Invariant: keys are wiped when dropped; neither keys nor codes are ever printed.
//! Invariant: one-time parts are compared in constant time over the whole window.
//! Invariant: failed scans slow a terminal down but never lock anything: no count here blocks a
//! person or a till for longer than one step.
//! Invariant: only [`use_up`], in the transaction that moves the money, decides whether a code was
//! used before and whether its device is still valid. The table of handles may be stale, and counts
//! in the key-value store may be lost.

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
mod scan;
mod store;
mod time;
mod upkeep;
mod uses;
mod window;

pub use code::{Code, parse};
use code::{CodeFault, CodeKind};
pub use counting::Missed;
use derive::Otp;
pub use derive::{
    CodeMaster, CodeMasters, CodePurpose, DeviceKey, Handle, HandleKey, HandleKeys, MasterNumber,
    OtpKey, Salt,
};
pub use device::{Channel, DeviceKind, EndReason, PersonDevice};
pub use enrolment::{
    Enrolled, EnrolmentTerms, NewDevice, NewlyEnrolled, Owner, SEEN_EVERY, Trust, enrol,
};
pub use finding::{Codes, CodesSetup, ScanOutcome, ScanPlace, end_devices};
pub use handles::{DeviceId, Enrolment, HandleMatch, HandleTables};
pub use issuing::{IssueOutcome, IssuedCode, KeyedDevice};
pub use misses::Miss;
pub use picture::{CannotDraw, barcode_svg, qr_svg};
pub use prefixes::{PrefixFault, Prefixes, Wallet};
pub use scan::{Scan, ScanRefusal, ScanVerdict};
use time::Epoch;
pub use time::{Moment, Step, StepFault, SubCounter, Tick};
pub use uses::{CodeUse, ShownCode, is_live, use_up, write_of_first};
pub use window::{OtpMatch, Skew, match_otp};
