//! Terminals and merchants, as staff list them.

use super::registry::broken;
use crate::{
    base::{
        clock::{Day, Timestamp},
        crypto::ed25519::Ed25519Key,
        db::{Column, Db, DbError, Keyset, Source},
        ids::SchoolId,
    },
    terminals::{
        MerchantId, TerminalId, TerminalKind,
        listing::{
            ListedMerchant, ListedTerminal, MerchantFilter, NamedMerchant, OwnedTerminal,
            SILENT_AFTER, Silence, TerminalFilter, TerminalState,
        },
    },
};
use sea_orm::{QueryResult, Value};

const TERMINALS: &str = "terminal t LEFT JOIN merchant m ON m.id = t.merchant_id \
    LEFT JOIN terminal_contact c ON c.terminal_id = t.id";

/// The conditions of a filter, with their values.
fn conditions(filter: &TerminalFilter) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![filter.school.number().into()];
    let mut conditions = vec!["t.school_id = $1".to_owned()];
    let mut and = |condition: &str, value: Value| {
        values.push(value);
        conditions.push(condition.replace('?', &format!("${}", values.len())));
    };
    if let Some(only) = filter.only {
        and("t.id = ?", only.uuid().into());
    }
    if let Some(code) = &filter.code {
        let beginning = format!("{}%", plain(&code.to_lowercase()));
        and("LOWER(t.code) LIKE ? ESCAPE '!'", beginning.into());
    }
    if let Some(kind) = filter.kind {
        and("t.kind = ?", kind.code().into());
    }
    if let Some(merchant) = &filter.merchant {
        and("m.code = ?", merchant.to_string().into());
    }
    let since = filter.now.minus(SILENT_AFTER).micros();
    if let Some(state) = filter.state {
        and("t.enabled = ?", (state != TerminalState::Off).into());
        match state {
            TerminalState::On => and("c.seen_at >= ?", since.into()),
            TerminalState::Silent => and("COALESCE(c.seen_at, 0) < ?", since.into()),
            TerminalState::Off => {}
        }
    }
    (conditions.join(" AND "), values)
}

/// See [`TerminalFilter::page`].
pub(in crate::terminals) async fn terminals(
    db: &Db,
    filter: &TerminalFilter,
    page: Keyset<Silence>,
) -> Result<Vec<ListedTerminal>, DbError> {
    let (conditions, mut values) = conditions(filter);
    let (sign, order) = if page.descending { (">", "ASC") } else { ("<", "DESC") };
    let place = page.beyond.map_or_else(String::new, |Silence { seen_at, terminal }| {
        values.extend([Value::from(seen_at), terminal.uuid().into()]);
        let last = values.len();
        format!(" AND (COALESCE(c.seen_at, 0), t.id) {sign} (${}, ${last})", last - 1)
    });
    let sql = format!(
        "SELECT t.id, t.code, t.kind, t.door_group, t.enabled, t.public_key, \
         COALESCE(t.key_set_at, t.created_at) AS key_set_at, t.old_key_until, c.seen_at, \
         t.merchant_id, m.code AS merchant_code, m.name AS merchant_name, \
         m.disabled_at AS merchant_disabled_at FROM {TERMINALS} WHERE {conditions}{place} \
         ORDER BY COALESCE(c.seen_at, 0) {order}, t.id {order} LIMIT {}",
        page.most
    );
    Source::Db(db).select(&sql, values).await?.iter().map(listed).collect()
}

fn listed(row: &QueryResult) -> Result<ListedTerminal, DbError> {
    let (kind, key): (String, Vec<u8>) = (row.try_get("", "kind")?, row.try_get("", "public_key")?);
    let id: Option<uuid::Uuid> = row.try_get("", "merchant_id")?;
    let merchant = id.map(|id| named(row, id, ["merchant_code", "merchant_name"]));
    let instant = |name| -> Result<Option<Timestamp>, DbError> {
        Ok(row.try_get::<Option<i64>>("", name)?.map(Timestamp::from_micros))
    };
    Ok(ListedTerminal {
        id: TerminalId::from_uuid(row.try_get("", "id")?),
        code: row.try_get("", "code")?,
        kind: TerminalKind::from_code(&kind).ok_or(broken("unknown kind"))?,
        merchant: merchant.transpose()?,
        door_group: row.try_get("", "door_group")?,
        enabled: row.try_get("", "enabled")?,
        key: Ed25519Key::from_bytes(&key).map_err(|_| broken("invalid key"))?,
        key_set_at: Timestamp::from_micros(row.try_get("", "key_set_at")?),
        old_key_until: instant("old_key_until")?,
        seen_at: instant("seen_at")?,
    })
}

