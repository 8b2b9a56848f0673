//! Lists of orders, and orders found by the end of a number.

use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Keyset, Source},
        ids::{PersonId, SchoolId, first_uuid_at},
        money::Fen,
    },
    orders::{
        fact::Provider,
        listing::{ListedOrder, OrderFilter},
        order::{OrderId, WholeOrder},
        purpose::Purpose,
    },
};
use sea_orm::{QueryResult, Value};
use std::collections::BTreeSet;
use uuid::Uuid;

/// An order with the payment that a list shows: the first that paid it, else the last that was tried.
const FROM: &str = "FROM orders o JOIN payment p ON p.id = (SELECT q.id FROM payment q \
    WHERE q.order_id = o.id ORDER BY q.paid_at IS NULL, q.paid_at, q.id DESC LIMIT 1) \
    WHERE o.school_id = $1";
/// The same from the payments of a provider. `IN` keeps the planner from expecting that hardly any of them
/// is the one that a list shows.
const FROM_PAYMENTS: &str = "FROM payment p JOIN orders o ON o.id = p.order_id \
    AND p.id IN (SELECT q.id FROM payment q WHERE q.order_id = p.order_id \
    ORDER BY q.paid_at IS NULL, q.paid_at, q.id DESC LIMIT 1) \
    WHERE o.school_id = $1 AND p.school_id = $1";
/// Every order has a payment, of which a count has no need.
const FROM_ORDERS: &str = "FROM orders o WHERE o.school_id = $1";
/// What has gone back of what was credited.
const GIVEN_BACK: &str = "(SELECT CAST(COALESCE(SUM(r.amount_fen), 0) AS bigint) FROM refund r \
    WHERE r.order_id = o.id AND r.state = 'done' AND r.source = 'e_account')";
/// [`WholeOrder::shown_state`] in SQL; a test compares them.
const STATE: &str = "CASE WHEN EXISTS (SELECT 1 FROM refund r WHERE r.order_id = o.id \
    AND r.state IN ('requested', 'sent')) THEN 'refunding' \
    WHEN {back} >= o.amount_fen THEN 'refunded' ELSE o.state END";
/// The most orders that a search finds.
const FOUND: usize = 20;

/// The conditions of a filter after [`FROM`], and all values so far. An id begins with the time of its
/// order, so that a day is a range of ids: of payments of a provider, too, as they are read by their orders.
fn conditions(filter: &OrderFilter) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![filter.school.number().into()];
    let mut sql = String::new();
    let mut and = |condition: &str, value: Value| {
        values.push(value);
        sql.push_str(&format!(" AND {condition}").replace("{}", &format!("${}", values.len())));
    };
    if let Some(day) = filter.day {
        and(&range(filter, ">="), first_uuid_at(day.start()).into());
        and(&range(filter, "<"), first_uuid_at(day.next().start()).into());
    }
    if let Some(person) = filter.person {
        and("o.person_id = {}", person.uuid().into());
    }
    match filter.state {
        Some(state @ ("refunding" | "refunded")) => {
            let refunded = "o.id IN (SELECT r.order_id FROM refund r WHERE r.school_id = $1)";
            and(&format!("{refunded} AND {} = {{}}", state_sql()), state.into());
        }
        // The stored state decides first, so that the refunds of other orders are not looked at. It is
        // written out: an index of these states serves no statement that has it as a parameter.
        Some(state) => {
            and(&format!("o.state = '{state}' AND {} = {{}}", state_sql()), state.into());
        }
        None => {}
    }
    if let Some(purpose) = filter.purpose {
        and("o.purpose = {}", purpose.code().into());
    }
    if let Some(provider) = filter.provider {
        and("p.provider = {}", provider.code().into());
    }
    let only = filter.only.iter().flatten();
    let places: Vec<String> = only
        .map(|id| {
            values.push(id.uuid().into());
            format!("${}", values.len())
        })
        .collect();
    if !places.is_empty() {
        sql = format!("{sql} AND o.id IN ({})", places.join(", "));
    }
    (sql, values)
}

/// Where ids begin or end.
fn range(filter: &OrderFilter, sign: &str) -> String {
    let payments = filter.provider.map(|_| format!(" AND p.order_id {sign} {{}}"));
    format!("o.id {sign} {{}}{}", payments.unwrap_or_default())
}

fn state_sql() -> String {
    STATE.replace("{back}", GIVEN_BACK)
}

/// A page of orders.
pub(in crate::orders) async fn page(
    db: &Db,
    filter: &OrderFilter,
    page: Keyset,
) -> Result<Vec<ListedOrder>, DbError> {
    if filter.only.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let (mut conditions, mut values) = conditions(filter);
    let mut from = FROM;
    if filter.provider.is_some() {
        from = FROM_PAYMENTS;
        if let Some(beyond) = page.beyond {
            values.push(beyond.into());
            let sign = if page.descending { "<" } else { ">" };
            conditions = format!("{conditions} AND p.order_id {sign} ${}", values.len());
        }
    }
    let page = page.sql("o.id", &mut values);
    let sql = format!(
        "SELECT o.id, o.person_id, o.purpose, o.amount_fen, o.created_at, {} AS shown, \
         {GIVEN_BACK} AS given_back_fen, p.provider, p.transaction_id {from}{conditions}{page}",
        state_sql(),
    );
    Source::Db(db).select(&sql, values).await?.iter().map(listed).collect()
}

