//! Phone numbers that platforms told of their users, with their consents.

use crate::columns::{big, bytes, text, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{Alias, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let phone = Table::create()
            .table(Alias::new("identity_phone"))
            .col(uuid("identity_id").primary_key())
            .col(bytes("phone_sealed"))
            .col(bytes("proof_digest"))
            .col(text("consent_version"))
            .col(big("consented_at"))
            .to_owned();
        manager.create_table(phone).await?;
        let once = Index::create()
            .name("identity_phone_proof_once")
            .table(Alias::new("identity_phone"))
            .col(Alias::new("proof_digest"))
            .unique()
            .to_owned();
        manager.create_index(once).await
    }
}
