//! A refund is unique by its number and its transaction: Alipay's numbers of refunds are unique in
//! their trade alone.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// Under new names: a connection of SQLite that did not drop an index may still know it.
const CHANGES: [&str; 4] = [
    "CREATE UNIQUE INDEX refund_of_transaction_once \
     ON refund (provider, merchant_number, transaction_id, refund_number)",
    "DROP INDEX refund_once",
    "CREATE UNIQUE INDEX refund_answer_of_transaction_once \
     ON refund_answer (provider, merchant_number, transaction_id, refund_number, outcome)",
    "DROP INDEX refund_answer_once",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for change in CHANGES {
            manager.get_connection().execute_unprepared(change).await?;
        }
        Ok(())
    }
}
