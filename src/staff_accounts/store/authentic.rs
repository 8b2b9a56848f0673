//! The columns of logins and sessions of staff that their MACs cover.

use crate::base::{
    crypto::row_mac::Field,
    db::{Authority, FieldKind},
};
use entity::{staff_member, staff_session};

/// Who signs in as whom, and with what rights. `factor_step` is not covered: an older row that is put
/// back has a MAC that fits it anyway.
pub(in crate::staff_accounts) const MEMBER: Authority = Authority {
    table: "staff_member",
    columns: &[
        ("school_id", FieldKind::Big),
        ("login", FieldKind::Text),
        ("staff_no", FieldKind::Text),
        ("roles", FieldKind::Text),
        ("password_hash", FieldKind::Text),
        ("factor_sealed", FieldKind::Bytes),
        ("factor_printed", FieldKind::Flag),
        ("offered_sealed", FieldKind::Bytes),
        ("enabled", FieldKind::Flag),
        ("recovery_hashes", FieldKind::Bytes),
        ("work_id", FieldKind::Text),
        ("classes", FieldKind::Text),
        ("slip_until", FieldKind::Big),
    ],
    live: "true",
    added: 4,
};

/// With which token a login stays signed in, and when its second factor was given.
pub(in crate::staff_accounts) const SESSION: Authority = Authority {
    table: "staff_session",
    columns: &[
        ("member_id", FieldKind::Uuid),
        ("school_id", FieldKind::Big),
        ("refresh_hash", FieldKind::Bytes),
        ("factor_at", FieldKind::Big),
        ("created_at", FieldKind::Big),
    ],
    live: "ended_at IS NULL",
    added: 0,
};

pub(super) fn member_fields(row: &staff_member::Model) -> [Field; 13] {
    [
        row.school_id.into(),
        row.login.as_str().into(),
        row.staff_no.as_str().into(),
        row.roles.as_str().into(),
        row.password_hash.as_str().into(),
        row.factor_sealed.as_slice().into(),
        row.factor_printed.into(),
        row.offered_sealed.as_deref().into(),
        row.enabled.into(),
        row.recovery_hashes.as_deref().into(),
        row.work_id.as_deref().into(),
        row.classes.as_deref().into(),
        row.slip_until.into(),
    ]
}

pub(super) fn session_fields(row: &staff_session::Model) -> [Field; 5] {
    [
        row.member_id.into(),
        row.school_id.into(),
        row.refresh_hash.as_slice().into(),
        row.factor_at.into(),
        row.created_at.into(),
    ]
}
