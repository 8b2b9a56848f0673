//! The columns of identities, sessions and bindings that their MACs cover.

use crate::base::{
    crypto::row_mac::{Field, RowMacs},
    db::{Authority, DbError, FieldKind},
};
use entity::{binding, identity};
use sea_orm::QueryResult;
use uuid::Uuid;

/// Who signs in as which identity.
pub(in crate::sessions) const IDENTITY: Authority = Authority {
    table: "identity",
    columns: &[
        ("platform", FieldKind::Text),
        ("app_id", FieldKind::Text),
        ("openid", FieldKind::Text),
        ("user_id", FieldKind::Text),
    ],
    added: 1,
    live: "true",
};

/// With which token an identity stays signed in. `ended_at` is not covered: an older row that is put
/// back has a MAC that fits it anyway.
pub(in crate::sessions) const SESSION: Authority = Authority {
    table: "session",
    columns: &[("identity_id", FieldKind::Uuid), ("refresh_hash", FieldKind::Bytes)],
    added: 0,
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
    added: 0,
    live: "true",
};

pub(super) fn identity_fields(row: &identity::Model) -> [Field; 4] {
    [
        row.platform.as_str().into(),
        row.app_id.as_str().into(),
        row.openid.as_deref().into(),
        row.user_id.as_deref().into(),
    ]
}

pub(super) fn binding_fields(row: &binding::Model) -> [Field; 5] {
    [
        row.identity_id.into(),
        row.person_id.into(),
        row.school_id.into(),
        row.platform.as_str().into(),
        row.ended_at.into(),
    ]
}

/// Whether a session's own row is authentic. One that is not is as good as none: its user can sign in
/// again.
pub(super) fn is_authentic(
    macs: &RowMacs,
    session: Uuid,
    row: &QueryResult,
) -> Result<bool, DbError> {
    let identity: Uuid = row.try_get("", "identity_id")?;
    let refresh: Vec<u8> = row.try_get("", "refresh_hash")?;
    let mac: Option<Vec<u8>> = row.try_get("", "mac")?;
    Ok(SESSION.check(macs, session, &[identity.into(), refresh.into()], mac.as_deref()).is_ok())
}

/// Refuses a session whose identity or live binding is not authentic.
pub(super) fn check(macs: &RowMacs, row: &QueryResult) -> Result<(), DbError> {
    let mac = |of: &str| Ok::<Option<Vec<u8>>, DbError>(row.try_get("", of)?);
    let text = |of: &str| Ok::<Field, DbError>(row.try_get::<Option<String>>("", of)?.into());
    let identity: Uuid = row.try_get("", "identity_id")?;
    let fields = [text("platform")?, text("app_id")?, text("openid")?, text("user_id")?];
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
