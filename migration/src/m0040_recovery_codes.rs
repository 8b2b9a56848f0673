//! Recovery codes of members of staff: the SHA-256 of each that was not used.

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
        let add = Table::alter()
            .table(Alias::new("staff_member"))
            .add_column(bytes_null("recovery_hashes"))
            .to_owned();
        manager.alter_table(add).await
    }
}