fn listed(row: &QueryResult) -> Result<ListedOrder, DbError> {
    let broken = |what| DbError::Inconsistent { table: "orders", what };
    let (purpose, shown): (String, String) =
        (row.try_get("", "purpose")?, row.try_get("", "shown")?);
    let provider: String = row.try_get("", "provider")?;
    let fen = |name| Fen::new(row.try_get("", name)?).map_err(|_| broken("negative amount"));
    Ok(ListedOrder {
        id: OrderId::from_uuid(row.try_get("", "id")?),
        person: PersonId::from_uuid(row.try_get("", "person_id")?),
        purpose: Purpose::from_code(&purpose).ok_or(broken("unknown purpose"))?,
        amount: fen("amount_fen")?,
        state: OrderFilter::STATES
            .into_iter()
            .find(|state| *state == shown)
            .ok_or(broken("unknown state"))?,
        created_at: Timestamp::from_micros(row.try_get("", "created_at")?),
        provider: Provider::from_code(&provider).ok_or(broken("unknown provider"))?,
        transaction_id: row.try_get("", "transaction_id")?,
        given_back: fen("given_back_fen")?,
    })
}

/// How many orders there are, and what was paid for them; no more than `most` are looked at.
pub(in crate::orders) async fn total(
    db: &Db,
    filter: &OrderFilter,
    most: u32,
) -> Result<(u64, Fen), DbError> {
    if filter.only.as_ref().is_some_and(Vec::is_empty) {
        return Ok((0, Fen::default()));
    }
    let (conditions, values) = conditions(filter);
    let from = if filter.provider.is_some() { FROM_PAYMENTS } else { FROM_ORDERS };
    let sql = format!(
        "SELECT COUNT(*) AS orders, CAST(COALESCE(SUM(t.paid_fen), 0) AS bigint) AS paid_fen FROM \
         (SELECT CASE WHEN o.paid_at IS NULL THEN 0 ELSE o.amount_fen END AS paid_fen \
         {from}{conditions} LIMIT {most}) AS t"
    );
    let found = Source::Db(db).select(&sql, values).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table: "orders", what: "no count" })?;
    let broken = |_| DbError::Inconsistent { table: "orders", what: "negative amount" };
    let orders = u64::try_from(row.try_get::<i64>("", "orders")?).unwrap_or(0);
    Ok((orders, Fen::new(row.try_get("", "paid_fen")?).map_err(broken)?))
}

/// Orders, payments and refunds with a number of these last eight characters: `$2` in small letters and
/// without hyphens, as ids are written, and `$3` as it was typed. The sums keep the planner from reading all
/// rows of the school.
const ENDING: &str = "SELECT o.id AS order_id, o.id AS own_id, '' AS number FROM orders o \
    WHERE o.school_id + 0 = $1 AND {o.id} = $2 \
    UNION ALL SELECT p.order_id, p.id, '' FROM payment p WHERE p.school_id + 0 = $1 AND {p.id} = $2 \
    UNION ALL SELECT p.order_id, p.id, p.transaction_id FROM payment p \
    WHERE p.school_id + 0 = $1 AND p.transaction_id IS NOT NULL AND {p.transaction_id} IN ($2, $3) \
    UNION ALL SELECT r.order_id, r.id, r.refund_number FROM refund r \
    WHERE r.school_id + 0 = $1 AND {r.refund_number} IN ($2, $3) LIMIT 200";

/// [`ENDING`], with the expressions of the indexes.
fn ending_sql(db: &Db) -> String {
    let [id, number] = if Source::Db(db).has_row_locks() {
        ["right({}::text, 8)", "right({}, 8)"]
    } else {
        ["lower(hex(substr({}, 13)))", "substr({}, -8)"]
    };
    let columns =
        [("o.id", id), ("p.id", id), ("p.transaction_id", number), ("r.refund_number", number)];
    columns.into_iter().fold(ENDING.to_owned(), |sql, (column, end)| {
        sql.replace(&format!("{{{column}}}"), &end.replace("{}", column))
    })
}

/// Orders of the school with a number that ends so, the newest first.
pub(in crate::orders) async fn ids_ending(
    db: &Db,
    school: SchoolId,
    typed: &str,
) -> Result<Vec<OrderId>, DbError> {
    let plain = typed.replace('-', "").to_ascii_lowercase();
    let last = |text: &str| {
        let start = text.len().checked_sub(WholeOrder::SHORTEST_END)?;
        text.get(start..).map(str::to_owned)
    };
    let (Some(of_id), Some(of_number)) = (last(&plain), last(typed)) else {
        return Ok(Vec::new());
    };
    let values = vec![school.number().into(), of_id.into(), of_number.into()];
    let mut orders = BTreeSet::new();
    for row in Source::Db(db).select(&ending_sql(db), values).await? {
        let (own, number): (Uuid, String) =
            (row.try_get("", "own_id")?, row.try_get("", "number")?);
        let number = if number.is_empty() { own.simple().to_string() } else { number };
        if number.ends_with(typed) || number.ends_with(&plain) {
            orders.insert(OrderId::from_uuid(row.try_get("", "order_id")?));
        }
    }
    Ok(orders.into_iter().rev().take(FOUND).collect())
}
