//! Rows of charges, written and summed up in bulk because charges are decided in batches.

use super::{
    Drawn, Spent,
    charges::{Act, Charge, ChargeId, Taken},
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Column, DbError, Found, Question, Rows, Source, Write},
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    schools::policy::Meal,
};
use sea_orm::QueryResult;
use std::collections::HashMap;
use uuid::Uuid;

/// A question for the amount that each person spent on a day, without reversed charges.
pub fn spent_question(persons: &[PersonId], day: Day) -> Question {
    let persons = Column::Uuid(persons.iter().map(|person| person.uuid()).collect());
    Question {
        columns: &[
            ("c.person_id", "uuid"),
            ("c.meal", "integer"),
            ("CAST(SUM(c.amount_fen) AS bigint)", "bigint"),
        ],
        from: "charge c WHERE c.person_id {keys1} AND c.day {keys2} AND c.reversed_at IS NULL \
               GROUP BY c.person_id, c.meal",
        keys: vec![persons, Column::I32(vec![day.number()])],
    }
}

/// Parses the answer to [`spent_question`]; persons who spent nothing are absent.
pub fn spent(answer: &[Found]) -> Result<HashMap<PersonId, Spent>, DbError> {
    let mut spent: HashMap<PersonId, Spent> = HashMap::new();
    for found in answer {
        let person = PersonId::from_uuid(found.get(0)?);
        let meal = Meal::from_number(found.get(1)?);
        spent.entry(person).or_default().add(meal, fen(found.get(2)?)?);
    }
    Ok(spent)
}

/// Finds the charge of a till transaction.
pub async fn find(source: impl Into<Source<'_>>, act: Act) -> Result<Option<Charge>, DbError> {
    let sql = "SELECT * FROM charge WHERE terminal_id = $1 AND seq = $2";
    let found = source.into().select(sql, vec![act.0.into(), act.1.into()]).await?;
    found.first().map(charge_of).transpose()
}

/// The existing charges of these till transactions.
pub async fn find_all(source: Source<'_>, acts: Vec<Act>) -> Result<Vec<Charge>, DbError> {
    let (terminals, seqs) = acts.into_iter().unzip();
    let rows =
        Rows::new(vec![("terminal_id", Column::Uuid(terminals)), ("seq", Column::I64(seqs))]);
    let sql = "SELECT c.* FROM {rows} \
               JOIN charge c ON c.terminal_id = r.terminal_id AND c.seq = r.seq";
    source.select_rows(sql, rows).await?.iter().map(charge_of).collect()
}

/// At most four thousand charges after this one, by terminal and number. For audits.
pub async fn page_after(source: Source<'_>, after: Option<Act>) -> Result<Vec<Charge>, DbError> {
    let after = after.unwrap_or((Uuid::nil(), 0));
    let sql = "SELECT * FROM charge WHERE (terminal_id, seq) > ($1, $2) \
               ORDER BY terminal_id, seq LIMIT 4000";
    let found = source.select(sql, vec![after.0.into(), after.1.into()]).await?;
    found.iter().map(charge_of).collect()
}

/// Counts the charges of each school, and those of them that were reversed. For audits.
pub async fn count_by_school(source: Source<'_>) -> Result<Vec<(SchoolId, [u64; 2])>, DbError> {
    let sql = "SELECT school_id, COUNT(*) AS charges, COUNT(reversed_at) AS reversed \
               FROM charge GROUP BY school_id";
    let found = source.select(sql, Vec::new()).await?;
    let count = |row: &QueryResult, column| -> Result<u64, DbError> {
        Ok(u64::try_from(row.try_get::<i64>("", column)?).unwrap_or(0))
    };
    let counts = |row: &QueryResult| {
        let school = SchoolId::from_number(row.try_get("", "school_id")?);
        Ok((school, [count(row, "charges")?, count(row, "reversed")?]))
    };
    found.iter().map(counts).collect()
}

