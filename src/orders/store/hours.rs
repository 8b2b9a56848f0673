//! The money of a day, hour by hour.

use crate::base::{
    clock::Day,
    db::{Db, DbError, Source},
    ids::SchoolId,
    money::Fen,
};

/// The day is a range of an index of the payments, and one of an index of the refunds. An hour in Beijing
/// begins with an hour of the day.
const HOURS: &str = "SELECT CAST((p.paid_at - $2) / 3600000000 AS bigint) AS hour, 0 AS back, \
    CAST(SUM(p.amount_fen) AS bigint) AS fen FROM payment p WHERE p.school_id = $1 \
    AND p.state = 'paid' AND p.paid_at >= $2 AND p.paid_at < $3 GROUP BY 1 \
    UNION ALL SELECT CAST((r.ended_at - $2) / 3600000000 AS bigint), 1, \
    CAST(SUM(r.amount_fen) AS bigint) FROM refund r WHERE r.school_id = $1 \
    AND r.state = 'done' AND r.ended_at >= $2 AND r.ended_at < $3 GROUP BY 1";

/// What came in and what went back in each hour of a day.
pub(in crate::orders) async fn of_day(
    db: &Db,
    school: SchoolId,
    day: Day,
) -> Result<[[Fen; 2]; 24], DbError> {
    let broken = |what| DbError::Inconsistent { table: "payment", what };
    let [from, to] = [day, day.next()].map(|day| day.start().micros().into());
    let mut hours = [[Fen::default(); 2]; 24];
    for row in Source::Db(db).select(HOURS, vec![school.number().into(), from, to]).await? {
        let hour = usize::try_from(row.try_get::<i64>("", "hour")?).unwrap_or(usize::MAX);
        let back: i32 = row.try_get("", "back")?;
        let fen = Fen::new(row.try_get("", "fen")?).map_err(|_| broken("negative amount"))?;
        let [paid, returned] = hours.get_mut(hour).ok_or(broken("no hour of the day"))?;
        *(if back == 0 { paid } else { returned }) = fen;
    }
    Ok(hours)
}
