//! Locks that can be opened from the phone.

use crate::{base::ids::SchoolId, terminals::DoorGroup};

crate::uuid_id! {
    /// A door with a lock, as clients name it.
    DoorId
}

crate::name_type! {
    /// A lock, as its adapter names it.
    LockId, "1 to 64 of the characters A-Z, a-z, 0-9, hyphen and underscore", 64,
    |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

crate::name_type! {
    /// The name of a door as its people know it: 402 室.
    DoorName, "1 to 40 visible characters without blanks around them", 40,
    crate::base::names::is_visible
}

/// A door with a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorLock {
    /// The id.
    pub id: DoorId,
    /// Its school.
    pub school: SchoolId,
    /// The lock.
    pub lock: LockId,
    /// The doors that open together: whoever has a right to the group may open it.
    pub group: DoorGroup,
    /// Its name.
    pub name: DoorName,
    /// Where it is: 东区 3 栋. May be empty.
    pub place: String,
}
