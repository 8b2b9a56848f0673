//! What the audit of fees and coupons reads.

use super::differences::difference_of;
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Column, DbError, Rows, Source, Tx},
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    orders::fact::Provider,
    reconciliation::{difference::Difference, postings::Posting},
};
use sea_orm::QueryResult;
use uuid::Uuid;

/// Rows read at a time.
const PAGE: i64 = 4000;
/// The most rows that are named.
const NAMED: i64 = 1000;
const ROW: &str = "SELECT b.id, b.school_id, b.provider, b.merchant_number, b.day, b.entry, \
                   b.number, b.fee_fen, b.coupon_fen";

/// The rows with these providers, merchant numbers and numbers.
pub(in crate::reconciliation) async fn rows_of(
    tx: &Tx,
    keys: &[(String, String, String)],
) -> Result<Vec<Posting>, DbError> {
    let of = |f: fn(&(String, String, String)) -> &String| {
        Column::Text(keys.iter().map(|key| f(key).clone()).collect())
    };
    let rows = Rows::new(vec![
        ("provider", of(|(provider, ..)| provider)),
        ("merchant_number", of(|(_, merchant, _)| merchant)),
        ("number", of(|(.., number)| number)),
    ]);
    let sql = format!(
        "{ROW} FROM {{rows}} JOIN bill_row b ON b.provider = r.provider \
         AND b.merchant_number = r.merchant_number AND b.number = r.number"
    );
    tx.select_rows(&sql, rows).await?.iter().map(posting_of).collect()
}

fn posting_of(row: &QueryResult) -> Result<Posting, DbError> {
    let broken = |what| DbError::Inconsistent { table: "bill_row", what };
    let (provider, entry): (String, String) =
        (row.try_get("", "provider")?, row.try_get("", "entry")?);
    Ok(Posting {
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        provider: Provider::from_code(&provider).ok_or(broken("unknown provider"))?,
        merchant: row.try_get("", "merchant_number")?,
        day: Day::from_number(row.try_get("", "day")?),
        number: row.try_get("", "number")?,
        is_refund: entry == "refund",
        fee_fen: row.try_get("", "fee_fen")?,
        coupon: Fen::new(row.try_get("", "coupon_fen")?).map_err(|_| broken("negative coupon"))?,
    })
}

/// How many rows of each school have a fee, and how many a coupon.
pub(in crate::reconciliation) async fn counts(
    tx: &Tx,
) -> Result<Vec<(SchoolId, [u64; 2])>, DbError> {
    tx.allow_scans(true).await?;
    let sql = "SELECT school_id, \
               CAST(SUM(CASE WHEN fee_fen <> 0 THEN 1 ELSE 0 END) AS bigint) AS fees, \
               CAST(SUM(CASE WHEN coupon_fen <> 0 THEN 1 ELSE 0 END) AS bigint) AS coupons \
               FROM bill_row GROUP BY school_id";
    let found = Source::Tx(tx).select(sql, Vec::new()).await?;
    tx.allow_scans(false).await?;
    let count = |row: &QueryResult| {
        let number =
            |name| Ok::<_, DbError>(u64::try_from(row.try_get::<i64>("", name)?).unwrap_or(0));
        let school = SchoolId::from_number(row.try_get("", "school_id")?);
        Ok::<_, DbError>((school, [number("fees")?, number("coupons")?]))
    };
    found.iter().map(count).collect()
}

/// A page of rows, with the last id of it.
pub(in crate::reconciliation) async fn page_after(
    tx: &Tx,
    after: Option<Uuid>,
) -> Result<(Vec<Posting>, Option<Uuid>), DbError> {
    let sql = format!("{ROW} FROM bill_row b WHERE b.id > $1 ORDER BY b.id LIMIT $2");
    let values = vec![after.unwrap_or(Uuid::nil()).into(), PAGE.into()];
    let found = Source::Tx(tx).select(&sql, values).await?;
    let last = found.last().map(|row| row.try_get("", "id")).transpose()?;
    Ok((found.iter().map(posting_of).collect::<Result<_, _>>()?, last))
}

/// A row in the bill of a closed day that is like none of ours.
#[derive(Clone, Debug)]
pub(in crate::reconciliation) struct UnlikeRow {
    /// The row, as far as it posts.
    pub(in crate::reconciliation) row: Posting,
    /// The amount.
    pub(in crate::reconciliation) amount_fen: i64,
    /// Whether it is another transaction of a payment that was paid, or of no payment: the ledger tells.
    pub(in crate::reconciliation) is_suspended: bool,
    id: Uuid,
}

impl UnlikeRow {
    /// The place in the order of rows.
    pub(in crate::reconciliation) const fn id(&self) -> Uuid {
        self.id
    }
}

