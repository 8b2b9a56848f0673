//! Orders, their payments, the providers' messages, idempotency keys, and cases for staff.

use crate::columns::{big, big_null, bytes, text, text_null, uuid, uuid_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Expr, ForeignKey, Index,
        MigrationTrait, SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        orders(manager).await?;
        payments(manager).await?;
        notifications(manager).await?;
        idempotency_keys(manager).await?;
        cases(manager).await
    }
}

async fn orders(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let orders = Table::create()
        .table(Alias::new("orders"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(uuid("person_id"))
        .col(text("purpose"))
        .col(big("amount_fen").check(Expr::cust("amount_fen > 0")))
        .col(text("state"))
        .col(big("created_at"))
        .col(big("expires_at"))
        .col(big_null("paid_at"))
        .check(Expr::cust(
            "(state IN ('awaiting_payment', 'closed') AND paid_at IS NULL) \
             OR (state IN ('paid', 'fulfilled', 'refunding', 'refunded') AND paid_at IS NOT NULL)",
        ))
        .to_owned();
    manager.create_table(orders).await?;
    let by_person = Index::create()
        .name("orders_by_person")
        .table(Alias::new("orders"))
        .col(Alias::new("person_id"))
        .col(Alias::new("id"))
        .to_owned();
    manager.create_index(by_person).await?;
    // The few that still wait, for the sweep and for "what is pending".
    let open = "CREATE INDEX orders_open ON orders (expires_at) WHERE state = 'awaiting_payment'";
    manager.get_connection().execute_unprepared(open).await?;
    Ok(())
}

async fn payments(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let payment = Table::create()
        .table(Alias::new("payment"))
        .col(uuid("id").primary_key())
        .col(uuid("order_id"))
        .col(big("school_id"))
        .col(text("provider"))
        .col(text("merchant"))
        .col(text("app_id"))
        .col(text("payer"))
        .col(big("amount_fen").check(Expr::cust("amount_fen > 0")))
        .col(text("state"))
        .col(text_null("transaction_id"))
        .col(big("created_at"))
        .col(big_null("paid_at"))
        .check(Expr::cust(
            "(state = 'paid' AND transaction_id IS NOT NULL AND paid_at IS NOT NULL) \
             OR (state IN ('open', 'closed') AND transaction_id IS NULL AND paid_at IS NULL)",
        ))
        .foreign_key(
            ForeignKey::create()
                .from(Alias::new("payment"), Alias::new("order_id"))
                .to(Alias::new("orders"), Alias::new("id")),
        )
        .to_owned();
    manager.create_table(payment).await?;
    let by_order = Index::create()
        .name("payment_by_order")
        .table(Alias::new("payment"))
        .col(Alias::new("order_id"))
        .to_owned();
    manager.create_index(by_order).await?;
    let once = Index::create()
        .name("payment_transaction_once")
        .table(Alias::new("payment"))
        .col(Alias::new("provider"))
        .col(Alias::new("merchant"))
        .col(Alias::new("transaction_id"))
        .unique()
        .to_owned();
    manager.create_index(once).await
}

async fn notifications(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let notification = Table::create()
        .table(Alias::new("notification"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("provider"))
        .col(text("notification_id"))
        .col(text("out_trade_no"))
        .col(text("transaction_id"))
        .col(text("verdict"))
        // As received, still encrypted: evidence in a dispute.
        .col(bytes("body"))
        .col(big("received_at"))
        .to_owned();
    manager.create_table(notification).await?;
    let once = Index::create()
        .name("notification_once")
        .table(Alias::new("notification"))
        .col(Alias::new("school_id"))
        .col(Alias::new("provider"))
        .col(Alias::new("notification_id"))
        .unique()
        .to_owned();
    manager.create_index(once).await
}

async fn idempotency_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let keys = Table::create()
        .table(Alias::new("idempotency_key"))
        .col(uuid("person_id"))
        .col(text("scope"))
        .col(text("key"))
        .col(bytes("request_hash"))
        .col(uuid("resource_id"))
        .col(big("created_at"))
        .primary_key(
            Index::create()
                .col(Alias::new("person_id"))
                .col(Alias::new("scope"))
                .col(Alias::new("key")),
        )
        .to_owned();
    manager.create_table(keys).await
}

async fn cases(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let case = Table::create()
        .table(Alias::new("review_case"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(uuid_null("person_id"))
        .col(text("kind"))
        .col(text("subject"))
        .col(text("detail"))
        .col(big("opened_at"))
        .col(big_null("closed_at"))
        .to_owned();
    manager.create_table(case).await?;
    let once = Index::create()
        .name("review_case_once")
        .table(Alias::new("review_case"))
        .col(Alias::new("school_id"))
        .col(Alias::new("kind"))
        .col(Alias::new("subject"))
        .unique()
        .to_owned();
    manager.create_index(once).await
}
