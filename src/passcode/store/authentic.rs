//! The columns of a device that its MAC covers.

use super::devices::client_digest;
use crate::{
    base::{
        crypto::row_mac::{Field, RowMacs},
        db::{Authority, DbError, FieldKind},
    },
    passcode::NewDevice,
};
use entity::device;

/// What decides whose codes a phone shows, and whether it may enrol again without the password.
pub const DEVICE: Authority = Authority {
    table: "device",
    columns: &[
        ("school_id", FieldKind::Big),
        ("person_id", FieldKind::Uuid),
        ("channel", FieldKind::Text),
        ("kind", FieldKind::Text),
        ("client_digest", FieldKind::Bytes),
        ("salt", FieldKind::Bytes),
        ("generation", FieldKind::Big),
        ("step_seconds", FieldKind::Int),
        ("master_key_id", FieldKind::Text),
        ("expires_at", FieldKind::Big),
        ("ended_at", FieldKind::Big),
        ("ended_why", FieldKind::Text),
    ],
    added: 0,
    live: "true",
};

/// Refuses a device whose MAC does not fit its row.
pub(super) fn check(macs: &RowMacs, row: &device::Model) -> Result<(), DbError> {
    let fields = [
        row.school_id.into(),
        row.person_id.into(),
        row.channel.as_str().into(),
        row.kind.as_str().into(),
        row.client_digest.as_slice().into(),
        row.salt.as_slice().into(),
        row.generation.into(),
        row.step_seconds.into(),
        row.master_key_id.as_str().into(),
        row.expires_at.into(),
        row.ended_at.into(),
        row.ended_why.as_deref().into(),
    ];
    DEVICE.check(macs, row.id, &fields, row.mac.as_deref())
}

/// The columns of a live device that is about to be written.
pub(super) fn new_fields(new: &NewDevice, generation: u32, expires_at: i64) -> [Field; 12] {
    [
        new.owner.school.number().into(),
        new.owner.person.uuid().into(),
        new.owner.channel.code().into(),
        new.kind.code().into(),
        client_digest(new).into(),
        new.salt.bytes().as_slice().into(),
        i64::from(generation).into(),
        i32::from(new.terms.step.seconds()).into(),
        new.master_key_id.as_str().into(),
        expires_at.into(),
        Field::Null,
        Field::Null,
    ]
}
