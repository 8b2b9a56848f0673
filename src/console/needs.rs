//! Rights that pages alone name: handlers of JSON have types of their own for them.

use super::{Console, browser::Needs};
use crate::staff_accounts::{StaffAct, StaffMember, StaffRefusal};

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name;

        impl Needs for $name {
            fn allow(member: &StaffMember, console: &Console) -> Result<(), StaffRefusal> {
                member.may(StaffAct::$name, console.clock.now())
            }
        })*
    };
}

needs! {
    /// Read requests to adjust balances.
    ReadAdjustments;
    /// Ask for an adjustment.
    AskAdjustment;
    /// Approve or reject that.
    DecideAdjustment;
}
