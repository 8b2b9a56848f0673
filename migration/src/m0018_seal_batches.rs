//! One seal for each turn of the sealer: it lists its batches. NULL in seals of one batch, which the
//! release before goes on to write.

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
        let seal =
            Table::alter().table(Alias::new("seal")).add_column(bytes_null("batches")).to_owned();
        manager.alter_table(seal).await
    }
}