/// Law: in the bill of a closed day, each row that is a payment has a paid payment of ours with the
/// same number and amount, and each that is a refund that was done has such a refund of ours; but for what two
/// persons have accepted. Answers a page of those that break it, among days compared since the time.
pub(in crate::reconciliation) async fn unlike(
    tx: &Tx,
    since: Option<Timestamp>,
    after: Uuid,
) -> Result<Vec<UnlikeRow>, DbError> {
    tx.allow_scans(true).await?;
    let sql = format!(
        "{ROW}, b.amount_fen, \
         CASE WHEN b.entry = 'payment' AND (p.id IS NULL OR p.state = 'paid' \
         AND p.transaction_id <> b.number) THEN 1 ELSE 0 END AS is_suspended FROM bill_day d JOIN bill_row b ON b.school_id = d.school_id \
         AND b.provider = d.provider AND b.merchant_number = d.merchant_number \
         AND b.day = d.day LEFT JOIN payment p ON p.id = b.payment_id \
         WHERE d.state = 'closed' AND d.open_differences = 0 AND d.compared_at >= $1 \
         AND b.id > $2 AND (p.id IS NULL OR p.state <> 'paid' OR (b.entry = 'payment' \
         AND (p.amount_fen <> b.amount_fen OR p.transaction_id <> b.number)) \
         OR (b.entry = 'refund' AND b.stage = 'done' AND NOT EXISTS (SELECT 1 FROM refund f \
         WHERE f.payment_id = b.payment_id AND f.refund_number = b.out_refund_no \
         AND f.amount_fen = b.amount_fen))) \
         AND NOT EXISTS (SELECT 1 FROM bill_difference a \
         WHERE a.provider = b.provider AND a.merchant_number = b.merchant_number \
         AND a.day = b.day AND a.number = b.number AND a.state = 'accepted') ORDER BY b.id LIMIT $3"
    );
    let since = since.map_or(0, Timestamp::micros);
    let found = Source::Tx(tx).select(&sql, vec![since.into(), after.into(), NAMED.into()]).await?;
    tx.allow_scans(false).await?;
    let unlike = |row: &QueryResult| {
        Ok(UnlikeRow {
            row: posting_of(row)?,
            amount_fen: row.try_get("", "amount_fen")?,
            is_suspended: row.try_get::<i32>("", "is_suspended")? == 1,
            id: row.try_get("", "id")?,
        })
    };
    found.iter().map(unlike).collect()
}

/// A repair as it is kept. Only its request proves it.
#[derive(Clone, Debug)]
pub(in crate::reconciliation) struct KeptRepair {
    /// The id of the request.
    pub(in crate::reconciliation) approval: Uuid,
    /// The school.
    pub(in crate::reconciliation) school: SchoolId,
    /// Whose order the payment pays.
    pub(in crate::reconciliation) person: PersonId,
    /// The payment whose order that is.
    pub(in crate::reconciliation) payment: Uuid,
    /// The id of the difference.
    pub(in crate::reconciliation) id: Uuid,
    /// The difference as it stood.
    pub(in crate::reconciliation) difference: Difference,
    /// What earlier repairs had moved for the payment, in fen.
    pub(in crate::reconciliation) corrected_fen: i64,
    /// When it was accepted.
    pub(in crate::reconciliation) accepted_at: Timestamp,
}

/// The corrections that are kept under these requests.
pub(in crate::reconciliation) async fn corrections_of(
    tx: &Tx,
    approvals: Vec<Uuid>,
) -> Result<Vec<KeptRepair>, DbError> {
    if approvals.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT d.approval_id, d.school_id, d.difference_id AS id, d.payment_id, d.stake_fen, \
               d.corrected_fen, d.accepted_at, d.entry, d.number, d.out_trade_no, d.field, d.ours, \
               d.theirs, d.repair, o.person_id FROM bill_repair d JOIN payment p ON p.id = d.payment_id \
               JOIN orders o ON o.id = p.order_id WHERE d.approval_id {keys1} \
               AND d.repair = 'correct_balance' AND d.field IS NOT NULL";
    let found = tx.select_keys(sql, vec![Column::Uuid(approvals)]).await?;
    let kept = |row: &QueryResult| {
        Ok(KeptRepair {
            approval: row.try_get("", "approval_id")?,
            school: SchoolId::from_number(row.try_get("", "school_id")?),
            person: PersonId::from_uuid(row.try_get("", "person_id")?),
            payment: row.try_get("", "payment_id")?,
            id: row.try_get("", "id")?,
            difference: difference_of(row)?,
            corrected_fen: row.try_get("", "corrected_fen")?,
            accepted_at: Timestamp::from_micros(row.try_get("", "accepted_at")?),
        })
    };
    found.iter().map(kept).collect()
}

/// How many corrections were agreed on at each school.
pub(in crate::reconciliation) async fn count_corrections(
    tx: &Tx,
) -> Result<Vec<(SchoolId, u64)>, DbError> {
    tx.allow_scans(true).await?;
    let sql = "SELECT school_id, COUNT(*) AS n FROM bill_repair \
               WHERE repair = 'correct_balance' AND stake_fen <> corrected_fen GROUP BY school_id";
    let found = Source::Tx(tx).select(sql, Vec::new()).await?;
    tx.allow_scans(false).await?;
    let count = |row: &QueryResult| {
        let number = u64::try_from(row.try_get::<i64>("", "n")?).unwrap_or(0);
        Ok::<_, DbError>((SchoolId::from_number(row.try_get("", "school_id")?), number))
    };
    found.iter().map(count).collect()
}

/// The corrections that were agreed on, by school and reference.
pub(in crate::reconciliation) async fn accepted_corrections(
    tx: &Tx,
) -> Result<Vec<(SchoolId, String)>, DbError> {
    tx.allow_scans(true).await?;
    let sql = "SELECT school_id, approval_id FROM bill_repair \
               WHERE repair = 'correct_balance' AND stake_fen <> corrected_fen LIMIT $1";
    let found = Source::Tx(tx).select(sql, vec![NAMED.into()]).await?;
    tx.allow_scans(false).await?;
    let one = |row: &QueryResult| {
        let approval: Uuid = row.try_get("", "approval_id")?;
        Ok((SchoolId::from_number(row.try_get("", "school_id")?), approval.to_string()))
    };
    found.iter().map(one).collect()
}
