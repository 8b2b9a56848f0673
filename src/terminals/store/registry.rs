//! The tables of merchants and terminals.

use super::authentic::{MERCHANT, TERMINAL, check, merchant_fields, terminal_fields};
use crate::{
    base::{
        clock::Timestamp,
        crypto::ed25519::Ed25519Key,
        db::{Column, Db, DbError, Rows, Source, Tx},
        ids::SchoolId,
    },
    terminals::{
        Merchant, MerchantCode, MerchantId, NewMerchant, NewTerminal, Terminal, TerminalCode,
        TerminalId, TerminalKind,
    },
};
use entity::{merchant, terminal};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryResult, QuerySelect,
    sea_query::Expr,
};
use std::{
    collections::{HashMap, HashSet},
    str::FromStr,
};

const FIND: &str = "SELECT t.id, t.school_id, s.code AS school_code, t.code, t.kind, \
    t.public_key, t.old_key, t.old_key_until, t.door_group, t.enabled, t.withdrawals, t.mac, \
    t.merchant_id, m.code AS merchant_code, m.name AS merchant_name, \
    m.disabled_at AS merchant_disabled_at, m.mac AS merchant_mac \
    FROM terminal t JOIN school s ON s.id = t.school_id \
    LEFT JOIN merchant m ON m.id = t.merchant_id \
    WHERE s.code = $1 AND t.code = $2 AND t.enabled";

/// The enabled terminal with this key id.
pub(in crate::terminals) async fn find(
    db: &Db,
    school_code: &str,
    code: &str,
) -> Result<Option<Terminal>, DbError> {
    let found = Source::Db(db).select(FIND, vec![school_code.into(), code.into()]).await?;
    let Some(row) = found.first() else { return Ok(None) };
    check(db.macs(), row)?;
    terminal_of(row).map(Some)
}

fn terminal_of(row: &QueryResult) -> Result<Terminal, DbError> {
    let kind: String = row.try_get("", "kind")?;
    let key: Vec<u8> = row.try_get("", "public_key")?;
    let merchant: Option<uuid::Uuid> = row.try_get("", "merchant_id")?;
    let door_group: Option<String> = row.try_get("", "door_group")?;
    let is_closed = row.try_get::<Option<i64>>("", "merchant_disabled_at")?.is_some();
    let merchant = merchant.filter(|_| !is_closed).map(|id| {
        Ok::<_, DbError>(Merchant {
            id: MerchantId::from_uuid(id),
            code: read("merchant", &row.try_get::<String>("", "merchant_code")?)?,
            name: read("merchant", &row.try_get::<String>("", "merchant_name")?)?,
        })
    });
    Ok(Terminal {
        id: TerminalId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        school_code: row.try_get("", "school_code")?,
        code: read("terminal", &row.try_get::<String>("", "code")?)?,
        kind: TerminalKind::from_code(&kind).ok_or(broken("unknown kind"))?,
        key: key_of(&key)?,
        old_key: old_key_of(row)?,
        merchant: merchant.transpose()?,
        door_group: door_group.map(|group| read("terminal", &group)).transpose()?,
        withdrawals: row.try_get("", "withdrawals")?,
    })
}

fn key_of(bytes: &[u8]) -> Result<Ed25519Key, DbError> {
    Ed25519Key::from_bytes(bytes).map_err(|_| broken("invalid key"))
}

fn old_key_of(row: &QueryResult) -> Result<Option<(Ed25519Key, Timestamp)>, DbError> {
    let key: Option<Vec<u8>> = row.try_get("", "old_key")?;
    let until: Option<i64> = row.try_get("", "old_key_until")?;
    let both = key.zip(until);
    both.map(|(key, until)| Ok((key_of(&key)?, Timestamp::from_micros(until)))).transpose()
}

pub(super) const fn broken(what: &'static str) -> DbError {
    DbError::Inconsistent { table: "terminal", what }
}

fn read<T: FromStr>(table: &'static str, text: &str) -> Result<T, DbError> {
    text.parse().map_err(|_| DbError::Inconsistent { table, what: "invalid name" })
}

/// A merchant's row.
pub(in crate::terminals) async fn merchant(
    tx: &Tx,
    school: SchoolId,
    code: &MerchantCode,
) -> Result<Option<merchant::Model>, DbError> {
    let found = merchant::Entity::find()
        .filter(merchant::Column::SchoolId.eq(school.number()))
        .filter(merchant::Column::Code.eq(&**code));
    Ok(found.lock_exclusive().one(tx.conn()).await?)
}

