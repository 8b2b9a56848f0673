//! Refunds, and the providers' messages and answers that ended them.

use crate::columns::{big, big_null, bytes, bytes_null, flag, int, text, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Expr, ForeignKey, MigrationTrait,
        SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const INDEXES: [&str; 8] = [
    "CREATE INDEX refund_by_number ON refund (refund_number)",
    "CREATE INDEX refund_answer_by_number ON refund_answer (refund_number)",
    "CREATE UNIQUE INDEX refund_once ON refund (provider, merchant_number, refund_number)",
    "CREATE INDEX refund_by_payment ON refund (payment_id)",
    "CREATE INDEX refund_by_order ON refund (order_id)",
    // Refunds of a payment go one after the other.
    "CREATE UNIQUE INDEX refund_one_at_a_time ON refund (payment_id) WHERE state = 'sent'",
    "CREATE UNIQUE INDEX refund_of_surplus_once ON refund (payment_id, transaction_id) \
     WHERE why = 'surplus'",
    "CREATE UNIQUE INDEX refund_answer_once \
     ON refund_answer (provider, merchant_number, refund_number, outcome)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        refunds(manager).await?;
        answers(manager).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}

async fn refunds(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let refund = Table::create()
        .table(Alias::new("refund"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(uuid("person_id"))
        .col(uuid("order_id"))
        .col(uuid("payment_id"))
        .col(text("provider"))
        .col(text("merchant_number"))
        .col(text("transaction_id"))
        .col(text("refund_number"))
        .col(big("amount_fen").check(Expr::cust("amount_fen > 0 AND amount_fen <= total_fen")))
        .col(big("total_fen"))
        .col(text("why").check(Expr::cust("why IN ('surplus', 'staff', 'provider')")))
        .col(text("source").check(Expr::cust("source IN ('suspense', 'e_account')")))
        .col(text("state"))
        .col(int("day"))
        .col(big("created_at"))
        .col(big_null("approved_at"))
        .col(big_null("sent_at"))
        .col(big_null("returned_at"))
        .col(big_null("ended_at"))
        .col(flag("ended_by_provider"))
        .col(text("provider_refund_id"))
        .col(bytes_null("mac"))
        .check(Expr::cust(
            "(state IN ('asked', 'requested', 'sent') AND ended_at IS NULL) \
             OR (state IN ('done', 'failed') AND ended_at IS NOT NULL)",
        ))
        .foreign_key(
            ForeignKey::create()
                .from(Alias::new("refund"), Alias::new("payment_id"))
                .to(Alias::new("payment"), Alias::new("id")),
        )
        .to_owned();
    manager.create_table(refund).await
}

async fn answers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let answer = Table::create()
        .table(Alias::new("refund_answer"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("provider"))
        .col(text("merchant_number"))
        .col(text("refund_number"))
        // `done` or `closed`.
        .col(text("outcome"))
        // 0 for a message.
        .col(int("asked"))
        .col(text("out_trade_no"))
        .col(text("transaction_id"))
        .col(text("headers"))
        .col(bytes("body"))
        .col(big("received_at"))
        .to_owned();
    manager.create_table(answer).await
}