/// Inserts new charges, together with other writes. A unique violation means that a till
/// transaction was decided concurrently; the batch must be decided again.
pub fn write_of(charges: &[Charge]) -> Write {
    let uuids = |f: fn(&Charge) -> Uuid| Column::Uuid(charges.iter().map(f).collect());
    let i64s = |f: fn(&Charge) -> i64| Column::I64(charges.iter().map(f).collect());
    let i32s = |f: fn(&Charge) -> i32| Column::I32(charges.iter().map(f).collect());
    let rows = Rows::new(vec![
        ("terminal_id", uuids(|c| c.act.0)),
        ("seq", i64s(|c| c.act.1)),
        ("id", uuids(|c| c.id.uuid())),
        ("school_id", i64s(|c| c.school.number())),
        ("day", i32s(|c| c.at.day().number())),
        ("person_id", uuids(|c| c.person.uuid())),
        ("merchant_id", uuids(|c| c.merchant)),
        ("meal", i32s(|c| c.meal.number())),
        ("amount_fen", i64s(|c| c.drawn.amount.get())),
        ("from_e_account_fen", i64s(|c| c.drawn.from_e_account.get())),
        ("at", i64s(|c| c.at.micros())),
    ]);
    Write::Insert { table: "charge", rows, suffix: "" }
}

/// Marks a charge as reversed; a lost race if it was reversed before.
pub fn write_of_reversal(act: Act, at: Timestamp) -> Write {
    let rows = Rows::new(vec![
        ("seq", Column::I64(vec![act.1])),
        ("terminal_id", Column::Uuid(vec![act.0])),
        ("at", Column::I64(vec![at.micros()])),
    ]);
    Write::Update {
        table: "charge",
        rows,
        set: "reversed_at = r.at",
        guard: "charge.terminal_id = r.terminal_id AND charge.reversed_at IS NULL",
    }
}

/// What these terminals took on a day, in one query; terminals that took nothing are absent.
pub async fn taken(
    source: Source<'_>,
    terminals: Vec<Uuid>,
    day: Day,
) -> Result<Vec<Taken>, DbError> {
    if terminals.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT c.terminal_id, c.merchant_id, COUNT(*) AS charges, \
               CAST(SUM(c.amount_fen) AS bigint) AS amount_fen FROM charge c \
               WHERE c.terminal_id {keys1} AND c.day {keys2} AND c.reversed_at IS NULL \
               GROUP BY c.terminal_id, c.merchant_id";
    let keys = vec![Column::Uuid(terminals), Column::I32(vec![day.number()])];
    let taken = |row: &QueryResult| {
        Ok(Taken {
            terminal: row.try_get("", "terminal_id")?,
            merchant: row.try_get("", "merchant_id")?,
            charges: u64::try_from(row.try_get::<i64>("", "charges")?).unwrap_or(0),
            amount: fen(row.try_get("", "amount_fen")?)?,
        })
    };
    source.select_keys(sql, keys).await?.iter().map(taken).collect()
}

/// The charges of a terminal with its highest numbers, highest first.
pub async fn latest_at(
    source: Source<'_>,
    terminal: Uuid,
    most: u16,
) -> Result<Vec<Charge>, DbError> {
    let sql = format!("SELECT * FROM charge WHERE terminal_id = $1 ORDER BY seq DESC LIMIT {most}");
    source.select(&sql, vec![terminal.into()]).await?.iter().map(charge_of).collect()
}

fn charge_of(row: &QueryResult) -> Result<Charge, DbError> {
    Ok(Charge {
        id: ChargeId::from_uuid(row.try_get("", "id")?),
        act: (row.try_get("", "terminal_id")?, row.try_get("", "seq")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        person: PersonId::from_uuid(row.try_get("", "person_id")?),
        merchant: row.try_get("", "merchant_id")?,
        meal: Meal::from_number(row.try_get("", "meal")?),
        drawn: Drawn {
            amount: fen(row.try_get("", "amount_fen")?)?,
            from_e_account: fen(row.try_get("", "from_e_account_fen")?)?,
        },
        at: Timestamp::from_micros(row.try_get("", "at")?),
        reversed_at: row.try_get::<Option<i64>>("", "reversed_at")?.map(Timestamp::from_micros),
    })
}

fn fen(amount: i64) -> Result<Fen, DbError> {
    Fen::new(amount).map_err(|_| DbError::Inconsistent { table: "charge", what: "negative amount" })
}