/// The names of a school's merchants with these codes: one query, none without codes.
pub async fn merchant_names(
    source: Source<'_>,
    school: SchoolId,
    codes: Vec<String>,
) -> Result<HashMap<String, String>, DbError> {
    let sql = "SELECT m.code, m.name FROM {rows} \
               JOIN merchant m ON m.school_id = r.school_id AND m.code = r.code";
    let rows = Rows::new(vec![
        ("school_id", Column::I64(vec![school.number(); codes.len()])),
        ("code", Column::Text(codes)),
    ]);
    let found = source.select_rows(sql, rows).await?;
    found.iter().map(|row| Ok((row.try_get("", "code")?, row.try_get("", "name")?))).collect()
}

/// The codes of those of the merchants that exist, which are part of their accounts' paths.
pub async fn merchant_codes(
    source: Source<'_>,
    ids: impl Iterator<Item = MerchantId>,
) -> Result<HashMap<MerchantId, MerchantCode>, DbError> {
    let ids: HashSet<_> = ids.map(MerchantId::uuid).collect();
    let sql = "SELECT m.id, m.code FROM merchant m WHERE m.id {keys1}";
    let found = source.select_keys(sql, vec![Column::Uuid(ids.into_iter().collect())]).await?;
    let code = |row: &QueryResult| {
        let id = MerchantId::from_uuid(row.try_get("", "id")?);
        Ok((id, read("merchant", &row.try_get::<String>("", "code")?)?))
    };
    found.iter().map(code).collect()
}

pub(in crate::terminals) async fn insert_merchant(
    tx: &Tx,
    new: &NewMerchant,
    now: Timestamp,
) -> Result<MerchantId, DbError> {
    let mut row = merchant::Model {
        id: MerchantId::new(now).uuid(),
        school_id: new.school.number(),
        code: new.code.to_string(),
        name: new.name.to_string(),
        created_at: now.micros(),
        mac: None,
        disabled_at: None,
    };
    row.mac = Some(MERCHANT.mac(tx, row.id, &merchant_fields(&row)));
    let id = MerchantId::from_uuid(row.id);
    merchant::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(id)
}

pub(in crate::terminals) async fn rename_merchant(
    tx: &Tx,
    id: uuid::Uuid,
    name: &str,
) -> Result<(), DbError> {
    let row = merchant::ActiveModel {
        id: Unchanged(id),
        name: Set(name.to_owned()),
        ..Default::default()
    };
    merchant::Entity::update(row).exec(tx.conn()).await?;
    Ok(())
}

/// The row of a terminal, enabled or not.
pub(in crate::terminals) async fn terminal(
    tx: &Tx,
    school: SchoolId,
    code: &TerminalCode,
) -> Result<Option<terminal::Model>, DbError> {
    let found = terminal::Entity::find()
        .filter(terminal::Column::SchoolId.eq(school.number()))
        .filter(terminal::Column::Code.eq(&**code));
    Ok(found.lock_exclusive().one(tx.conn()).await?)
}

pub(in crate::terminals) async fn insert_terminal(
    tx: &Tx,
    new: &NewTerminal,
    merchant: Option<uuid::Uuid>,
    now: Timestamp,
) -> Result<TerminalId, DbError> {
    let mut row = terminal::Model {
        id: TerminalId::new(now).uuid(),
        school_id: new.school.number(),
        code: new.code.to_string(),
        kind: new.kind.code().to_owned(),
        public_key: new.key.bytes().to_vec(),
        merchant_id: merchant,
        door_group: new.door_group.as_ref().map(ToString::to_string),
        enabled: true,
        created_at: now.micros(),
        updated_at: now.micros(),
        mac: None,
        withdrawals: 0,
        key_set_at: Some(now.micros()),
        old_key: None,
        old_key_until: None,
    };
    row.mac = Some(TERMINAL.mac(tx, row.id, &terminal_fields(&row)));
    let id = TerminalId::from_uuid(row.id);
    terminal::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(id)
}

/// Replaces what an operator sets. What it was before is withdrawn.
pub(in crate::terminals) async fn replace_terminal(
    tx: &Tx,
    row: &terminal::Model,
    new: &NewTerminal,
    merchant: Option<uuid::Uuid>,
    now: Timestamp,
) -> Result<(), DbError> {
    let id = row.id;
    let is_same_key = row.public_key == new.key.bytes();
    let key_set_at = if is_same_key { row.key_set_at } else { Some(now.micros()) };
    let set = terminal::ActiveModel {
        id: Unchanged(id),
        kind: Set(new.kind.code().to_owned()),
        public_key: Set(new.key.bytes().to_vec()),
        key_set_at: Set(key_set_at),
        old_key: Set(None),
        old_key_until: Set(None),
        withdrawals: Set(row.withdrawals + 1),
        merchant_id: Set(merchant),
        door_group: Set(new.door_group.as_ref().map(ToString::to_string)),
        updated_at: Set(now.micros()),
        ..Default::default()
    };
    terminal::Entity::update(set).exec(tx.conn()).await?;
    // Whatever the row was before: what it is now is the operator's.
    TERMINAL.sign(tx, &TERMINAL.lock(tx, &[id]).await?).await
}

