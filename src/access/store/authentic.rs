//! The columns of rights and allocations that their MACs cover.

use crate::{
    access::rights::{AllocationId, DoorRight, DoorTimes},
    base::{
        crypto::row_mac::Field,
        db::{Authority, FieldKind},
        ids::SchoolId,
    },
};
use uuid::Uuid;

/// Who may pass, and when.
pub(in crate::access) const RIGHT: Authority = Authority {
    table: "door_right",
    columns: &[
        ("school_id", FieldKind::Big),
        ("person_id", FieldKind::Uuid),
        ("door_group", FieldKind::Text),
        ("from_at", FieldKind::Big),
        ("until_at", FieldKind::Big),
        ("window_from", FieldKind::Int),
        ("window_until", FieldKind::Int),
        ("source", FieldKind::Text),
        ("allocation", FieldKind::Uuid),
    ],
    added: 0,
    live: "true",
};

/// Which allocation holds.
pub(in crate::access) const ALLOCATION: Authority = Authority {
    table: "door_allocation",
    columns: &[
        ("school_id", FieldKind::Big),
        ("door_group", FieldKind::Text),
        ("allocation", FieldKind::Uuid),
    ],
    added: 0,
    live: "true",
};

pub(super) fn right_fields(school: SchoolId, right: &DoorRight, allocation: Uuid) -> [Field; 9] {
    let DoorTimes { from, window, .. } = right.times;
    let [window_from, window_until] = window.minutes().map(i32::from);
    [
        school.number().into(),
        Some(right.person.uuid()).into(),
        (&*right.group).into(),
        from.micros().into(),
        right.times.until_micros().into(),
        Some(window_from).into(),
        Some(window_until).into(),
        right.source.code().into(),
        Some(allocation).into(),
    ]
}

pub(super) fn allocation_fields(
    school: SchoolId,
    group: &str,
    allocation: AllocationId,
) -> [Field; 3] {
    [school.number().into(), group.into(), Some(allocation.uuid()).into()]
}