fn named(
    row: &QueryResult,
    id: uuid::Uuid,
    [code, name]: [&str; 2],
) -> Result<NamedMerchant, DbError> {
    let disabled_at: Option<i64> = row.try_get("", "merchant_disabled_at")?;
    Ok(NamedMerchant {
        id: MerchantId::from_uuid(id),
        code: row.try_get("", code)?,
        name: row.try_get("", name)?,
        enabled: disabled_at.is_none(),
    })
}

/// See [`TerminalFilter::count`].
pub(in crate::terminals) async fn count_terminals(
    db: &Db,
    filter: &TerminalFilter,
    most: u32,
) -> Result<u64, DbError> {
    let (conditions, values) = conditions(filter);
    let sql = format!(
        "SELECT COUNT(*) AS listed FROM \
         (SELECT 1 AS one FROM {TERMINALS} WHERE {conditions} LIMIT {most}) AS t"
    );
    let found = Source::Db(db).select(&sql, values).await?;
    found.first().map_or(Ok(0), counted)
}

fn counted(row: &QueryResult) -> Result<u64, DbError> {
    Ok(u64::try_from(row.try_get::<i64>("", "listed")?).unwrap_or(0))
}

/// A text as a part of a pattern, in which it stands for itself.
fn plain(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// See [`MerchantFilter::page`].
pub(in crate::terminals) async fn merchants(
    db: &Db,
    filter: &MerchantFilter,
    page: Keyset,
) -> Result<Vec<ListedMerchant>, DbError> {
    let mut values: Vec<Value> = vec![filter.school.number().into()];
    let mut conditions = "m.school_id = $1".to_owned();
    if let Some(only) = filter.only {
        values.push(only.uuid().into());
        conditions.push_str(" AND m.id = $2");
    }
    conditions.push_str(match filter.enabled {
        Some(true) => " AND m.disabled_at IS NULL",
        Some(false) => " AND m.disabled_at IS NOT NULL",
        None => "",
    });
    if let Some(text) = &filter.text {
        values.push(format!("%{}%", plain(&text.to_lowercase())).into());
        let like = |column: &str| format!("LOWER({column}) LIKE ${} ESCAPE '!'", values.len());
        let either = format!(" AND ({} OR {})", like("m.code"), like("m.name"));
        conditions.push_str(&either);
    }
    let listed = format!(
        "(SELECT COUNT(*) FROM (SELECT 1 AS one FROM merchant m WHERE {conditions} LIMIT {}) AS t)",
        ListedMerchant::COUNTED
    );
    let place = page.sql("m.id", &mut values);
    let sql = format!(
        "SELECT m.id, m.code, m.name, m.disabled_at AS merchant_disabled_at, m.created_at, \
         {listed} AS listed FROM merchant m WHERE {conditions}{place}"
    );
    let found = Source::Db(db).select(&sql, values).await?;
    let merchant = |row: &QueryResult| {
        Ok(ListedMerchant {
            merchant: named(row, row.try_get("", "id")?, ["code", "name"])?,
            created_at: Timestamp::from_micros(row.try_get("", "created_at")?),
            listed: counted(row)?,
        })
    };
    found.iter().map(merchant).collect()
}

/// See [`MerchantFilter::terminals`].
pub(in crate::terminals) async fn terminals_of(
    db: &Db,
    school: SchoolId,
    (merchants, day): (&[MerchantId], Day),
) -> Result<Vec<OwnedTerminal>, DbError> {
    let sql = format!(
        "SELECT t.id, t.merchant_id FROM terminal t WHERE t.school_id = {} \
         AND (t.updated_at >= {} OR t.merchant_id {{keys1}})",
        school.number(),
        day.start().micros()
    );
    let ids = Column::Uuid(merchants.iter().map(|id| id.uuid()).collect());
    let owned = |row: &QueryResult| {
        let merchant: Option<uuid::Uuid> = row.try_get("", "merchant_id")?;
        let merchant = merchant.map(MerchantId::from_uuid);
        Ok(OwnedTerminal { terminal: row.try_get("", "id")?, merchant })
    };
    Source::Db(db).select_keys(&sql, vec![ids]).await?.iter().map(owned).collect()
}
