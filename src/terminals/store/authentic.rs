//! The columns of merchants and terminals that their MACs cover.

use crate::base::{
    crypto::row_mac::{Field, RowMacs},
    db::{Authority, DbError, FieldKind},
};
use entity::{merchant, terminal};
use sea_orm::QueryResult;

/// Who is credited by tills.
pub(in crate::terminals) const MERCHANT: Authority = Authority {
    table: "merchant",
    columns: &[
        ("school_id", FieldKind::Big),
        ("code", FieldKind::Text),
        ("disabled_at", FieldKind::Big),
    ],
    added: 1,
    live: "true",
};

/// Who may charge, and for whom.
pub(in crate::terminals) const TERMINAL: Authority = Authority {
    table: "terminal",
    columns: &[
        ("school_id", FieldKind::Big),
        ("code", FieldKind::Text),
        ("kind", FieldKind::Text),
        ("public_key", FieldKind::Bytes),
        ("merchant_id", FieldKind::Uuid),
        ("door_group", FieldKind::Text),
        ("enabled", FieldKind::Flag),
        ("old_key", FieldKind::Bytes),
        ("old_key_until", FieldKind::Big),
    ],
    added: 2,
    live: "true",
};

pub(super) fn merchant_fields(row: &merchant::Model) -> [Field; 3] {
    [row.school_id.into(), row.code.as_str().into(), row.disabled_at.into()]
}

pub(super) fn terminal_fields(row: &terminal::Model) -> [Field; 9] {
    [
        row.school_id.into(),
        row.code.as_str().into(),
        row.kind.as_str().into(),
        row.public_key.as_slice().into(),
        row.merchant_id.into(),
        row.door_group.as_deref().into(),
        row.enabled.into(),
        row.old_key.as_deref().into(),
        row.old_key_until.into(),
    ]
}

/// Refuses a terminal, and its merchant, whose MACs do not fit their rows.
pub(super) fn check(macs: &RowMacs, row: &QueryResult) -> Result<(), DbError> {
    let school_id: i64 = row.try_get("", "school_id")?;
    let merchant: Option<uuid::Uuid> = row.try_get("", "merchant_id")?;
    let fields = [
        school_id.into(),
        row.try_get::<String>("", "code")?.into(),
        row.try_get::<String>("", "kind")?.into(),
        row.try_get::<Vec<u8>>("", "public_key")?.into(),
        merchant.into(),
        row.try_get::<Option<String>>("", "door_group")?.into(),
        row.try_get::<bool>("", "enabled")?.into(),
        row.try_get::<Option<Vec<u8>>>("", "old_key")?.into(),
        row.try_get::<Option<i64>>("", "old_key_until")?.into(),
    ];
    let mac: Option<Vec<u8>> = row.try_get("", "mac")?;
    TERMINAL.check(macs, row.try_get("", "id")?, &fields, mac.as_deref())?;
    let Some(merchant) = merchant else { return Ok(()) };
    let code: Option<String> = row.try_get("", "merchant_code")?;
    let mac: Option<Vec<u8>> = row.try_get("", "merchant_mac")?;
    let disabled_at: Option<i64> = row.try_get("", "merchant_disabled_at")?;
    let fields = [school_id.into(), code.into(), disabled_at.into()];
    MERCHANT.check(macs, merchant, &fields, mac.as_deref())
}
