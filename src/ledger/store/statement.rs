//! Queries of the statement of a person's spendable accounts.

use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{DbError, Source},
        money::{Balance, Fen},
    },
    ledger::{
        statement::{DaySum, Line, Sort, Span},
        transfer::TransferId,
    },
};
use sea_orm::{QueryResult, Value};

/// The change of the total by a transfer, summed over its legs between a spendable and another
/// account; 1 is [`crate::ledger::account::Class::Spendable`].
const NET: &str =
    "CAST(SUM(CASE WHEN ta.class = 1 THEN l.amount_fen ELSE -l.amount_fen END) AS BIGINT)";
/// The counterparty's path.
const OTHER: &str = "MIN(CASE WHEN ta.class = 1 THEN fa.path ELSE ta.path END)";
const FROM: &str = "FROM transfer t JOIN leg l ON l.transfer_id = t.id \
     JOIN account fa ON fa.id = l.from_account JOIN account ta ON ta.id = l.to_account \
     WHERE t.person_id = $1 AND t.school_id = $2 AND t.id >= $3 AND t.id < $4 \
     AND (fa.class = 1) <> (ta.class = 1)";
/// The day in Asia/Shanghai of a time in microseconds since 1970 UTC, like [`Timestamp::day`].
const DAY: &str = "CAST((e.at + 28800000000) / 86400000000 AS INTEGER)";

fn values(span: &Span) -> Vec<Value> {
    vec![
        span.person.uuid().into(),
        span.school.number().into(),
        span.from.into(),
        span.until.into(),
    ]
}

pub(in crate::ledger) async fn lines(
    source: Source<'_>,
    span: Span,
    sorts: Option<&[Sort]>,
    limit: u64,
) -> Result<Vec<Line>, DbError> {
    let wanted = sorts.map(wanted).unwrap_or_default();
    // In the order of the index by person, so that a page reads only its own rows.
    let sql = format!(
        "SELECT t.id, t.at, t.reference, {NET} AS net_fen, {OTHER} AS other {FROM} \
         GROUP BY t.id, t.at, t.reference HAVING {NET} <> 0{wanted} ORDER BY t.id DESC LIMIT $5"
    );
    let mut values = values(&span);
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    source.select(&sql, values).await?.iter().map(line).collect()
}

fn wanted(sorts: &[Sort]) -> String {
    format!(" AND ({})", any_of(sorts, NET, OTHER))
}

/// The condition for these sorts. Patterns are constants of the program, never user input.
fn any_of(sorts: &[Sort], net: &str, other: &str) -> String {
    let one = |sort: &Sort| {
        let sign = if sort.incoming { ">" } else { "<" };
        format!("({net} {sign} 0 AND {other} LIKE '{}')", sort.other)
    };
    sorts.iter().map(one).collect::<Vec<_>>().join(" OR ")
}

fn line(row: &QueryResult) -> Result<Line, DbError> {
    Ok(Line {
        id: TransferId::from_uuid(row.try_get("", "id")?),
        at: Timestamp::from_micros(row.try_get("", "at")?),
        reference: row.try_get("", "reference")?,
        amount: Balance::new(row.try_get("", "net_fen")?),
        other: row.try_get("", "other")?,
    })
}

pub(in crate::ledger) async fn days(
    source: Source<'_>,
    span: Span,
    apart: &[Sort],
) -> Result<Vec<DaySum>, DbError> {
    let apart = any_of(apart, "n.net_fen", "n.other");
    let sum = |case: &str| format!("CAST(SUM(CASE WHEN {case} ELSE 0 END) AS BIGINT)");
    let came = sum("NOT e.apart AND e.net_fen > 0 THEN e.net_fen");
    let went = sum("NOT e.apart AND e.net_fen < 0 THEN -e.net_fen");
    let apart_fen = sum("e.apart THEN e.net_fen");
    let sql = format!(
        "SELECT {DAY} AS day, {came} AS came_fen, {went} AS went_fen, {apart_fen} AS apart_fen \
         FROM (SELECT n.at, n.net_fen, ({apart}) AS apart FROM \
         (SELECT t.at, {NET} AS net_fen, {OTHER} AS other {FROM} GROUP BY t.id, t.at) n) e \
         WHERE e.net_fen <> 0 GROUP BY 1 ORDER BY 1"
    );
    source.select(&sql, values(&span)).await?.iter().map(day_sum).collect()
}

fn day_sum(row: &QueryResult) -> Result<DaySum, DbError> {
    let fen = |column| {
        Fen::new(row.try_get("", column)?)
            .map_err(|_| DbError::Inconsistent { table: "leg", what: "negative sum" })
    };
    let day = Day::from_number(row.try_get("", "day")?);
    let apart = Balance::new(row.try_get("", "apart_fen")?);
    Ok(DaySum { day, came: fen("came_fen")?, went: fen("went_fen")?, apart })
}
