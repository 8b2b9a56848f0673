//! Under which number a question for a password is being answered.

use crate::columns::big_null;
use sea_orm_migration::{
    async_trait,
    prelude::{Alias, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let more = Table::alter()
            .table(Alias::new("charge_challenge"))
            .add_column(big_null("claimed_seq"))
            .to_owned();
        manager.alter_table(more).await
    }
}
