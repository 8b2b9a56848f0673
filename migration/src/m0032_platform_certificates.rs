//! The platform certificates that were fetched, so that `verify` can check what they signed.

use crate::columns::{big, text};
use sea_orm_migration::{
    async_trait,
    prelude::{Alias, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let certificate = Table::create()
            .table(Alias::new("platform_certificate"))
            .col(text("merchant_number"))
            .col(text("serial"))
            // The entry of the provider's answer, encrypted with the API v3 key.
            .col(text("sealed"))
            .col(big("fetched_at"))
            .primary_key(
                Index::create().col(Alias::new("merchant_number")).col(Alias::new("serial")),
            )
            .to_owned();
        manager.create_table(certificate).await
    }
}