/// Whether a terminal's row is authentic.
pub(in crate::terminals) fn is_authentic(tx: &Tx, row: &terminal::Model) -> bool {
    TERMINAL.check(tx.macs(), row.id, &terminal_fields(row), row.mac.as_deref()).is_ok()
}

/// Switches a terminal off or on. Off, it is withdrawn, and its old key is good no more.
pub(in crate::terminals) async fn switch_terminal(
    tx: &Tx,
    row: &terminal::Model,
    enabled: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut set = terminal::ActiveModel {
        id: Unchanged(row.id),
        enabled: Set(enabled),
        updated_at: Set(now.micros()),
        ..Default::default()
    };
    if !enabled {
        set.withdrawals = Set(row.withdrawals + 1);
        set.old_key = Set(None);
        set.old_key_until = Set(None);
    }
    let update = async { Ok(terminal::Entity::update(set).exec(tx.conn()).await?) };
    TERMINAL.changed(tx, &[row.id], update).await?;
    Ok(())
}

/// Gives a terminal another key and switches it on. The key it had is good until then, or withdrawn. Where an
/// older one is good still, that one stays and the one in between is withdrawn: it may never have been installed.
pub(in crate::terminals) async fn set_key(
    tx: &Tx,
    row: &terminal::Model,
    (key, old_until): (&Ed25519Key, Option<Timestamp>),
    now: Timestamp,
) -> Result<(), DbError> {
    let is_good = row.enabled && row.old_key_until.is_some_and(|until| until > now.micros());
    let installed = row.old_key.clone().filter(|_| is_good);
    let withdrawn = i64::from(old_until.is_none() || installed.is_some());
    let set = terminal::ActiveModel {
        id: Unchanged(row.id),
        public_key: Set(key.bytes().to_vec()),
        key_set_at: Set(Some(now.micros())),
        old_key: Set(old_until.map(|_| installed.unwrap_or_else(|| row.public_key.clone()))),
        old_key_until: Set(old_until.map(Timestamp::micros)),
        withdrawals: Set(row.withdrawals + withdrawn),
        enabled: Set(true),
        updated_at: Set(now.micros()),
        ..Default::default()
    };
    let update = async { Ok(terminal::Entity::update(set).exec(tx.conn()).await?) };
    TERMINAL.changed(tx, &[row.id], update).await?;
    Ok(())
}

/// Locks a terminal of the school.
pub(in crate::terminals) async fn lock_terminal(
    tx: &Tx,
    school: SchoolId,
    id: TerminalId,
) -> Result<Option<terminal::Model>, DbError> {
    let found = terminal::Entity::find_by_id(id.uuid())
        .filter(terminal::Column::SchoolId.eq(school.number()));
    Ok(found.lock_exclusive().one(tx.conn()).await?)
}

/// Locks a merchant of the school.
pub(in crate::terminals) async fn lock_merchant(
    tx: &Tx,
    school: SchoolId,
    id: MerchantId,
) -> Result<Option<merchant::Model>, DbError> {
    let found = merchant::Entity::find_by_id(id.uuid())
        .filter(merchant::Column::SchoolId.eq(school.number()));
    Ok(found.lock_exclusive().one(tx.conn()).await?)
}

/// Switches a merchant off or on. Off, all that its terminals would sell is withdrawn.
pub(in crate::terminals) async fn switch_merchant(
    tx: &Tx,
    id: uuid::Uuid,
    enabled: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    let set = merchant::ActiveModel {
        id: Unchanged(id),
        disabled_at: Set((!enabled).then(|| now.micros())),
        ..Default::default()
    };
    let update = async { Ok(merchant::Entity::update(set).exec(tx.conn()).await?) };
    MERCHANT.changed(tx, &[id], update).await?;
    if !enabled {
        let column = terminal::Column::Withdrawals;
        let withdrawn = terminal::Entity::update_many()
            .col_expr(column, Expr::col(column).add(1))
            .filter(terminal::Column::MerchantId.eq(id));
        withdrawn.exec(tx.conn()).await?;
    }
    Ok(())
}
