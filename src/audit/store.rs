//! The tables of the audit log.

use super::{
    acts::AuditAct,
    entry::{Entry, Stored, plain},
    reading::{AuditFilter, AuditHead, AuditLine},
};
use crate::base::{
    clock::Timestamp,
    db::{Column, Db, DbError, Keyset, Rows, Source, Tx},
    ids::SchoolId,
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use std::{slice, time::Duration};

/// How many entries are read at a time.
pub(super) const AT_ONCE: usize = 500;
/// The table, as the MACs name it.
pub(super) const TABLE: &str = "audit_entry";
/// The school of an entry that concerns all.
const ALL_SCHOOLS: i64 = 0;
/// Later entries have later times, but for clocks of servers that differ: never by this much.
const CLOCKS_DIFFER: Duration = Duration::from_hours(24);

const HEAD: &str = "SELECT position, hash FROM audit_head WHERE id = 1";
const MOVE_HEAD: &str = "UPDATE audit_head SET position = $1, hash = $2 WHERE id = 1 \
    AND position = $3";

/// Appends an entry; see [`record_all`].
pub async fn record(tx: &Tx, entry: &Entry, now: Timestamp) -> Result<(), DbError> {
    record_all(tx, slice::from_ref(entry), now).await
}

/// Appends entries in this order. Of several transactions one appends at a time, until it commits.
pub async fn record_all(tx: &Tx, entries: &[Entry], now: Timestamp) -> Result<(), DbError> {
    if entries.is_empty() {
        return Ok(());
    }
    let lock = if tx.has_row_locks() { " FOR UPDATE" } else { "" };
    let head = head(Source::Tx(tx), lock).await?;
    let (mut position, mut before) = head.clone();
    let mut appended = Vec::with_capacity(entries.len());
    for entry in entries {
        let stored = following(tx, position, &before, entry, now);
        (position, before) = (stored.position, stored.hash.clone());
        appended.push(stored);
    }
    append(tx, appended).await?;
    move_head(tx, head.0, position, before).await
}

/// The entry as it is stored after the one at `position` with the hash `before`.
fn following(tx: &Tx, position: i64, before: &[u8], entry: &Entry, now: Timestamp) -> Stored {
    let mut stored = Stored {
        position: position + 1,
        at: now,
        who: plain(&tx.actor().who),
        act: entry.act.code().to_owned(),
        school: entry.school.map_or(ALL_SCHOOLS, SchoolId::number),
        subject: plain(&entry.subject),
        detail: plain(&entry.detail),
        why: plain(&tx.actor().why),
        hash: Vec::new(),
        mac: None,
    };
    stored.hash = stored.hash_after(before).to_vec();
    stored.mac = Some(tx.macs().sign(TABLE, stored.mac_row(), &stored.mac_fields()));
    stored
}

async fn append(tx: &Tx, entries: Vec<Stored>) -> Result<(), DbError> {
    let number = |of: fn(&Stored) -> i64| Column::I64(entries.iter().map(of).collect());
    let text = |of: fn(&Stored) -> &String| {
        Column::Text(entries.iter().map(|entry| of(entry).clone()).collect())
    };
    let mac = |entry: &Stored| entry.mac.clone().unwrap_or_default();
    let rows = Rows::new(vec![
        ("position", number(|entry| entry.position)),
        ("at", number(|entry| entry.at.micros())),
        ("who", text(|entry| &entry.who)),
        ("act", text(|entry| &entry.act)),
        ("school_id", number(|entry| entry.school)),
        ("subject", text(|entry| &entry.subject)),
        ("detail", text(|entry| &entry.detail)),
        ("why", text(|entry| &entry.why)),
        ("hash", Column::Bytes(entries.iter().map(|entry| entry.hash.clone()).collect())),
        ("mac", Column::Bytes(entries.iter().map(mac).collect())),
    ]);
    tx.insert_rows(TABLE, rows, "").await
}

async fn move_head(tx: &Tx, from: i64, to: i64, hash: Vec<u8>) -> Result<(), DbError> {
    let values = [to.into(), hash.into(), from.into()];
    let moved = Statement::from_sql_and_values(tx.backend(), MOVE_HEAD, values);
    if tx.conn().execute_raw(moved).await?.rows_affected() == 1 {
        Ok(())
    } else {
        Err(DbError::Raced { table: "audit_head" })
    }
}

/// The last entry's position and hash.
pub(super) async fn head(source: Source<'_>, lock: &str) -> Result<(i64, Vec<u8>), DbError> {
    let found = source.select(&format!("{HEAD}{lock}"), vec![]).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table: "audit_head", what: "gone" })?;
    Ok((row.try_get("", "position")?, row.try_get("", "hash")?))
}

