//! Finds orders by the references of their postings.

use crate::{
    base::{
        db::{Db, DbError},
        ids::PersonId,
    },
    orders::order::OrderId,
};
use entity::{orders, payment};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait as _, QueryFilter, QuerySelect, sea_query::Query,
};
use std::collections::HashMap;
use uuid::Uuid;

/// Runs one query, or none if no reference has the format of a payment reference.
pub(in crate::orders) async fn of_postings(
    db: &Db,
    person: PersonId,
    references: &[&str],
) -> Result<HashMap<String, OrderId>, DbError> {
    let parts = |reference: &&str| {
        let (provider, rest) = reference.split_once(':')?;
        let (merchant, transaction) = rest.split_once(':')?;
        Some(
            payment::Column::Provider
                .eq(provider)
                .and(payment::Column::Merchant.eq(merchant))
                .and(payment::Column::TransactionId.eq(transaction)),
        )
    };
    let any = references.iter().filter_map(parts).fold(Condition::any(), Condition::add);
    if any.is_empty() {
        return Ok(HashMap::new());
    }
    let own = Query::select()
        .column(orders::Column::Id)
        .from(orders::Entity)
        .and_where(orders::Column::PersonId.eq(person.uuid()))
        .to_owned();
    let found: Vec<(String, String, String, Uuid)> = payment::Entity::find()
        .select_only()
        .columns([
            payment::Column::Provider,
            payment::Column::Merchant,
            payment::Column::TransactionId,
            payment::Column::OrderId,
        ])
        .filter(any)
        .filter(payment::Column::OrderId.in_subquery(own))
        .into_tuple()
        .all(db.conn())
        .await?;
    Ok(found
        .into_iter()
        .map(|(provider, merchant, transaction, order)| {
            (format!("{provider}:{merchant}:{transaction}"), OrderId::from_uuid(order))
        })
        .collect())
}
