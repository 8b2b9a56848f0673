//! Tries at query passwords, and what identities are told.

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
        let tries = Table::create()
            .table(Alias::new("password_try"))
            // A keyed digest of who tries and at whom: the table names nobody.
            .col(bytes("subject").primary_key())
            .col(big("counted"))
            .col(big("first_at"))
            .col(big("last_at"))
            .to_owned();
        manager.create_table(tries).await?;
        let notice = Table::create()
            .table(Alias::new("notice"))
            .col(uuid("id").primary_key())
            .col(uuid("identity_id"))
            .col(uuid("person_id"))
            .col(big("school_id"))
            .col(text("kind"))
            .col(text("platform"))
            .col(big("at"))
            .to_owned();
        manager.create_table(notice).await?;
        for (name, table, columns) in [
            ("password_try_by_age", "password_try", ["last_at"].as_slice()),
            ("notice_of_identity", "notice", &["identity_id", "at"]),
            ("session_of_identity", "session", &["identity_id"]),
        ] {
            let mut index = Index::create();
            index.name(name).table(Alias::new(table));
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