/// Entries after this position, in order.
pub(super) async fn page(source: Source<'_>, after: i64) -> Result<Vec<Stored>, DbError> {
    let sql = format!(
        "SELECT position, at, who, act, school_id, subject, detail, why, hash, mac \
         FROM audit_entry WHERE position > $1 ORDER BY position LIMIT {AT_ONCE}"
    );
    source.select(&sql, vec![after.into()]).await?.iter().map(stored).collect()
}

/// The conditions of a filter, with their values.
fn conditions(filter: &AuditFilter) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![filter.school.number().into()];
    let mut place = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    // Names of the program's own: as text, so that an index of one act is found.
    let among = |acts: &[&'static str]| {
        let named: Vec<String> = acts.iter().map(|act| format!("'{act}'")).collect();
        format!("act IN ({})", named.join(", "))
    };
    let mut conditions = vec!["school_id = $1".to_owned()];
    conditions.extend(filter.acts.as_deref().map(among));
    if let Some(since) = filter.since {
        let [since, near] = [since, since.minus(CLOCKS_DIFFER)].map(|at| place(at.micros().into()));
        // Pages go by position: from near that time on, which is one look into an index.
        conditions.push(format!(
            "at >= {since} AND position >= (SELECT position FROM audit_entry \
             WHERE school_id = $1 AND at >= {near} ORDER BY at, position LIMIT 1)"
        ));
    }
    let others = filter.only.as_ref().filter(|(acts, _)| !acts.is_empty());
    let others = others.map(|(acts, _)| format!("{} OR ", among(acts))).unwrap_or_default();
    if let Some((_, own)) = &filter.only {
        conditions.push(format!("({others}who = {})", place(own.as_str().into())));
    }
    if let Some(who) = &filter.who {
        // Exactly one login, whatever its staff number is.
        let places = [place(format!("staff {who}, ").into()), place(who.as_str().into())];
        let [login, all] = places;
        conditions.push(format!("(substr(who, 1, length({login})) = {login} OR who = {all})"));
    }
    if let Some(object) = &filter.object {
        let object = place(object.as_str().into());
        // Not LIKE: what is typed holds no wildcards, and both databases tell cases apart.
        let ends_so =
            format!("substr(subject, length(subject) - length({object})) = ' ' || {object}");
        conditions.push(format!("(subject = {object} OR {ends_so})"));
    }
    (conditions.join(" AND "), values)
}

/// Entries of a filter.
pub(super) async fn lines(
    db: &Db,
    filter: &AuditFilter,
    page: Keyset<i64>,
) -> Result<Vec<AuditLine>, DbError> {
    let (conditions, mut values) = conditions(filter);
    let page = page.sql("position", &mut values);
    let sql = format!(
        "SELECT position, at, who, act, subject, detail, why FROM audit_entry \
         WHERE {conditions}{page}"
    );
    Source::Db(db).select(&sql, values).await?.iter().map(line).collect()
}

/// Entries with this subject, newest first: of these acts, or of all where none is named.
pub(super) async fn lines_about(
    db: &Db,
    school: SchoolId,
    subject: &str,
    (acts, most): (&[AuditAct], u16),
) -> Result<Vec<AuditLine>, DbError> {
    let mut values: Vec<Value> = vec![school.number().into(), subject.into()];
    let place = |act: &AuditAct| {
        values.push(act.code().into());
        format!("${}", values.len())
    };
    let places: Vec<String> = acts.iter().map(place).collect();
    let among = if places.is_empty() {
        String::new()
    } else {
        format!(" AND act IN ({})", places.join(", "))
    };
    let sql = format!(
        "SELECT position, at, who, act, subject, detail, why FROM audit_entry \
         WHERE school_id = $1 AND subject = $2{among} ORDER BY position DESC LIMIT {most}"
    );
    Source::Db(db).select(&sql, values).await?.iter().map(line).collect()
}

