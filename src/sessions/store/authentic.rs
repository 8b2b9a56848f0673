//! The columns of identities, sessions and bindings that their MACs cover.

use crate::base::{
    crypto::row_mac::{Field, RowMacs},
    db::{Authority, DbError, FieldKind},
};
use entity::binding;
use sea_orm::QueryResult;
use uuid::Uuid;

/// Who signs in as which identity.
pub(in crate::sessions) const IDENTITY: Authority = Authority {
    table: "identity",
    columns: &[
        ("platform", FieldKind::Text),
        ("app_id", FieldKind::Text),
        ("openid", FieldKind::Text),
    ],
    live: "true",
};

/// With which token an identity stays signed in. That it ended is not covered: one that is put back
/// is an old row with its old MAC.
pub(in crate::sessions) const SESSION: Authority = Authority {
    table: "session",
    columns: &[("identity_id", FieldKind::Uuid), ("refresh_hash", FieldKind::Bytes)],
    live: "ended_at IS NULL",
};

/// Which identity acts for which person.
pub(in crate::sessions) const BINDING: Authority = Authority {
    table: "binding",
    columns: &[
        ("identity_id", FieldKind::Uuid),
        ("person_id", FieldKind::Uuid),
        ("school_id", FieldKind::Big),
        ("platform", FieldKind::Text),
        ("ended_at", FieldKind::Big),
    ],
    live: "true",
};

pub(super) fn binding_fields(row: &binding::Model) -> [Field; 5] {
    [
        row.identity_id.into(),
        row.person_id.into(),
        row.school_id.into(),
        row.platform.as_str().into(),
        row.ended_at.into(),
    ]
}

/// Refuses a session whose own row, identity or live binding does not fit its MAC.
pub(super) fn check(macs: &RowMacs, session: Uuid, row: &QueryResult) -> Result<(), DbError> {
    let mac = |of: &str| Ok::<Option<Vec<u8>>, DbError>(row.try_get("", of)?);
    let text = |of: &str| Ok::<Field, DbError>(row.try_get::<String>("", of)?.into());
    let identity: Uuid = row.try_get("", "identity_id")?;
    let refresh: Vec<u8> = row.try_get("", "refresh_hash")?;
    SESSION.check(macs, session, &[identity.into(), refresh.into()], mac("mac")?.as_deref())?;
    let fields = [text("platform")?, text("app_id")?, text("openid")?];
    IDENTITY.check(macs, identity, &fields, mac("identity_mac")?.as_deref())?;
    let Some(binding) = row.try_get::<Option<Uuid>>("", "binding_id")? else { return Ok(()) };
    let fields = [
        identity.into(),
        row.try_get::<Option<Uuid>>("", "person_id")?.into(),
        row.try_get::<Option<i64>>("", "school_id")?.into(),
        row.try_get::<Option<String>>("", "bound_on")?.into(),
        Field::Null,
    ];
    BINDING.check(macs, binding, &fields, mac("binding_mac")?.as_deref())
}
