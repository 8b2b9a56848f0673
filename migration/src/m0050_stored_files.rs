//! Files of staff that wait for a while: sealed, in parts.

use crate::columns::{big, big_null, bytes, int, int_null, text, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager,
        Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let file = Table::create()
            .table(Alias::new("stored_file"))
            .col(uuid("id").primary_key())
            .col(big("school_id"))
            .col(uuid("owner_id"))
            .col(text("purpose"))
            .col(text("name"))
            // NULL until the file is whole.
            .col(int_null("parts"))
            .col(big_null("bytes"))
            .col(big("created_at"))
            .col(big("expires_at"))
            .to_owned();
        manager.create_table(file).await?;
        let part = Table::create()
            .table(Alias::new("stored_file_part"))
            .col(uuid("file_id"))
            .col(int("position"))
            .col(bytes("sealed"))
            .primary_key(Index::create().col(Alias::new("file_id")).col(Alias::new("position")))
            .to_owned();
        manager.create_table(part).await?;
        let due = "CREATE INDEX stored_file_due ON stored_file (expires_at)";
        manager.get_connection().execute_unprepared(due).await?;
        Ok(())
    }
}
