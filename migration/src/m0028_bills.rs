//! Reconciliation: the days of providers' bills, the rows of them that are ours, and in what they
//! differ from our books.

use crate::columns::{big, big_null, int, text, uuid, uuid_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Expr, Index, MigrationTrait,
        SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        days(manager).await?;
        rows(manager).await?;
        differences(manager).await?;
        repairs(manager).await?;
        // The paid payments of a day, in the order in which they are read.
        let by_day = "CREATE INDEX payment_by_paid_at ON payment (school_id, paid_at, id) \
                      WHERE state = 'paid'";
        manager.get_connection().execute_unprepared(by_day).await?;
        // The refunds that were done on a day, likewise.
        let by_day = "CREATE INDEX refund_by_ended_at ON refund (school_id, ended_at, id) \
                      WHERE state = 'done'";
        manager.get_connection().execute_unprepared(by_day).await?;
        Ok(())
    }
}

/// A day of a school at a provider's merchant. `run` counts how often it was compared.
async fn days(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table(Alias::new("bill_day"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("provider"))
        .col(text("merchant_number"))
        .col(int("day"))
        .col(text("state").check(Expr::cust("state IN ('open', 'closed')")))
        .col(big("run"))
        .col(text("file_hash"))
        .col(big("bill_rows"))
        .col(big("our_rows"))
        .col(big("paid_count"))
        .col(big("paid_fen"))
        .col(big("back_count"))
        .col(big("back_fen"))
        .col(big("billed_fen"))
        .col(big("refunded_fen"))
        .col(big("fee_fen"))
        .col(big("coupon_fen"))
        .col(big("open_differences"))
        .col(big("compared_at"))
        .col(big_null("closed_at"))
        .col(big_null("reopened_at"))
        .to_owned();
    manager.create_table(table).await?;
    let once = Index::create()
        .name("bill_day_once")
        .table(Alias::new("bill_day"))
        .col(Alias::new("school_id"))
        .col(Alias::new("provider"))
        .col(Alias::new("merchant_number"))
        .col(Alias::new("day"))
        .unique()
        .to_owned();
    manager.create_index(once).await
}

/// The rows of bills that are payments of ours, or refunds of them.
async fn rows(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table(Alias::new("bill_row"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("provider"))
        .col(text("merchant_number"))
        .col(int("day"))
        .col(text("entry").check(Expr::cust("entry IN ('payment', 'refund')")))
        .col(text("number"))
        .col(uuid("payment_id"))
        .col(text("out_refund_no"))
        // How far a refund was when the bill was made; of a payment `done`.
        .col(text("stage"))
        .col(big("amount_fen"))
        .col(big("fee_fen"))
        .col(big("coupon_fen"))
        .col(big("at"))
        .col(big("kept_at"))
        .to_owned();
    manager.create_table(table).await?;
    let once = Index::create()
        .name("bill_row_once")
        .table(Alias::new("bill_row"))
        .col(Alias::new("provider"))
        .col(Alias::new("merchant_number"))
        .col(Alias::new("number"))
        .unique()
        .to_owned();
    manager.create_index(once).await?;
    let of_day = Index::create()
        .name("bill_row_of_day")
        .table(Alias::new("bill_row"))
        .col(Alias::new("school_id"))
        .col(Alias::new("provider"))
        .col(Alias::new("merchant_number"))
        .col(Alias::new("day"))
        .to_owned();
    manager.create_index(of_day).await?;
    let of_payment = Index::create()
        .name("bill_row_of_payment")
        .table(Alias::new("bill_row"))
        .col(Alias::new("payment_id"))
        .to_owned();
    manager.create_index(of_payment).await
}

/// In what a row and our books differ, each field once.
async fn differences(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let states = Expr::cust("state IN ('open', 'waiting', 'repaired', 'accepted', 'gone')");
    let table = Table::create()
        .table(Alias::new("bill_difference"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("provider"))
        .col(text("merchant_number"))
        .col(int("day"))
        .col(text("entry").check(Expr::cust("entry IN ('payment', 'refund')")))
        .col(text("number"))
        .col(text("field"))
        .col(uuid_null("payment_id"))
        .col(text("out_trade_no"))
        .col(text("ours"))
        .col(text("theirs"))
        .col(big("stake_fen"))
        .col(text("repair"))
        .col(text("state").check(states))
        .col(big("run"))
        .col(big("found_at"))
        .col(big("ended_at"))
        .to_owned();
    manager.create_table(table).await?;
    let once = Index::create()
        .name("bill_difference_once")
        .table(Alias::new("bill_difference"))
        .col(Alias::new("provider"))
        .col(Alias::new("merchant_number"))
        .col(Alias::new("day"))
        .col(Alias::new("number"))
        .col(Alias::new("field"))
        .unique()
        .to_owned();
    manager.create_index(once).await?;
    let of_day = Index::create()
        .name("bill_difference_of_day")
        .table(Alias::new("bill_difference"))
        .col(Alias::new("school_id"))
        .col(Alias::new("provider"))
        .col(Alias::new("day"))
        .to_owned();
    manager.create_index(of_day).await
}

/// What two persons agreed on about a difference, as it stood then.
async fn repairs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table(Alias::new("bill_repair"))
        .col(uuid("approval_id").primary_key())
        .col(big("school_id"))
        .col(uuid("difference_id"))
        .col(uuid_null("payment_id"))
        .col(text("repair"))
        .col(big("stake_fen"))
        .col(big("accepted_at"))
        .to_owned();
    manager.create_table(table).await
}
