//! MACs of the rows that decide who may act or whose money moves. `migrate --first-macs` fills them
//! in, with a key that is not in the database.

use crate::columns::bytes_null;
use sea_orm_migration::{
    async_trait,
    prelude::{Alias, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table},
};

const TABLES: [&str; 9] = [
    "person", "identity", "session", "binding", "merchant", "terminal", "device", "orders",
    "payment",
];

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            let mac =
                Table::alter().table(Alias::new(table)).add_column(bytes_null("mac")).to_owned();
            manager.alter_table(mac).await?;
        }
        Ok(())
    }
}
