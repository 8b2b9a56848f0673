//! Rows of challenges.

use super::{
    challenge::{Challenge, ChallengeId, CodeMark},
    rules::TillPassword,
};
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, DbError, Rows, Source, Tx, Write},
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    terminals::{TerminalId, seq::Seq},
};
use sea_orm::QueryResult;
use uuid::Uuid;

/// The existing challenges with these ids: one query, or none if `ids` is empty.
pub(super) async fn challenges(
    source: Source<'_>,
    ids: Vec<ChallengeId>,
) -> Result<Vec<Challenge>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = Column::Uuid(ids.into_iter().map(ChallengeId::uuid).collect());
    let sql = "SELECT c.* FROM charge_challenge c WHERE c.id {keys1}";
    source.select_keys(sql, vec![ids]).await?.iter().map(challenge_of).collect()
}

/// Inserts new challenges, together with other writes.
pub(super) fn write_of(new: &[Challenge]) -> Write {
    let uuids = |f: fn(&Challenge) -> Uuid| Column::Uuid(new.iter().map(f).collect());
    let i64s = |f: fn(&Challenge) -> i64| Column::I64(new.iter().map(f).collect());
    let i32s = |f: &dyn Fn(&Challenge) -> i32| Column::I32(new.iter().map(f).collect());
    let rows = Rows::new(vec![
        ("id", uuids(|c| c.id.uuid())),
        ("school_id", i64s(|c| c.school.number())),
        ("day", i32s(&|c| c.expires_at.day().number())),
        ("terminal_id", uuids(|c| c.terminal.uuid())),
        ("seq", i64s(|c| c.seq.number())),
        ("person_id", uuids(|c| c.person.uuid())),
        ("amount_fen", i64s(|c| c.amount.get())),
        ("which", Column::Text(new.iter().map(|c| c.which.code().to_owned()).collect())),
        ("generation", i32s(&|c| i32::try_from(c.code.generation).unwrap_or(i32::MAX))),
        ("tick", i64s(|c| i64::try_from(c.code.tick).unwrap_or(i64::MAX))),
        ("sub", i32s(&|c| c.code.sub.into())),
        ("expires_at", i64s(|c| c.expires_at.micros())),
    ]);
    Write::Insert { table: "charge_challenge", rows, suffix: "" }
}

/// Claims a challenge for the password under `seq`, unless another number has claimed it. Returns
/// whether this number holds the claim.
pub(super) async fn claim(tx: &Tx, id: ChallengeId, seq: Seq) -> Result<bool, DbError> {
    let rows = Rows::new(vec![
        ("id", Column::Uuid(vec![id.uuid()])),
        ("claimed_seq", Column::I64(vec![seq.number()])),
    ]);
    let claiming = Write::Update {
        table: "charge_challenge",
        rows,
        set: "claimed_seq = r.claimed_seq",
        guard: "(charge_challenge.claimed_seq IS NULL \
                OR charge_challenge.claimed_seq = r.claimed_seq)",
    };
    Ok(tx.write_some(claiming).await? == 1)
}

/// Marks challenges as answered. They are read under their persons' locks, so no concurrent request
/// can answer one.
pub(super) fn write_of_use(used: &[ChallengeId], at: Timestamp) -> Write {
    let rows = Rows::new(vec![
        ("id", Column::Uuid(used.iter().map(|id| id.uuid()).collect())),
        ("used_at", Column::I64(vec![at.micros(); used.len()])),
    ]);
    Write::Update {
        table: "charge_challenge",
        rows,
        set: "used_at = r.used_at",
        guard: "charge_challenge.used_at IS NULL",
    }
}

fn challenge_of(row: &QueryResult) -> Result<Challenge, DbError> {
    let broken = |what| DbError::Inconsistent { table: "charge_challenge", what };
    let which: String = row.try_get("", "which")?;
    let (generation, sub): (i32, i32) = (row.try_get("", "generation")?, row.try_get("", "sub")?);
    let tick: i64 = row.try_get("", "tick")?;
    Ok(Challenge {
        id: ChallengeId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        terminal: TerminalId::from_uuid(row.try_get("", "terminal_id")?),
        seq: Seq::stored(row.try_get("", "seq")?).ok_or(broken("no number"))?,
        person: PersonId::from_uuid(row.try_get("", "person_id")?),
        amount: Fen::new(row.try_get("", "amount_fen")?).map_err(|_| broken("no amount"))?,
        which: TillPassword::from_code(&which).ok_or(broken("unknown password"))?,
        code: CodeMark {
            generation: u32::try_from(generation).map_err(|_| broken("no generation"))?,
            tick: u64::try_from(tick).map_err(|_| broken("no step"))?,
            sub: u8::try_from(sub).map_err(|_| broken("no sub-counter"))?,
        },
        expires_at: Timestamp::from_micros(row.try_get("", "expires_at")?),
        claimed_by: row.try_get::<Option<i64>>("", "claimed_seq")?.and_then(Seq::stored),
        used: row.try_get::<Option<i64>>("", "used_at")?.is_some(),
    })
}
