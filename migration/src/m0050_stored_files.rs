//! Files of staff that wait for a while, sealed and in parts, and exports that make some.

use crate::columns::{big, big_null, bytes, int, int_null, text, uuid, uuid_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager,
        Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const INDEXES: [&str; 4] = [
    "CREATE INDEX stored_file_due ON stored_file (expires_at)",
    "CREATE INDEX export_job_of_member ON export_job (member_id, id)",
    "CREATE INDEX export_job_due ON export_job (leased_until) WHERE state = 'running'",
    "CREATE INDEX export_job_old ON export_job (expires_at)",
];

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
        let export = Table::create()
            .table(Alias::new("export_job"))
            .col(uuid("id").primary_key())
            .col(big("school_id"))
            .col(uuid("member_id"))
            .col(text("kind"))
            .col(text("query"))
            .col(text("format"))
            .col(text("state"))
            .col(uuid_null("file_id"))
            .col(big("row_count"))
            .col(big("asked_at"))
            .col(big("expires_at"))
            .col(big("leased_until"))
            .col(int("tries"))
            .to_owned();
        manager.create_table(export).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}