/// The last entry of all.
pub(super) async fn last_entry(db: &Db) -> Result<Option<AuditHead>, DbError> {
    let sql = "SELECT position, at, hash FROM audit_entry ORDER BY position DESC LIMIT 1";
    let head = |row: &QueryResult| {
        Ok(AuditHead {
            position: row.try_get("", "position")?,
            at: Timestamp::from_micros(row.try_get("", "at")?),
            hash: hex::encode(row.try_get::<Vec<u8>>("", "hash")?),
        })
    };
    Source::Db(db).select(sql, vec![]).await?.first().map(head).transpose()
}

/// The last entry of a check of the whole ledger. Its index has these entries alone.
pub(super) async fn last_check(db: &Db) -> Result<Option<AuditLine>, DbError> {
    let sql = "SELECT position, at, who, act, subject, detail, why FROM audit_entry \
               WHERE act IN ('ledger.proven', 'ledger.broken') ORDER BY position DESC LIMIT 1";
    Source::Db(db).select(sql, vec![]).await?.first().map(line).transpose()
}

/// How many entries there are, among the first `most`.
pub(super) async fn count_lines(db: &Db, filter: &AuditFilter, most: u32) -> Result<u64, DbError> {
    let (conditions, values) = conditions(filter);
    let sql = format!(
        "SELECT COUNT(*) AS entries FROM \
         (SELECT 1 AS one FROM audit_entry WHERE {conditions} LIMIT {most}) AS t"
    );
    counted(&Source::Db(db).select(&sql, values).await?)
}

/// How many of the newest `most` entries of somebody's act are no older than `since`.
pub(super) async fn count_since(
    tx: &Tx,
    (who, act): (&str, &str),
    since: Timestamp,
    most: u32,
) -> Result<u64, DbError> {
    let sql = format!(
        "SELECT COUNT(*) AS entries FROM (SELECT at FROM audit_entry WHERE who = $1 AND act = $2 \
         ORDER BY position DESC LIMIT {most}) AS t WHERE at >= $3"
    );
    let values = vec![who.into(), act.into(), since.micros().into()];
    counted(&Source::Tx(tx).select(&sql, values).await?)
}

/// How many entries of somebody's act on this subject have this detail.
pub(super) async fn count_of(
    tx: &Tx,
    (who, act): (&str, &str),
    (subject, detail): (&str, &str),
) -> Result<u64, DbError> {
    let sql = "SELECT COUNT(*) AS entries FROM audit_entry \
               WHERE subject = $1 AND who = $2 AND act = $3 AND detail = $4";
    let values = [subject, who, act, detail].map(Into::into);
    counted(&Source::Tx(tx).select(sql, values.to_vec()).await?)
}

fn counted(found: &[QueryResult]) -> Result<u64, DbError> {
    let row = found.first().ok_or(DbError::Inconsistent { table: TABLE, what: "no count" })?;
    Ok(u64::try_from(row.try_get::<i64>("", "entries")?).unwrap_or(0))
}

fn line(row: &QueryResult) -> Result<AuditLine, DbError> {
    Ok(AuditLine {
        position: row.try_get("", "position")?,
        at: Timestamp::from_micros(row.try_get("", "at")?),
        who: row.try_get("", "who")?,
        act: row.try_get("", "act")?,
        subject: row.try_get("", "subject")?,
        detail: row.try_get("", "detail")?,
        why: row.try_get("", "why")?,
    })
}

fn stored(row: &QueryResult) -> Result<Stored, DbError> {
    let AuditLine { position, at, who, act, subject, detail, why } = line(row)?;
    Ok(Stored {
        position,
        at,
        who,
        act,
        school: row.try_get("", "school_id")?,
        subject,
        detail,
        why,
        hash: row.try_get("", "hash")?,
        mac: row.try_get("", "mac")?,
    })
}

/// Gives entries MACs under the current key.
pub(super) async fn set_macs(tx: &Tx, entries: &[Stored]) -> Result<(), DbError> {
    let mac = |entry: &Stored| tx.macs().sign(TABLE, entry.mac_row(), &entry.mac_fields());
    let rows = Rows::new(vec![
        ("position", Column::I64(entries.iter().map(|entry| entry.position).collect())),
        ("mac", Column::Bytes(entries.iter().map(mac).collect())),
    ]);
    tx.update_rows(TABLE, rows, "mac = r.mac").await?;
    Ok(())
}
