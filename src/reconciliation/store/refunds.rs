//! Refunds as they are stored.

use crate::{
    base::{
        clock::Timestamp,
        db::{Column, DbError, Source, Tx},
        money::Fen,
    },
    orders::{fact::Provider, order::PaymentId},
    reconciliation::{compare::OurRefund, day::DayKey},
};
use sea_orm::{QueryResult, Value};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

const REFUND: &str = "SELECT f.id, f.payment_id, f.refund_number, f.amount_fen, f.state, f.ended_at, \
    f.transaction_id FROM refund f";

/// The number that a refund has in a bill.
pub(super) fn number_of_refund(
    provider: Provider,
    transaction_id: &str,
    out_refund_no: &str,
) -> String {
    if provider.numbers_refunds_by_transaction() {
        format!("{transaction_id}:{out_refund_no}")
    } else {
        out_refund_no.to_owned()
    }
}

/// A refund, by the number that it has in a bill.
fn refund_of(row: &QueryResult, provider: Provider) -> Result<OurRefund, DbError> {
    let broken = |_| DbError::Inconsistent { table: "refund", what: "negative amount" };
    let state: String = row.try_get("", "state")?;
    let ended_at = row.try_get::<Option<i64>>("", "ended_at")?.map(Timestamp::from_micros);
    let out_refund_no: String = row.try_get("", "refund_number")?;
    let transaction: String = row.try_get("", "transaction_id")?;
    let number = number_of_refund(provider, &transaction, &out_refund_no);
    Ok(OurRefund {
        out_refund_no,
        number,
        payment: PaymentId::from_uuid(row.try_get("", "payment_id")?),
        amount: Fen::new(row.try_get("", "amount_fen")?).map_err(broken)?,
        done_at: ended_at.filter(|_| state == "done"),
        state,
    })
}

/// Refunds at the merchant, by the payment and the merchant's number of the refund: there may be one of
/// the same number for another payment.
pub(in crate::reconciliation) async fn refunds(
    tx: &Tx,
    key: &DayKey,
    numbers: Vec<String>,
) -> Result<HashMap<(PaymentId, String), OurRefund>, DbError> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    // By the index of numbers: without statistics, that of the merchant reads all of its refunds.
    let sql = format!(
        "{REFUND} WHERE f.refund_number {{keys1}} AND f.provider || '' {{keys2}} \
         AND f.merchant_number || '' {{keys3}}"
    );
    let keys = vec![
        Column::Text(numbers),
        Column::Text(vec![key.provider.code().to_owned()]),
        Column::Text(vec![key.merchant.clone()]),
    ];
    let found = tx.select_keys(&sql, keys).await?;
    let by_number = |row: &QueryResult| {
        let refund = refund_of(row, key.provider)?;
        Ok(((refund.payment, refund.out_refund_no.clone()), refund))
    };
    found.iter().map(by_number).collect()
}

/// A page of the refunds that were done on the day, in the order of their times and ids, with the place
/// of the last.
pub(in crate::reconciliation) async fn back_on(
    tx: &Tx,
    key: &DayKey,
    after: Option<(i64, Uuid)>,
    most: i64,
) -> Result<(Vec<OurRefund>, Option<(i64, Uuid)>), DbError> {
    let (from, last) = after.unwrap_or((key.day.start().micros(), Uuid::nil()));
    let sql = format!(
        "{REFUND} WHERE f.school_id = $1 AND f.provider = $2 AND f.merchant_number = $3 \
         AND f.state = 'done' AND f.ended_at >= $4 AND f.ended_at < $5 \
         AND (f.ended_at > $4 OR f.id > $6) ORDER BY f.ended_at, f.id LIMIT $7"
    );
    let values: Vec<Value> = vec![
        key.school.number().into(),
        key.provider.code().into(),
        key.merchant.as_str().into(),
        from.into(),
        key.day.next().start().micros().into(),
        last.into(),
        most.into(),
    ];
    let found = Source::Tx(tx).select(&sql, values).await?;
    let place = |row: &QueryResult| {
        Ok::<_, DbError>((row.try_get::<i64>("", "ended_at")?, row.try_get("", "id")?))
    };
    let last = found.last().map(place).transpose()?;
    let refunds = found.iter().map(|row| refund_of(row, key.provider));
    Ok((refunds.collect::<Result<_, _>>()?, last))
}

/// Those of these payments' refunds that are in a bill, whatever its day.
pub(in crate::reconciliation) async fn billed_refunds(
    tx: &Tx,
    payments: Vec<Uuid>,
) -> Result<HashSet<(Uuid, String)>, DbError> {
    if payments.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = "SELECT b.payment_id, b.out_refund_no FROM bill_row b WHERE b.payment_id {keys1} \
               AND b.entry = 'refund'";
    let found = tx.select_keys(sql, vec![Column::Uuid(payments)]).await?;
    let one =
        |row: &QueryResult| Ok((row.try_get("", "payment_id")?, row.try_get("", "out_refund_no")?));
    found.iter().map(one).collect()
}
