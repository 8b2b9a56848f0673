//! The number of a card's chip, and that of the card that was reported lost.

use crate::columns::bytes_null;
use sea_orm_migration::{
    async_trait,
    prelude::{Alias, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in ["chip_sealed", "lost_chip_sealed"] {
            let add = Table::alter()
                .table(Alias::new("person"))
                .add_column(bytes_null(column))
                .to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }
}
