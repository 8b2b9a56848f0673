//! The signed headers of providers' messages, and the answers of providers that moved money, so that
//! `verify` can check their signatures again.

use crate::columns::{big, bytes, text, text_null, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager,
        Table,
    },
    sea_orm::DbBackend,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let headers = Table::alter()
            .table(Alias::new("notification"))
            .add_column(text_null("headers"))
            .to_owned();
        manager.alter_table(headers).await?;
        let by_transaction = Index::create()
            .name("notification_by_transaction")
            .table(Alias::new("notification"))
            .col(Alias::new("provider"))
            .col(Alias::new("transaction_id"))
            .to_owned();
        manager.create_index(by_transaction).await?;
        answers(manager).await?;
        start(manager).await
    }
}

/// The key is the transaction: the first answer that moved its money.
async fn answers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let answer = Table::create()
        .table(Alias::new("provider_answer"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("provider"))
        .col(text("merchant_number"))
        .col(text("out_trade_no"))
        .col(text("transaction_id"))
        .col(text("headers"))
        .col(bytes("body"))
        .col(big("received_at"))
        .to_owned();
    manager.create_table(answer).await?;
    let once = Index::create()
        .name("provider_answer_once")
        .table(Alias::new("provider_answer"))
        .col(Alias::new("provider"))
        .col(Alias::new("merchant_number"))
        .col(Alias::new("transaction_id"))
        .unique()
        .to_owned();
    manager.create_index(once).await
}

/// Since when evidence is kept: from the beginning in a new database; else from a day after this
/// migration, because servers of the release before may still be running.
async fn start(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let start =
        Table::create().table(Alias::new("evidence_start")).col(big("at").primary_key()).to_owned();
    manager.create_table(start).await?;
    let now = if manager.get_database_backend() == DbBackend::Postgres {
        "CAST(EXTRACT(EPOCH FROM now()) AS bigint)"
    } else {
        "unixepoch()"
    };
    let mark = format!(
        "INSERT INTO evidence_start (at) SELECT CASE WHEN EXISTS (SELECT 1 FROM payment) \
         THEN ({now} + 86400) * 1000000 ELSE 0 END"
    );
    db.execute_unprepared(&mark).await?;
    Ok(())
}
